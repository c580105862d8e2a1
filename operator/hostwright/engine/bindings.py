"""The cluster's side of a VirtualMachine: its class and image as blocks of its Provider, or what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hostwright.core import errors
from hostwright.core.access import AllowedNamespaces
from hostwright.core.errors import (
    ClassNotFound,
    Failure,
    GroupNotReady,
    GroupQuotaExceeded,
    ImageNotFound,
    InvalidConfiguration,
)
from hostwright.core.quantity import to_mebibytes
from hostwright.engine.groupbook import row_of
from hostwright.engine.labels import propagated
from hostwright.engine.ports import Body, Key
from hostwright.engine.store import Store
from hostwright.engine.world import World
from hostwright.kinds.machineclass.resource import MachineClassSpec
from hostwright.kinds.machineimage.resource import MachineImageSpec, Source
from hostwright.kinds.provider.groups import Group, GroupState
from hostwright.kinds.provider.resource import MOST_GROUPS
from hostwright.kinds.virtualmachine.placement import GroupBinding
from hostwright.kinds.virtualmachine.port import Bindings
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.kinds.virtualmachine.values import ManagementPolicy


@dataclass(frozen=True, slots=True)
class Catalog:
    """Reads the store and the connections; does no I/O."""

    store: Store
    world: World

    def bindings(self, key: Key, spec: VirtualMachineSpec, body: Body) -> Bindings | Failure:
        """The class and the image as blocks of this Provider, or what is missing."""
        connection = self.world.connection(spec.provider_ref.name)
        if connection is None:
            raise KeyError(spec.provider_ref.name)
        block = connection.backend.sections.key
        strange = sorted(name for name in spec.model_extra or {} if name in self.world.blocks and name != block)
        if strange:
            return InvalidConfiguration(
                f"spec.{strange[0]} is not for Provider {spec.provider_ref.name!r}, of type {connection.spec.type}. "
                f"Remove it or use spec.{block}."
            )
        labels = self.world.namespace_labels(key.namespace)
        size = self._size(spec, labels)
        if isinstance(size, Failure):
            return size
        image = self._image(spec, labels)
        if isinstance(image, Failure):
            return image
        cpu, memory, class_section = size
        defaults = self.world.provider_spec(spec.provider_ref.name)
        return Bindings(
            cpu=cpu,
            memory_mib=memory,
            class_name=spec.class_ref.name if spec.class_ref else "",
            class_section=class_section.get(block) if class_section else None,
            image_name=spec.image_ref.name,
            image_section=image.section(block),
            pinned_image=_pinned(spec, body.get("status") or {}),
            default_tags=(defaults.defaults.tags or {}) if defaults else {},
            label_tags=propagated(body),
            hostname=spec.network.hostname or key.name[:63].replace(".", "-"),
            group=self._group(key, spec, body),
        )

    def _group(self, key: Key, spec: VirtualMachineSpec, body: Body) -> GroupBinding | None:
        """As the Provider's status has it. Only a machine that is still to be made waits for it."""
        wish = spec.placement.group if spec.placement is not None else None
        if wish is None:
            return None
        name, provider = f"{key.namespace}/{wish.name}", self.store.get(Key("Provider", "", spec.provider_ref.name))
        groups = ((provider or {}).get("status") or {}).get("groups") or ()
        row = next((row_of(raw) for raw in groups if raw["name"] == name), None)
        if row is not None and row.policy != wish.policy and row.state is not GroupState.DELETING:
            return GroupBinding(wish.name, failure=_other_policy(row, wish.policy))
        ready = row is not None and row.state is GroupState.CREATED
        there = any(part["name"] == "server" for part in (body.get("status") or {}).get("resources") or ())
        there = there or spec.management_policy is ManagementPolicy.OBSERVE_ONLY
        failure = None if ready or there else _unready(name, row, len(groups))
        return GroupBinding(wish.name, row.id if row is not None and ready else "", failure)

    def _size(
        self, spec: VirtualMachineSpec, labels: Mapping[str, str]
    ) -> tuple[int | None, int | None, Mapping[str, Any]] | Failure:
        if spec.resources is not None:
            return spec.resources.cpu, to_mebibytes(spec.resources.memory), {}
        if spec.class_ref is None:
            return None, None, {}
        name = spec.class_ref.name
        model = self.store.spec(Key("MachineClass", "", name), MachineClassSpec)
        if model is None or not _allowed(model.allowed_namespaces, labels):
            return ClassNotFound(
                f"MachineClass {name!r} does not exist or is not for this namespace: kubectl get machineclasses."
            )
        return model.cpu, to_mebibytes(model.memory), model.model_extra or {}

    def _image(self, spec: VirtualMachineSpec, labels: Mapping[str, str]) -> Source | Failure:
        name, provider = spec.image_ref.name, spec.provider_ref.name
        model = self.store.spec(Key("MachineImage", "", name), MachineImageSpec)
        if model is None or not _allowed(model.allowed_namespaces, labels):
            return ImageNotFound(
                f"MachineImage {name!r} does not exist or is not for this namespace: kubectl get machineimages."
            )
        source = source_for(model, provider, self._provider_labels(provider))
        if source is None:
            return ImageNotFound(
                f"MachineImage {name!r} has no source for Provider {provider!r}: add one to its spec.sources."
            )
        return source

    def _provider_labels(self, name: str) -> Mapping[str, str]:
        body = self.store.get(Key("Provider", "", name))
        return (body["metadata"].get("labels") or {}) if body is not None else {}


def _other_policy(row: Group, policy: str) -> Failure:
    return InvalidConfiguration(
        f"group {row.name} has the policy {row.policy}, and the policy of a group with machines cannot be changed to "
        f"{policy}. Write that policy, or name another group. An empty one is made anew once all who name it agree."
    )


def _unready(name: str, row: Group | None, count: int) -> Failure:
    """In the words of what refuses it, where something does."""
    if row is None and count >= MOST_GROUPS:
        return GroupQuotaExceeded(f"the Provider has {count} groups, and more are not kept. Use one of them.")
    kind = getattr(errors, row.reason, None) if row is not None and row.reason else None
    if row is not None and isinstance(kind, type) and issubclass(kind, Failure):
        return kind(row.message)
    going = row is not None and row.state is GroupState.DELETING
    return GroupNotReady(f"group {name} is being {'removed, and then made anew' if going else 'made'}")


def source_for(image: MachineImageSpec, provider: str, labels: Mapping[str, str]) -> Source | None:
    """The source that names the Provider, else the first whose selector matches it."""
    for source in image.sources:
        if source.provider_ref is not None and source.provider_ref.name == provider:
            return source
    for source in image.sources:
        if source.provider_selector is not None and source.provider_selector.matches(labels):
            return source
    return None


def _allowed(rule: AllowedNamespaces, labels: Mapping[str, str]) -> bool:
    return rule.allows(labels)


def _pinned(spec: VirtualMachineSpec, status: Mapping[str, Any]) -> str:
    image = (status.get("resolved") or {}).get("image") or {}
    return str(image.get("id") or "") if image.get("name") == spec.image_ref.name else ""
