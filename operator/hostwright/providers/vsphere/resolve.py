"""Names to a vCenter's references: pure, from the loaded catalog."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hostwright.core import errors
from hostwright.core.quantity import to_seconds
from hostwright.kinds.provider.port import ImageFact, NetworkFact
from hostwright.kinds.virtualmachine.port import Bindings, InterfaceShape, MachineShape, Power, Unresolved, Wanted
from hostwright.kinds.virtualmachine.resource import Interface, PowerOffMode, PowerState, VirtualMachineSpec
from hostwright.providers.vsphere.rows import OURS, Catalog, Nic, Place
from hostwright.providers.vsphere.section import (
    SECTIONS,
    FailureDomainSection,
    ImageSection,
    MachineSection,
    ProviderSection,
)
from hostwright.providers.vsphere.translate import size_word

#: Who may say where a machine comes to.
Says = MachineSection | FailureDomainSection | ProviderSection
POWER = {PowerState.POWERED_ON: Power.ON, PowerState.POWERED_OFF: Power.OFF, PowerState.UNMANAGED: None}


@dataclass(frozen=True, slots=True)
class Extra:
    """What the requests need beside the shape."""

    cpu: int
    memory_mib: int
    folder: Place
    pool: str
    datastore: str = ""  # empty: the template's
    ssh_keys: tuple[str, ...] = ()
    template_nics: tuple[Nic, ...] = ()
    switches: Mapping[str, str] = field(default_factory=dict)  # distributed port group → its switch's UUID
    prefixed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # interface → addresses as written
    power_off: PowerOffMode = PowerOffMode.TRY_SOFT
    power_off_seconds: float = 180.0


@dataclass(frozen=True, slots=True)
class Names:
    """The loaded catalog, and what the Provider says of places and networks."""

    catalog: Catalog
    section: ProviderSection
    networks: Mapping[str, str]  # name in networkRef → port group
    domains: Mapping[str, FailureDomainSection] = field(default_factory=dict)

    def network(self, name: str) -> Place:
        if name not in self.networks:
            known = ", ".join(sorted(self.networks)) or "none"
            raise errors.NetworkNotFound(
                f"network {name!r} is not in the Provider's catalog (it has: {known}). Choose one of these."
            )
        word = self.networks[name]
        rows = matching(self.catalog.networks, word)
        if not rows:
            raise errors.NetworkNotFound(
                f"the datacenter has no port group {word!r}. Correct the Provider's spec.networks."
            )
        return _only(rows, "port group", word)

    def image(self, section: Mapping[str, Any] | None) -> Place:
        if not section or not section.get("template"):
            raise errors.ImageNotFound("the MachineImage has no vsphere source with a template's name or path.")
        word = ImageSection.model_validate(section).template
        rows = matching(self.catalog.templates, word)
        if not rows:
            raise errors.ImageNotResolved(
                f"the datacenter has no template {word!r}. Make it one, or correct the MachineImage's source."
            )
        return _only(rows, "template", word)

    def image_fact(self, section: Mapping[str, Any]) -> ImageFact:
        try:
            return ImageFact(self.image(section).id)
        except errors.Failure as failure:
            return ImageFact(message=failure.message)

    def network_facts(self) -> Sequence[NetworkFact]:
        facts = []
        for name in self.networks:
            try:
                facts.append(NetworkFact(name, self.network(name).id))
            except errors.Failure as failure:
                facts.append(NetworkFact(name, message=failure.message))
        return facts

    def domain(self, name: str | None) -> FailureDomainSection:
        if name is None:
            return FailureDomainSection()
        if name not in self.domains:
            known = ", ".join(sorted(self.domains)) or "none"
            raise errors.InvalidConfiguration(
                f"failure domain {name!r} is not one of the Provider's (it has: {known}). Choose one of these."
            )
        return self.domains[name]

    def folder(self, *says: Says) -> Place:
        word = _first("folder", (*says, self.section))
        if word:
            return self._place("folder", self.catalog.folders, word)
        root = self.catalog.root
        return next((row for row in self.catalog.folders if row.id == root), Place(root, "", ""))

    def holder(self, path: str) -> Place | None:
        """The folder of what has this path, if it is there still."""
        return next((row for row in self.catalog.folders if row.path == path.rpartition("/")[0]), None)

    def datastore(self, *says: Says) -> str:
        word = _first("datastore", (*says, self.section))
        return self._place("datastore", self.catalog.datastores, word).id if word else ""

    def pool(self, *says: Says) -> str:
        """In the cluster that is named first, and the pool that is named with it or before; else the cluster's own."""
        ranked = (*says, self.section)
        at = next((rank for rank, part in enumerate(ranked) if part.cluster), len(ranked))
        cluster = self._place("cluster", self.catalog.clusters, ranked[at].cluster or "") if at < len(ranked) else None
        within = [row for row in self.catalog.pools if cluster is None or row.owner == cluster.id]
        named = _first("resource_pool", ranked[: at + 1])
        if named:
            return self._place("resource pool", within, named).id
        beyond = _first("resource_pool", ranked)  # the Provider's, where another cluster may have one of the name
        if beyond and (there := matching(within, beyond)):
            return _only(there, "resource pool", beyond).id
        if cluster is not None:
            return cluster.owner
        if len(self.catalog.clusters) == 1:
            return self.catalog.clusters[0].owner
        known = ", ".join(row.path for row in self.catalog.clusters) or "none"
        raise errors.InvalidConfiguration(
            f"nothing says in which cluster machines are made (there is: {known}). Set the Provider's vsphere.cluster."
        )

    def _place(self, what: str, rows: Sequence[Place], word: str) -> Place:
        there = matching(rows, word)
        if not there:
            raise errors.InvalidConfiguration(
                f"the datacenter has no {what} {word!r}. Correct the vsphere block of the machine or the Provider."
            )
        return _only(there, what, word)


