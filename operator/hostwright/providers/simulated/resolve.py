"""Names to the site's ids: pure, from the loaded catalog."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hostwright.core import errors
from hostwright.core.names import Actor
from hostwright.kinds.provider.port import ImageFact, NetworkFact
from hostwright.kinds.virtualmachine.port import (
    Bindings,
    InterfaceShape,
    MachineShape,
    Power,
    Unresolved,
    Wanted,
)
from hostwright.kinds.virtualmachine.resource import Interface, PowerOffMode, PowerState, VirtualMachineSpec
from hostwright.providers.simulated.rows import Catalog
from hostwright.providers.simulated.translate import size_word

POWER = {PowerState.POWERED_ON: Power.ON, PowerState.POWERED_OFF: Power.OFF, PowerState.UNMANAGED: None}


@dataclass(frozen=True, slots=True)
class Extra:
    """What the creating request needs beside the shape."""

    cpu: int
    memory_mib: int
    ssh_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """The site's catalog, and the names that the Provider gives its networks."""

    catalog: Catalog
    networks: Mapping[str, str]  # name in networkRef → name on the site

    def network_facts(self) -> Sequence[NetworkFact]:
        return [self._fact(name) for name in self.networks]

    def _fact(self, name: str) -> NetworkFact:
        try:
            return NetworkFact(name, self.network(name))
        except errors.Failure as failure:
            return NetworkFact(name, message=failure.message, reason=failure.reason)

    def network(self, name: str) -> str:
        if name not in self.networks:
            known = ", ".join(sorted(self.networks)) or "none"
            raise errors.NetworkNotFound(
                f"network {name!r} is not in the Provider's catalog (it has: {known}). Choose one of these."
            )
        there = [item.id for item in self.catalog.networks if item.name == self.networks[name]]
        if not there:
            raise errors.NetworkNotFound(
                f"network {name!r} is in the Provider's catalog, but the site has no network {self.networks[name]!r}. "
                "Ask whoever runs the Provider.",
                actor=Actor.PLATFORM,
            )
        return _only(there, "network", self.networks[name], actor=Actor.PLATFORM)

    def image(self, section: Mapping[str, Any] | None) -> str:
        if not section or not section.get("image"):
            raise errors.ImageNotFound(
                "the MachineImage has no source for this simulated site. Add one to its sources."
            )
        name = section["image"]
        there = [item.id for item in self.catalog.images if item.name == name]
        if not there:
            known = ", ".join(sorted({item.name for item in self.catalog.images})) or "none"
            raise errors.ImageNotResolved(
                f"the site has no image {name!r} (it has: {known}). Correct the MachineImage's source."
            )
        return _only(there, "image", name)

    def image_fact(self, section: Mapping[str, Any]) -> ImageFact:
        try:
            return ImageFact(self.image(section))
        except errors.Failure as failure:
            return ImageFact(message=failure.message)


def resolve(names: Names, spec: VirtualMachineSpec, bindings: Bindings) -> Wanted | Unresolved:
    """Never raises: what is missing is the answer."""
    try:
        return _resolved(names, spec, bindings)
    except errors.Failure as failure:
        return Unresolved(failure)


def _resolved(names: Names, spec: VirtualMachineSpec, bindings: Bindings) -> Wanted:
    if bindings.cpu is None or bindings.memory_mib is None:
        raise errors.InvalidConfiguration("the machine has no size: name a class in classRef, or write resources.")
    if spec.import_ is not None:
        raise errors.InvalidConfiguration("import is not to be had on a simulated site. Remove it.")
    if spec.placement is not None and spec.placement.group is not None:
        raise errors.InvalidConfiguration("placement.group is not to be had on a simulated site. Remove it.")
    if spec.root_disk is not None or spec.data_disks:
        raise errors.InvalidConfiguration("rootDisk and dataDisks are not to be had on a simulated site. Remove them.")
    if spec.failure_domain is not None:
        raise errors.InvalidConfiguration(
            f"failure domain {spec.failure_domain!r} is not to be had: a simulated site has none. Remove failureDomain."
        )
    if spec.power_state is PowerState.SUSPENDED:
        raise errors.InvalidConfiguration(
            "powerState Suspended is not to be had on a simulated site. Use PoweredOff, or leave it PoweredOn."
        )
    if spec.power_off_mode is not PowerOffMode.TRY_SOFT:
        raise errors.InvalidConfiguration(
            f"powerOffMode {spec.power_off_mode} is not to be had on a simulated site: it has no guests. Use TrySoft."
        )
    image = bindings.pinned_image or names.image(bindings.image_section)
    size = size_word(bindings.cpu, bindings.memory_mib)
    size_name = bindings.class_name or size
    cloud_init = spec.bootstrap.cloud_init if spec.bootstrap else None
    keys = tuple((cloud_init.ssh_authorized_keys if cloud_init else None) or ())
    return Wanted(
        shape=MachineShape(
            power=POWER[spec.power_state],
            tags=bindings.tags(spec.tags),
            size=size,
            image=image,
            interfaces=tuple(_interface(names, item) for item in spec.network.interfaces),
        ),
        hostname=bindings.hostname,
        size_name=size_name,
        size_id=size,
        image_name=bindings.image_name,
        image_id=image,
        display={"/classRef": size_name, "/imageRef": bindings.image_name},
        extra=Extra(bindings.cpu, bindings.memory_mib, keys),
    )


def _interface(names: Names, item: Interface) -> InterfaceShape:
    if item.security_groups:
        raise errors.SecurityGroupNotFound(
            f"interface {item.name!r} asks for security group {item.security_groups[0]!r}; a simulated site has none. "
            "Remove securityGroups."
        )
    if item.floating_ip is not None:
        raise errors.InvalidConfiguration(
            f"interface {item.name!r} asks for a floating IP; a simulated site has none. Remove floatingIP."
        )
    return InterfaceShape(
        name=item.name,
        network=names.network(item.network_ref.name),
        addresses=tuple(text.partition("/")[0] for text in item.addresses or ()),
        mac_address=item.mac_address or "",
    )


def _only(ids: Sequence[str], what: str, name: str, *, actor: Actor | None = None) -> str:
    if len(ids) > 1:
        raise errors.NameAmbiguous(
            f"the site has {len(ids)} objects that are the {what} {name!r}: {', '.join(ids)}. Rename all but one.",
            actor=actor,
        )
    return ids[0]
