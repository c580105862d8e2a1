"""Names to OpenStack's ids: pure, from the loaded catalog."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hostwright.core import errors
from hostwright.core.names import Actor
from hostwright.core.quantity import from_mebibytes, to_bytes
from hostwright.kinds.provider.port import ImageFact, NetworkFact
from hostwright.kinds.virtualmachine.port import (
    ROOT,
    Bindings,
    DiskShape,
    InterfaceShape,
    MachineShape,
    Power,
    Unresolved,
    Wanted,
)
from hostwright.kinds.virtualmachine.resource import Interface, PowerOffMode, PowerState, VirtualMachineSpec
from hostwright.providers.openstack import takes
from hostwright.providers.openstack.rows import Catalog, Flavor
from hostwright.providers.openstack.section import (
    SECTIONS,
    ClassSection,
    FailureDomainSection,
    ImageSection,
    MachineSection,
    NetworkSection,
    StorageSection,
)

#: Characters of a value of a server's metadata.
METADATA_VALUE = 255
POWER: Mapping[PowerState, Power] = {each: Power(each) for each in PowerState if each is not PowerState.UNMANAGED}


@dataclass(frozen=True, slots=True)
class Disk:
    """A volume that is asked for: a new one by size, or one that is there."""

    name: str
    size: int | None = None  # GiB
    type: str = ""
    zone: str = ""
    existing: str = ""


@dataclass(frozen=True, slots=True)
class Extra:
    """What the creating requests need beside the shape."""

    key_pair: str = ""
    group: str = ""  # id of the server group that it is made in
    hints: Mapping[str, str | list[str]] = field(default_factory=dict)
    config_drive: bool | None = None
    ssh_keys: tuple[str, ...] = ()
    subnets: Mapping[str, str] | None = None  # interface → subnet id
    root_gib: int = 0  # that the flavor gives a server which boots from an image
    chosen_macs: frozenset[str] = frozenset()  # interfaces whose MAC the user wrote
    disks: tuple[Disk, ...] = ()  # the root's first, where the server boots from one


@dataclass(frozen=True, slots=True)
class Names:
    """The loaded catalog, and what the Provider calls its networks."""

    catalog: Catalog
    networks: Mapping[str, NetworkSection]
    storage_classes: Mapping[str, StorageSection] = field(default_factory=dict)
    domains: Mapping[str, FailureDomainSection] = field(default_factory=dict)
    project: str = ""  # the login's
    hostnames: bool = True  # Nova takes one

    def domain(self, name: str | None) -> FailureDomainSection | None:
        if name is None:
            return None
        if name not in self.domains:
            known = ", ".join(sorted(self.domains)) or "none"
            raise errors.InvalidConfiguration(
                f"failure domain {name!r} is not one of the Provider's (it has: {known}). Choose one of these."
            )
        return self.domains[name]

    def volume_type(self, name: str | None) -> str:
        """The volume type of a storage class; empty: Cinder's own default."""
        types = self.catalog.volume_types
        if self.catalog.storage_away:
            raise errors.Transient(self.catalog.storage_away)
        if types is None:
            raise errors.InvalidConfiguration(
                "this cloud has no block storage for the Provider's user: remove rootDisk and dataDisks."
            )
        if name is None:
            return ""
        if name not in self.storage_classes:
            known = ", ".join(sorted(self.storage_classes)) or "none"
            raise errors.StorageClassNotFound(
                f"storage class {name!r} is not in the Provider's catalog (it has: {known}). Choose one of these."
            )
        word = self.storage_classes[name].volume_type
        if word not in types:
            raise errors.StorageClassNotFound(
                f"OpenStack has no volume type {word!r} for this project. Correct the Provider's spec.storageClasses.",
                actor=Actor.PLATFORM,
            )
        return word

    def network(self, name: str) -> str:
        if name not in self.networks:
            known = ", ".join(sorted(self.networks)) or "none"
            raise errors.NetworkNotFound(
                f"network {name!r} is not in the Provider's catalog (it has: {known}). Choose one of these."
            )
        return self.network_id(self.networks[name].network)

    def network_id(self, word: str) -> str:
        rows = [row.id for row in self.catalog.networks if word in (row.id, row.name)]
        if not rows:
            raise errors.NetworkNotFound(
                f"OpenStack has no network {word!r} for this project. Correct the Provider's spec.networks.",
                actor=Actor.PLATFORM,
            )
        return _only(rows, "network", word, actor=Actor.PLATFORM)

    def pool(self, word: str) -> str:
        """An external network, by the Provider's name for it, else by OpenStack's."""
        found = self.network(word) if word in self.networks else ""
        rows = self.catalog.networks
        ids = [row.id for row in rows if row.external and (row.id == found if found else word in (row.id, row.name))]
        if not ids:
            known = ", ".join(sorted(row.name for row in rows if row.external)) or "none"
            raise errors.NetworkNotFound(
                f"{word!r} is no external network to take floating IPs from (there is: {known})."
            )
        return _only(ids, "external network", word)

    def subnet(self, name: str) -> str:
        word = self.networks[name].subnet
        if word is None:
            return ""
        network = self.network(name)
        rows = [row.id for row in self.catalog.subnets if word in (row.id, row.name) and row.network_id == network]
        if not rows:
            raise errors.NetworkNotFound(
                f"network {name!r} has no subnet {word!r}. Correct the Provider's spec.networks.",
                actor=Actor.PLATFORM,
            )
        return _only(rows, "subnet", word, actor=Actor.PLATFORM)

    def image(self, section: Mapping[str, Any] | None) -> str:
        choice = ImageSection.model_validate(section).image if section else None
        if choice is None or not (choice.id or choice.name):
            raise errors.ImageNotFound("the MachineImage has no openstack source with an image's name or id.")
        active = [row for row in self.catalog.images if row.status == "active"]
        rows = [row.id for row in active if (row.id == choice.id if choice.id else row.name == choice.name)]
        if not rows:
            raise errors.ImageNotResolved(
                f"OpenStack has no active image {choice.id or choice.name!r}. "
                "Upload it, or correct the MachineImage's source."
            )
        return _only(rows, "image", choice.id or choice.name or "")

    def image_fact(self, section: Mapping[str, Any]) -> ImageFact:
        try:
            return ImageFact(self.image(section))
        except errors.Failure as failure:
            return ImageFact(message=failure.message)

    def network_facts(self, unfenced: frozenset[str]) -> Sequence[NetworkFact]:
        facts = []
        for name in self.networks:
            try:
                item = self.network(name)
                self.subnet(name)
            except errors.Failure as failure:
                facts.append(NetworkFact(name, message=failure.message, reason=failure.reason))
            else:
                facts.append(NetworkFact(name, item, create_fence="None" if item in unfenced else "MACAddress"))
        return facts

    def groups(self, words: Sequence[str]) -> tuple[str, ...]:
        found = []
        for word in words:
            rows = [row.id for row in self.catalog.security_groups if word in (row.id, row.name)]
            if not rows:
                raise errors.SecurityGroupNotFound(
                    f"OpenStack has no security group {word!r} in this project. Create it, or remove it here."
                )
            found.append(_only(rows, "security group", word))
        return tuple(found)

    def default_groups(self) -> tuple[str, ...]:
        """What Neutron gives a port that names none: an administrator sees those of other projects, too."""
        rows = self.catalog.security_groups
        return tuple(row.id for row in rows if row.name == "default" and row.project_id in {"", self.project})

    def flavor(self, spec: MachineSection, bindings: Bindings) -> Flavor:
        name = spec.flavor.name if spec.flavor else None
        if name is None and bindings.class_section:
            name = ClassSection.model_validate(bindings.class_section).flavor.name
        if name is not None:
            rows = [row for row in self.catalog.flavors if row.name == name]
            if not rows:
                known = ", ".join(sorted(row.name for row in self.catalog.flavors)[:12]) or "none"
                raise errors.FlavorNotFound(
                    f"OpenStack has no flavor {name!r} (it has: {known}). Choose one of these, or have it made."
                )
            return rows[0]
        return self._exact(bindings)

    def _exact(self, bindings: Bindings) -> Flavor:
        """The smallest flavor that has exactly this size."""
        rows = [row for row in self.catalog.flavors if (row.vcpus, row.ram) == (bindings.cpu, bindings.memory_mib)]
        if rows:
            return min(rows, key=lambda row: (row.disk, row.name))
        wanted = (bindings.cpu or 0, bindings.memory_mib or 0)
        near = sorted(
            self.catalog.flavors, key=lambda row: abs(row.vcpus - wanted[0]) * 4096 + abs(row.ram - wanted[1])
        )[:3]
        words = ", ".join(f"{row.name} ({row.vcpus} CPU, {from_mebibytes(row.ram)})" for row in near) or "none"
        raise errors.FlavorNotFound(
            f"OpenStack has no flavor of exactly {wanted[0]} CPU and {from_mebibytes(wanted[1])}. Near: {words}."
        )