def _first(name: str, says: Sequence[Says]) -> str | None:
    """Of the machine, its failure domain and the Provider, whoever says it first."""
    return next((word for part in says if (word := getattr(part, name))), None)


def matching(rows: Sequence[Place], word: str) -> list[Place]:
    """By path, whole or its end, or by name."""
    if word.startswith("/"):
        return [row for row in rows if row.path == word.rstrip("/")]
    return [row for row in rows if row.name == word or row.path.endswith(f"/{word}")]


def resolve(names: Names, spec: VirtualMachineSpec, bindings: Bindings) -> Wanted | Unresolved:
    """Never raises: what is missing is the answer."""
    try:
        return _resolved(names, spec, bindings)
    except errors.Failure as failure:
        return Unresolved(failure)


def _resolved(names: Names, spec: VirtualMachineSpec, bindings: Bindings) -> Wanted:
    if bindings.cpu is None or bindings.memory_mib is None:
        raise errors.InvalidConfiguration("the machine has no size: name a class in classRef, or write resources.")
    if spec.power_state is PowerState.SUSPENDED:
        raise errors.InvalidConfiguration(
            "powerState Suspended is not to be had on vSphere yet. Use PoweredOff, or leave it PoweredOn."
        )
    if spec.import_ is not None:
        raise errors.InvalidConfiguration("import is not to be had on vSphere yet. Remove it.")
    if spec.placement is not None and spec.placement.group is not None:
        raise errors.InvalidConfiguration("placement.group is not to be had on vSphere yet. Remove it.")
    if spec.root_disk is not None or spec.data_disks:
        raise errors.InvalidConfiguration("rootDisk and dataDisks are not to be had on vSphere yet. Remove them.")
    section = MachineSection.model_validate(spec.section(SECTIONS.key) or {})
    domain = names.domain(spec.failure_domain)
    image = bindings.pinned_image or names.image(bindings.image_section).id
    tags = bindings.tags(spec.tags)
    _holdable(bindings.memory_mib, tags, lambda key: bindings.remedy(key, spec.tags))
    networks = {item.name: names.network(item.network_ref.name) for item in spec.network.interfaces}
    cloud_init = spec.bootstrap.cloud_init if spec.bootstrap else None
    size = size_word(bindings.cpu, bindings.memory_mib)
    size_name = bindings.class_name or size
    return Wanted(
        shape=MachineShape(
            power=POWER[spec.power_state],
            tags=tags,
            metadata=section.extra_config or {},
            size=size,
            image=image,
            zone=spec.failure_domain,
            interfaces=tuple(_interface(networks[item.name].id, item) for item in spec.network.interfaces),
        ),
        hostname=bindings.hostname,
        size_name=size_name,
        size_id=size,
        image_name=bindings.image_name,
        image_id=image,
        display={"/classRef": size_name, "/imageRef": bindings.image_name},
        extra=Extra(
            bindings.cpu,
            bindings.memory_mib,
            folder=names.folder(section, domain),
            pool=names.pool(section, domain),
            datastore=names.datastore(section, domain),
            ssh_keys=tuple((cloud_init.ssh_authorized_keys if cloud_init else None) or ()),
            template_nics=next((row.nics for row in names.catalog.templates if row.id == image), ()),
            switches={row.id: row.owner for row in networks.values() if row.owner},
            prefixed={item.name: tuple(item.addresses or ()) for item in spec.network.interfaces},
            power_off=spec.power_off_mode,
            power_off_seconds=to_seconds(spec.timeouts.power_off),
        ),
    )


def _holdable(memory_mib: int, tags: Mapping[str, str], remedy: Callable[[str], str]) -> None:
    if memory_mib % 4:
        raise errors.InvalidConfiguration(f"vSphere gives memory in steps of 4Mi, and {memory_mib}Mi is none of them.")
    for key, value in tags.items():
        if not value or key.startswith(OURS):
            raise errors.InvalidConfiguration(
                f"tag {key!r} cannot be a custom attribute: it needs a value, and no name that begins with {OURS!r}."
                f"{remedy(key)}"
            )


def _interface(network: str, item: Interface) -> InterfaceShape:
    if item.security_groups:
        raise errors.SecurityGroupNotFound(
            f"interface {item.name!r} asks for security group {item.security_groups[0]!r}; vSphere has none. "
            "Remove securityGroups."
        )
    if item.floating_ip is not None:
        raise errors.InvalidConfiguration(
            f"interface {item.name!r} asks for a floating IP; vSphere has none. Remove floatingIP."
        )
    return InterfaceShape(
        name=item.name,
        network=network,
        addresses=tuple(text.partition("/")[0] for text in item.addresses or ()),
        mac_address=item.mac_address or "",
    )


def _only(rows: Sequence[Place], what: str, word: str) -> Place:
    if len(rows) > 1:
        paths = ", ".join(row.path for row in rows)
        raise errors.NameAmbiguous(
            f"the datacenter has {len(rows)} of {what} {word!r}: {paths}. Write one by its path."
        )
    return rows[0]
