"""The bodies of the requests that make a server, its ports, and its root disk anew."""

import base64
from collections.abc import Sequence
from typing import Any

from hostwright.core.cloudinit import compose
from hostwright.core.errors import InvalidConfiguration
from hostwright.core.port import Trace
from hostwright.kinds.virtualmachine.port import InterfaceShape, MachineShape, Wanted
from hostwright.providers.openstack import volumes
from hostwright.providers.openstack.calls import Anew
from hostwright.providers.openstack.rows import REBUILT, RECORD_NAME, RECORD_NAMESPACE
from hostwright.providers.openstack.translate import placed, port_name

#: Nova takes 65,535 characters of base64 (nova.api.openstack.compute.schemas.servers).
USER_DATA_BYTES = 65_535 // 4 * 3


def server_body(
    wanted: Wanted, trace: Trace, port_ids: Sequence[str], user_data: bytes | None, volume_ids: Sequence[str] = ()
) -> dict[str, Any]:
    """The creating request: mark, tags and record are in it, never in a second call."""
    shape, extra = wanted.shape, wanted.extra
    body: dict[str, Any] = {
        "name": trace.name,
        "flavorRef": wanted.size_id,
        "imageRef": wanted.image_id,
        "networks": [{"port": item} for item in port_ids],
        "tags": [trace.mark, *(f"{key}={value}" for key, value in sorted(shape.tags.items()))],
        "metadata": {
            **shape.metadata,
            **placed(shape),
            RECORD_NAMESPACE: trace.namespace,
            RECORD_NAME: trace.object_name,
        },
    }
    if wanted.hostname:
        body["hostname"] = wanted.hostname
    if volume_ids:
        body["block_device_mapping_v2"] = volumes.mapping(wanted, volume_ids)
        if wanted.shape.root_size is not None:
            del body["imageRef"]
    if extra.key_pair:
        body["key_name"] = extra.key_pair
    if extra.config_drive is not None:
        body["config_drive"] = extra.config_drive
    if shape.zone:
        body["availability_zone"] = shape.zone
    if user_data:
        body["user_data"] = base64.b64encode(user_data).decode()
    hints = {**extra.hints, **({"group": extra.group} if extra.group else {})}
    return {"server": body, **({"os:scheduler_hints": hints} if hints else {})}


def rebuild_body(trace: Trace, shape: MachineShape, image: str, word: str) -> dict[str, Any]:
    """Nova takes the metadata as a whole, so what is there goes with it; the word is in it, never in a second call."""
    record = {RECORD_NAMESPACE: trace.namespace, RECORD_NAME: trace.object_name, REBUILT: word}
    return {"rebuild": {"imageRef": image, "metadata": {**shape.metadata, **placed(shape), **record}}}


def port_body(trace: Trace, interface: InterfaceShape, subnet: str, address: str | None) -> dict[str, Any]:
    """A port's mark is its description: `tags` in a port's creating request are dropped by Neutron (tried)."""
    body: dict[str, Any] = {
        "name": port_name(trace, interface.name),
        "description": trace.mark,
        "network_id": interface.network,
    }
    if address:
        body["mac_address"] = address
    if interface.addresses:
        body["fixed_ips"] = [{"ip_address": item} for item in interface.addresses]
    elif subnet:
        body["fixed_ips"] = [{"subnet_id": subnet}]
    if interface.security_groups:
        body["security_groups"] = list(interface.security_groups)
    return {"port": body}


def with_user_data(anew: Anew, written: bytes | None) -> dict[str, Any]:
    """Nova keeps what it has where the key is left out; null takes it off."""
    rebuild, data = anew.on.body["rebuild"], user_data(anew.wanted, anew.trace, written)
    if data is None and anew.keeps_user_data:
        return {"rebuild": rebuild}
    return {"rebuild": {**rebuild, "user_data": base64.b64encode(data).decode() if data else None}}


def user_data(wanted: Wanted, trace: Trace, written: bytes | None) -> bytes | None:
    """As Nova is given it."""
    try:
        data = compose(written, wanted.extra.ssh_keys, f"hostwright-{trace.machine_id}")
    except ValueError as error:
        raise InvalidConfiguration(f"{error}.") from error
    if data is not None and len(data) > USER_DATA_BYTES:
        raise InvalidConfiguration(
            f"the user data has {len(data)} bytes and Nova takes {USER_DATA_BYTES}: let it fetch what it needs."
        )
    return data