def resolve(names: Names, spec: VirtualMachineSpec, bindings: Bindings) -> Wanted | Unresolved:
    """Never raises: what is missing is the answer."""
    try:
        return _resolved(names, spec, bindings)
    except errors.Failure as failure:
        return Unresolved(failure)


def _resolved(names: Names, spec: VirtualMachineSpec, bindings: Bindings) -> Wanted:
    section = MachineSection.model_validate(spec.section(SECTIONS.key) or {})
    domain = names.domain(spec.failure_domain)
    _placeable(spec, section, bindings)
    zone = domain.compute_az if domain is not None else section.availability_zone
    if spec.power_off_mode is not PowerOffMode.TRY_SOFT:
        raise errors.InvalidConfiguration(
            f"powerOffMode {spec.power_off_mode} is not to be had on OpenStack: Nova's stop takes no mode. Use TrySoft."
        )
    flavor = names.flavor(section, bindings)
    image = bindings.pinned_image or names.image(bindings.image_section)
    _there(names, section, zone)
    tags = bindings.tags(spec.tags)
    takes.tags(tags, lambda key: bindings.remedy(key, spec.tags))
    hostname = takes.hostname(spec.network.hostname, bindings.hostname, taken=names.hostnames)
    cloud_init = spec.bootstrap.cloud_init if spec.bootstrap else None
    interfaces = tuple(_interface(names, item) for item in spec.network.interfaces)
    disks = tuple(_disks(names, spec, (domain.volume_az or "") if domain is not None else ""))
    size_name = bindings.class_name or flavor.name
    return Wanted(
        shape=MachineShape(
            power=POWER.get(spec.power_state),
            tags=tags,
            metadata=section.metadata or {},
            size=flavor.name,
            image=image,
            zone=zone,
            key_pair=section.key_pair,
            group=bindings.group.word if bindings.group is not None else None,
            server_group=section.server_group_id,
            hints=_hints_word(section.scheduler_hints),
            interfaces=interfaces,
            root_size=next((disk.size for disk in disks if disk.name == ROOT), None),
            disks=tuple(DiskShape(disk.name, disk.size, disk.existing) for disk in disks if disk.name != ROOT),
        ),
        hostname=hostname,
        size_name=size_name,
        size_id=flavor.id,
        image_name=bindings.image_name,
        image_id=image,
        display={
            **({"/zone": spec.failure_domain} if spec.failure_domain else {}),
            "/classRef": size_name,
            "/imageRef": bindings.image_name,
        },
        default_groups=names.default_groups(),
        extra=Extra(
            key_pair=section.key_pair or "",
            group=section.server_group_id or (bindings.group.id if bindings.group is not None else ""),
            hints={key: row[0] if len(row) == 1 else row for key, row in (section.scheduler_hints or {}).items()},
            root_gib=flavor.disk,
            config_drive=section.config_drive,
            ssh_keys=tuple((cloud_init.ssh_authorized_keys if cloud_init else None) or ()),
            subnets={item.name: names.subnet(item.network_ref.name) for item in spec.network.interfaces},
            chosen_macs=frozenset(item.name for item in spec.network.interfaces if item.mac_address),
            disks=disks,
        ),
    )


