"""What a row costs to decode, by the provider's own code: a page of a thousand of each, in microseconds of CPU."""

import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
from tests.bench.cluster import Tell
from tests.bench.figures import Row, percentile

from hostwright.engine.ports import Key
from hostwright.engine.store import Store
from hostwright.providers.openstack.rows import Port, Servers
from hostwright.providers.simulated.rows import Page

ROWS, TIMES = 1_000, 15


async def run(tell: Tell) -> list[Row]:
    tell(f"pages of {ROWS} rows, {TIMES} times each")
    servers, ports = _openstack()
    site, bodies = _site(), _bodies()
    return [
        _row("Nova servers", 8.0, servers, lambda page: msgspec.json.decode(page, type=Servers)),
        _row("Neutron ports", 8.0, ports, lambda page: msgspec.convert(msgspec.json.decode(page)["ports"], list[Port])),
        _row("the simulated site's machines", None, site, lambda page: msgspec.json.decode(page, type=Page)),
        _row("objects of a list, into the store", None, bodies, _stored),
    ]


def _row(what: str, bar: float | None, page: bytes, work: Callable[[bytes], Any]) -> Row:
    """Beside the standard library's reader, which makes dicts of it."""
    mine, theirs = _cost(work, page), _cost(json.loads, page)
    return Row(f"decode, {what} ({len(page) / ROWS:.0f} bytes each)", mine, "us", bar, "json.loads", theirs)


def _cost(work: Callable[[bytes], Any], page: bytes) -> float:
    """Microseconds a row, the median of several times."""
    took = []
    for _ in range(TIMES):
        began = time.process_time()
        work(page)
        took.append(time.process_time() - began)
    return percentile(took, 0.5) * 1e6 / ROWS


#: As Nova 2.90 and Neutron list them; most of it is not read. Of ports only the fields that are asked for come.
SERVER: dict[str, Any] = {
    "id": "a0000000-0000-4000-8000-%012x",
    "name": "default-web-%x-4be1a",
    "status": "ACTIVE",
    "tenant_id": "9f1b0c5d7e0b4d0f8a2e6c4b1d3f5a70",
    "user_id": "1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f",
    "metadata": {"hostwright.namespace": "default", "hostwright.name": "web-%x"},
    "hostId": "c0ffee" * 9,
    "image": {"id": "i0000000-0000-4000-8000-000000000001", "links": [{"rel": "bookmark", "href": "x" * 80}]},
    "flavor": {
        "vcpus": 1,
        "ram": 512,
        "disk": 1,
        "ephemeral": 0,
        "swap": 0,
        "original_name": "small",
        "extra_specs": {},
    },
    "created": "2026-01-01T00:00:00Z",
    "updated": "2026-01-01T00:00:10Z",
    "addresses": {
        "app": [
            {
                "version": 4,
                "addr": "10.0.0.9",
                "OS-EXT-IPS:type": "fixed",
                "OS-EXT-IPS-MAC:mac_addr": "02:ec:35:dc:0c:3f",
            }
        ]
    },
    "accessIPv4": "",
    "accessIPv6": "",
    "links": [{"rel": "self", "href": "x" * 90}, {"rel": "bookmark", "href": "x" * 86}],
    "OS-DCF:diskConfig": "MANUAL",
    "progress": 0,
    "OS-EXT-AZ:availability_zone": "az1",
    "config_drive": "",
    "key_name": None,
    "OS-SRV-USG:launched_at": "2026-01-01T00:00:09.000000",
    "OS-SRV-USG:terminated_at": None,
    "security_groups": [{"name": "default"}],
    "OS-EXT-STS:task_state": None,
    "OS-EXT-STS:vm_state": "active",
    "OS-EXT-STS:power_state": 1,
    "os-extended-volumes:volumes_attached": [],
    "locked": False,
    "locked_reason": None,
    "description": None,
    "tags": ["hw:a6f7ef47ee8dc84a:%032x"],
    "trusted_image_certificates": None,
    "server_groups": [],
}
PORT: dict[str, Any] = {
    "id": "b0000000-0000-4000-8000-%012x",
    "name": "default-web-%x-4be1a-eth0",
    "description": "hw:a6f7ef47ee8dc84a:%032x",
    "device_id": "a0000000-0000-4000-8000-%012x",
    "network_id": "n0000000-0000-4000-8000-000000000001",
    "mac_address": "02:ec:35:dc:0c:3f",
    "fixed_ips": [{"ip_address": "10.0.0.9", "subnet_id": "s0000000-0000-4000-8000-000000000001"}],
    "status": "ACTIVE",
    "security_groups": ["g0000000-0000-4000-8000-000000000001"],
    "created_at": "2026-01-01T00:00:00Z",
}


def _openstack() -> tuple[bytes, bytes]:
    return _page("servers", SERVER), _page("ports", PORT)


def _site() -> bytes:
    machine = {
        "id": "a0000000-0000-4000-8000-%012x",
        "number": 1,
        "name": "default-web-%x-4be1a",
        "namespace": "default",
        "mark": "hw:a6f7ef47ee8dc84a:%032x",
        "objectName": "web-%x",
        "hostname": "web-%x",
        "image": "image-tiny",
        "cpu": 1,
        "memoryMiB": 512,
        "state": "Active",
        "poweredOn": True,
        "createdAt": 1767225600.05,
        "revision": 2,
        "interfaces": [{"name": "eth0", "network": "network-app", "addresses": ["10.64.0.10"], "mac": "02:ec:35"}],
    }
    return _page("machines", machine, revision=1)


def _bodies() -> bytes:
    rows = [
        {"type": name, "status": "True", "reason": "InSync", "message": "", "observedGeneration": 1}
        for name in ("NetworkReady", "PowerStateSynced", "Provisioned", "Ready", "UpToDate")
    ]
    body = {
        "kind": "VirtualMachine",
        "metadata": {"name": "web-%x", "namespace": "default", "uid": "%032x", "resourceVersion": "7", "generation": 1},
        "spec": {"providerRef": {"name": "sim"}, "classRef": {"name": "small"}, "imageRef": {"name": "tiny"}},
        "status": {"conditions": rows, "resources": [{"name": "server", "id": "a0000000-0000-4000-8000-%012x"}]},
    }
    return _page("items", body)


def _page(name: str, row: dict[str, Any], **more: Any) -> bytes:
    text = json.dumps(row)
    count = text.count("%")
    rows = ",".join(text % ((number,) * count) for number in range(ROWS))
    return f'{{"{name}":[{rows}]{"".join(f",{json.dumps(key)}:{value}" for key, value in more.items())}}}'.encode()


def _stored(page: bytes) -> Store:
    store = Store()
    for body in json.loads(page)["items"]:
        store.put(Key(body["kind"], body["metadata"]["namespace"], body["metadata"]["name"]), body)
    return store
