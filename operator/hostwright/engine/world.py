"""The cluster's side of a machine: its Provider, class and image, whether it may use them, and what they say."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from hostwright.core.access import AllowedNamespaces
from hostwright.core.errors import (
    ClassNotFound,
    Failure,
    ImageNotFound,
    InvalidConfiguration,
    ProviderNotAllowed,
    ProviderNotFound,
)
from hostwright.core.quantity import to_mebibytes
from hostwright.engine.connection import Connection
from hostwright.engine.ports import Body, Key
from hostwright.engine.store import Store
from hostwright.kinds.machineclass.resource import MachineClassSpec
from hostwright.kinds.machineimage.resource import MachineImageSpec, Source
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.kinds.virtualmachine.port import Bindings, VirtualMachineProvider
from hostwright.kinds.virtualmachine.resource import DriftMode, VirtualMachineSpec
from hostwright.kinds.virtualmachine.situation import Backend


class World:
    """Reads the store and the connections; does no I/O."""

    def __init__(self, store: Store, connections: Mapping[str, Connection], blocks: frozenset[str]) -> None:
        self._store, self._connections, self._blocks = store, connections, blocks

    def connection(self, name: str) -> Connection | None:
        return self._connections.get(name)

    def provider_spec(self, name: str) -> ProviderSpec | None:
        try:
            return self._store.spec(Key("Provider", "", name), ProviderSpec)
        except ValidationError:
            return None

    def namespace_labels(self, namespace: str) -> Mapping[str, str]:
        body = self._store.get(Key("Namespace", "", namespace))
        return (body["metadata"].get("labels") or {}) if body is not None else {}

    def backend(self, namespace: str, spec: VirtualMachineSpec, *, leaving: bool = False) -> Backend:
        """The Provider as this machine sees it; one that is `leaving` may go whomever the Provider serves now."""
        name = spec.provider_ref.name
        provider, connection = self.provider_spec(name), self._connections.get(name)
        if provider is not None and connection is None:
            return Backend(connected=False)
        if provider is None or connection is None:
            missing = ProviderNotFound(f"Provider {name!r} does not exist. Name one that does: kubectl get providers.")
            return Backend(exists=False, connected=False, failure=missing)
        state = connection.state
        failure: Failure | None = state.failure
        allowed = leaving or provider.allowed_namespaces.allows(self.namespace_labels(namespace))
        if failure is None and not allowed:
            failure = ProviderNotAllowed(
                f"Provider {name!r} does not serve namespace {namespace!r} (its spec.allowedNamespaces). "
                "Use another Provider or ask its owner."
            )
        machines = self.machines(name)
        return Backend(
            connected=state.session is not None,
            synced=state.session is not None and state.session.synced(),
            down_for=state.down_for,
            failure=failure,
            machines=self._store.count_users(Key("Provider", "", name)),
            paused=provider.paused,
            drift_default=DriftMode(provider.defaults.drift_detection.mode or "Enabled"),
            supported=machines.supported if machines else frozenset(),
            shape_paths=machines.shape_paths if machines else {},
        )

    def machines(self, name: str) -> VirtualMachineProvider | None:
        connection = self._connections.get(name)
        if connection is None or connection.state.session is None:
            return None
        machines: VirtualMachineProvider = connection.state.session.machines
        return machines

    def bindings(self, key: Key, spec: VirtualMachineSpec, status: Mapping[str, Any]) -> Bindings | Failure:
        """The class and the image as blocks of this Provider, or what is missing."""
        connection = self._connections[spec.provider_ref.name]
        block = connection.backend.sections.key
        strange = sorted(name for name in spec.model_extra or {} if name in self._blocks and name != block)
        if strange:
            return InvalidConfiguration(
                f"spec.{strange[0]} is not for Provider {spec.provider_ref.name!r}, of type {connection.spec.type}. "
                f"Remove it or use spec.{block}."
            )
        labels = self.namespace_labels(key.namespace)
        size = self._size(spec, labels)
        if isinstance(size, Failure):
            return size
        image = self._image(spec, labels)
        if isinstance(image, Failure):
            return image
        cpu, memory, class_section = size
        defaults = self.provider_spec(spec.provider_ref.name)
        return Bindings(
            cpu=cpu,
            memory_mib=memory,
            class_name=spec.class_ref.name if spec.class_ref else "",
            class_section=class_section.get(block) if class_section else None,
            image_name=spec.image_ref.name,
            image_section=image.section(block),
            pinned_image=_pinned(spec, status),
            default_tags=(defaults.defaults.tags or {}) if defaults else {},
            hostname=spec.network.hostname or key.name[:63].replace(".", "-"),
        )

    def _size(
        self, spec: VirtualMachineSpec, labels: Mapping[str, str]
    ) -> tuple[int | None, int | None, Mapping[str, Any]] | Failure:
        if spec.resources is not None:
            return spec.resources.cpu, to_mebibytes(spec.resources.memory), {}
        if spec.class_ref is None:
            return None, None, {}
        name = spec.class_ref.name
        model = self._store.spec(Key("MachineClass", "", name), MachineClassSpec)
        if model is None or not _allowed(model.allowed_namespaces, labels):
            return ClassNotFound(
                f"MachineClass {name!r} does not exist or is not for this namespace: kubectl get machineclasses."
            )
        return model.cpu, to_mebibytes(model.memory), model.model_extra or {}

    def _image(self, spec: VirtualMachineSpec, labels: Mapping[str, str]) -> Source | Failure:
        name, provider = spec.image_ref.name, spec.provider_ref.name
        model = self._store.spec(Key("MachineImage", "", name), MachineImageSpec)
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
        body = self._store.get(Key("Provider", "", name))
        return (body["metadata"].get("labels") or {}) if body is not None else {}


def source_for(image: MachineImageSpec, provider: str, labels: Mapping[str, str]) -> Source | None:
    """The source that names the Provider, else the first whose selector matches it."""
    for source in image.sources:
        if source.provider_ref is not None and source.provider_ref.name == provider:
            return source
    for source in image.sources:
        if source.provider_selector is not None and source.provider_selector.matches(labels):
            return source
    return None


def is_deleting(body: Body) -> bool:
    return bool(body["metadata"].get("deletionTimestamp"))


def _allowed(rule: AllowedNamespaces, labels: Mapping[str, str]) -> bool:
    return rule.allows(labels)


def _pinned(spec: VirtualMachineSpec, status: Mapping[str, Any]) -> str:
    image = (status.get("resolved") or {}).get("image") or {}
    return str(image.get("id") or "") if image.get("name") == spec.image_ref.name else ""