def _placeable(spec: VirtualMachineSpec, section: MachineSection, bindings: Bindings) -> None:
    """Whether it is said once where the machine is to be, and it can be made there now."""
    if spec.failure_domain is not None and section.availability_zone is not None:
        raise errors.InvalidConfiguration("failureDomain and openstack.availabilityZone both say where: remove one.")
    if bindings.group is not None and section.server_group_id is not None:
        raise errors.InvalidConfiguration("placement.group and openstack.serverGroupID both name a group: remove one.")
    if bindings.group is not None and bindings.group.failure is not None:
        raise bindings.group.failure


def _disks(names: Names, spec: VirtualMachineSpec, zone: str) -> Iterator[Disk]:
    if spec.root_disk is not None:
        yield Disk(ROOT, _whole(ROOT, spec.root_disk.size), names.volume_type(spec.root_disk.storage_class), zone)
    for item in spec.data_disks or ():
        kind = names.volume_type(item.storage_class)
        existing = item.source.existing.id if item.source is not None else ""
        yield Disk(item.name, _whole(item.name, item.size) if item.size else None, kind, zone, existing)


def _whole(name: str, size: str) -> int:
    """GiB."""
    count, rest = divmod(to_bytes(size), 1 << 30)
    if rest:
        raise errors.InvalidConfiguration(f"disk {name!r} asks for {size}: Cinder's volumes have whole Gi.")
    return count


