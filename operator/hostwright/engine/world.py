"""The cluster's side of a machine: its Provider, whether it may use it, and what it says."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from hostwright.core.backend import Backend
from hostwright.core.errors import Failure, InvalidConfiguration, ProviderNotAllowed, ProviderNotFound
from hostwright.engine.connection import Connection
from hostwright.engine.ports import Body, Key
from hostwright.engine.store import Store
from hostwright.kinds.provider.resource import ProviderSpec


class World:
    """Reads the store and the connections; does no I/O."""

    def __init__(self, store: Store, connections: Mapping[str, Connection], blocks: frozenset[str]) -> None:
        self._store, self._connections, self.blocks = store, connections, blocks

    def connection(self, name: str) -> Connection | None:
        return self._connections.get(name)

    def awaits_first_reading(self, name: str) -> bool:
        """It is on its way: that it was made, or why it cannot be, is told as a turn of the Provider."""
        connection = self._connections.get(name)
        if connection is None:
            return self.provider_spec(name) is not None
        return connection.state.failure is None and not connection.state.synced

    def provider_spec(self, name: str) -> ProviderSpec | None:
        try:
            return self._store.spec(Key("Provider", "", name), ProviderSpec)
        except ValidationError:
            return None

    def namespace_labels(self, namespace: str) -> Mapping[str, str]:
        body = self._store.get(Key("Namespace", "", namespace))
        return (body["metadata"].get("labels") or {}) if body is not None else {}

    def backend(self, namespace: str, name: str, kind: str, *, leaving: bool = False) -> Backend:
        """The Provider as this machine sees it; one that is `leaving` may go whomever the Provider serves now."""
        provider, connection = self.provider_spec(name), self._connections.get(name)
        if provider is not None and connection is None:
            return Backend(connected=False)
        if provider is None or connection is None:
            missing = ProviderNotFound(f"Provider {name!r} does not exist. Name one that does: kubectl get providers.")
            return Backend(exists=False, connected=False, failure=missing)
        state, serves = connection.state, connection.backend.sections.serves
        failure: Failure | None = state.failure
        if serves != kind:
            failure = InvalidConfiguration(
                f"Provider {name!r} is of type {connection.spec.type} and runs no {kind}: name another one."
            )
        allowed = leaving or provider.allowed_namespaces.allows(self.namespace_labels(namespace))
        if failure is None and not allowed:
            failure = ProviderNotAllowed(
                f"Provider {name!r} does not serve namespace {namespace!r} (its spec.allowedNamespaces). "
                "Use another Provider or ask its owner."
            )
        return Backend(
            connected=state.session is not None,
            synced=state.session is not None and state.session.synced(),
            down_for=state.down_for,
            failure=failure,
            machines=self._store.count_users(Key("Provider", "", name)),
            paused=provider.paused,
        )

    def machines(self, name: str, kind: str) -> Any:
        """What the session offers for this kind of machine; None while there is no session, or for another kind."""
        connection = self._connections.get(name)
        if connection is None or connection.state.session is None or connection.backend.sections.serves != kind:
            return None
        return connection.state.session.machines


def is_deleting(body: Body) -> bool:
    return bool(body["metadata"].get("deletionTimestamp"))