def _there(names: Names, section: MachineSection, zone: str | None) -> None:
    """What is named and needs no id."""
    if section.key_pair and section.key_pair not in names.catalog.key_pairs:
        raise errors.KeyPairNotFound(
            f"the Provider's user has no key pair {section.key_pair!r}. Create it, or remove openstack.keyPair."
        )
    group, groups = section.server_group_id, names.catalog.server_groups
    if group and groups is not None and group not in groups:
        raise errors.GroupNotFound(
            f"OpenStack has no server group {group!r} in this project. Create it, or remove openstack.serverGroupID."
        )
    if zone and zone not in names.catalog.zones:
        known = ", ".join(sorted(names.catalog.zones))
        raise errors.InvalidConfiguration(f"OpenStack has no availability zone {zone!r} (it has: {known}).")


def _hints_word(hints: Mapping[str, Sequence[str]] | None) -> str | None:
    """As it stands in the server's metadata, where a value has 255 characters at the most."""
    if not hints:
        return None
    word = json.dumps(hints, sort_keys=True, separators=(",", ":"))
    return word if len(word) <= METADATA_VALUE else f"sha256:{hashlib.sha256(word.encode()).hexdigest()}"


def _interface(names: Names, item: Interface) -> InterfaceShape:
    return InterfaceShape(
        name=item.name,
        network=names.network(item.network_ref.name),
        addresses=tuple(text.partition("/")[0] for text in item.addresses or ()),
        mac_address=item.mac_address or "",
        security_groups=names.groups(item.security_groups or ()),
        floating_pool=names.pool(item.floating_ip.pool) if item.floating_ip and item.floating_ip.pool else "",
        floating_address=(item.floating_ip.address or "") if item.floating_ip else "",
    )


def _only(ids: Sequence[str], what: str, name: str, *, actor: Actor | None = None) -> str:
    if len(ids) > 1:
        raise errors.NameAmbiguous(
            f"OpenStack has {len(ids)} of {what} {name!r}: {', '.join(ids)}. "
            "Name one by its id, or rename all but one.",
            actor=actor,
        )
    return ids[0]
