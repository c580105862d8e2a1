"""The passes over Provider, MachineClass and MachineImage: what they are worth now, and held while in use."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from hostwright.core.conditions import Said, find, is_true, merge
from hostwright.core.decision import Note
from hostwright.core.errors import Denied, Failure, InvalidConfiguration
from hostwright.core.names import FINALIZER, FINALIZER_SECRET, Condition, Reason
from hostwright.engine.bindings import source_for
from hostwright.engine.breaker import ACKNOWLEDGED
from hostwright.engine.connection import Connection
from hostwright.engine.groups import GroupPass
from hostwright.engine.ledger import stamp
from hostwright.engine.ports import Body, Clock, Cluster, Key, Telemetry
from hostwright.engine.queue import Priority
from hostwright.engine.report import status_patch
from hostwright.engine.store import Store, uid
from hostwright.engine.worker import Again
from hostwright.engine.world import World, is_deleting
from hostwright.kinds.machineimage.resource import MachineImageSpec
from hostwright.kinds.provider.port import NetworkFact
from hostwright.kinds.provider.resource import ProviderSpec

#: What an image waits for while a Provider's first login has no outcome yet.
CONNECTING = "the Provider is connecting"
#: At the most this many orphans stand in the status; the schema's bound.
ORPHANS = 100
#: Users named in a message; of more only the number is told.
NAMED = 3


@dataclass(slots=True)
class CatalogPass:
    """One for the process; `connect` makes the connection follow the Provider's spec, `disconnect` ends it."""

    store: Store
    world: World
    cluster: Cluster
    clock: Clock
    telemetry: Telemetry
    namespace: str
    connect: Callable[[Body, ProviderSpec], Connection | Failure]
    disconnect: Callable[[str], Awaitable[None]]
    groups: GroupPass
    judges_orphans: bool = True
    #: By its name, where a Provider led that went by force while machines name it.
    places: dict[str, Mapping[str, str]] = field(default_factory=dict)

    async def provider(self, key: Key) -> Again:
        """Follow the spec, report what the connection says, hold the Secret and the object while machines use it."""
        body = self.store.get(key)
        await self._part(key, body)
        if body is None:
            return Again()
        if is_deleting(body) and not self.store.users(key) and not await self.groups.holds(key, body):
            return await self._let_go_of_provider(key, body)
        body = await self._hold(key, body)
        try:
            spec = ProviderSpec.model_validate(body["spec"])
        except ValidationError as error:
            return await self._broken(
                key, body, InvalidConfiguration(f"the spec cannot be read: {error.errors()[0]['msg']}")
            )
        if spec.credentials_ref is not None:
            await self.cluster.hold_secret(self.namespace, spec.credentials_ref.name, FINALIZER_SECRET, held=True)
        await self._let_go_of_secrets(key, {_held_secret(body)} - {_named_secret(body)})
        connection = self.connect(self._placed(key, body), spec)
        if isinstance(connection, Failure):
            return await self._broken(key, body, connection)
        if _starting(body, connection):
            return Again(60.0, Priority.RESYNC)
        body, again = await self.groups.bring(key, body, connection)
        said = (*self._provider_said(key, body, spec, connection), *_destruction_said(body, connection))
        await self._say(key, body, said, self._provider_status(connection))
        return Again(min(again, 60.0), Priority.RESYNC if again >= 1.0 else Priority.TRANSITION)

    async def follow(self, key: Key) -> None:
        """A standby's part: connected as the spec says, nothing written, nobody told."""
        body = self.store.get(key)
        await self._part(key, body)
        spec = self.world.provider_spec(key.name)
        if body is not None and spec is not None and not is_deleting(body):
            self.connect(self._placed(key, body), spec)

    async def machine_class(self, key: Key) -> Again:
        """A class is ready as soon as it is there."""
        body = self.store.get(key)
        if body is None:
            return Again()
        if is_deleting(body) and not self.store.users(key):
            return await self._let_go(key, body)
        body = await self._hold(key, body)
        await self._say(key, body, (*self._in_use(key, body), Said(Condition.READY, True, Reason.READY, "")), {})
        return Again(10.0 if is_deleting(body) else None)

    async def machine_image(self, key: Key) -> Again:
        """An image is ready when every Provider it has a source for knows it."""
        body = self.store.get(key)
        if body is None:
            return Again()
        if is_deleting(body) and not self.store.users(key):
            return await self._let_go(key, body)
        body = await self._hold(key, body)
        rows = self._image_rows(MachineImageSpec.model_validate(body["spec"]), _recorded_rows(body))
        bad = [row for row in rows if not row["ready"]]
        ready = bool(rows) and not bad
        if ready:
            message = ""
        elif bad:
            message = "; ".join(f"{row['name']}: {row['message']}" for row in bad)
        else:
            message = "no Provider matches a source of this image"
        waits = bool(bad) and all(row["message"] == CONNECTING for row in bad)
        reason = Reason.RESOLVED if ready else Reason.WAITING if waits else "ImageNotResolved"
        said = Said(Condition.READY, ready, reason, message)
        await self._say(key, body, (*self._in_use(key, body), said), {"providers": rows or None})
        return Again(30.0 if not ready or is_deleting(body) else 300.0, Priority.RESYNC)

    # -- what is said

    def _image_rows(self, spec: MachineImageSpec, recorded: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """Before the first login of a start has an outcome, what was recorded stands: a restart says nothing."""
        rows = []
        for key, body in self.store.bodies("Provider"):
            source = source_for(spec, key.name, body["metadata"].get("labels") or {})
            if source is None:
                continue
            connection = self.world.connection(key.name)
            session = connection.state.session if connection is not None else None
            if connection is None or session is None:
                starting = connection is None or connection.state.failure is None
                why = CONNECTING if starting else "the Provider is not connected"
                unknown = {"name": key.name, "ready": False, "message": why}
                rows.append(recorded.get(key.name, unknown) if starting else unknown)
                continue
            fact = session.image(source.section(connection.backend.sections.key) or {})
            if not fact.id:
                connection.want_catalog()
            row = {"name": key.name, "id": fact.id, "ready": bool(fact.id), "message": fact.message}
            rows.append({name: value for name, value in row.items() if value not in (None, "")})
        return sorted(rows, key=lambda row: str(row["name"]))

    def _provider_said(self, key: Key, body: Body, spec: ProviderSpec, connection: Connection) -> tuple[Said, ...]:
        failure = connection.state.failure
        said = [*self._in_use(key, body)]
        if spec.paused:
            said.append(Said(Condition.PAUSED, True, Reason.PAUSED, "machines of this Provider are only observed"))
        if failure is None and connection.state.session is None:
            return (
                *said,
                Said(Condition.READY, False, Reason.WAITING, "connecting"),
                Said(Condition.RECONCILING, True, Reason.WAITING, "connecting"),
            )
        if failure is None:
            lacking = _lacking_networks(connection)
            missing = "; ".join(f"network {fact.name}: {fact.message}" for fact in lacking)
            if missing:
                connection.want_catalog()
            why = lacking[0].reason if lacking else Reason.RESOLVED
            catalog = Said(Condition.CATALOG_RESOLVED, not missing, why, missing)
            refused = connection.state.refused
            former = f"the former login is used on: {refused.message}" if refused is not None else ""
            ready = Said(Condition.READY, not missing, catalog.reason if missing else Reason.READY, missing or former)
            valid = (
                Said(Condition.CREDENTIALS_VALID, True, Reason.VALID)
                if refused is None
                else Said(Condition.CREDENTIALS_VALID, False, refused.reason, former)
            )
            return (*said, ready, catalog, Said(Condition.REACHABLE, True, Reason.REACHABLE), valid)
        return (*said, *_failure_said(failure))

    def _provider_status(self, connection: Connection) -> dict[str, Any]:
        state, session = connection.state, connection.state.session
        held = state.failure is not None or connection.breaker.open
        status: dict[str, Any] = {"breaker": {"state": "Open" if held else "Closed"}}
        if connection.breaker.watches:
            status["handled"] = {ACKNOWLEDGED: connection.breaker.handled}
        if connection.recorded:
            status["identity"] = dict(connection.recorded)
        login = connection.spec.credentials_ref
        credentials = {"name": login.name if login is not None else None}
        if state.checked is not None:
            status["apiVersion"] = state.checked.api_version or None
            credentials["resourceVersion"] = connection.secret_version or None
            credentials["expiresAt"] = stamp(state.checked.expires_at)
        status["credentials"] = {name: value for name, value in credentials.items() if value} or None
        if session is not None:
            status["networks"] = [_network_row(fact) for fact in session.networks()] or None
            orphans = self._orphans(session.marked() if self.judges_orphans else None)
            if orphans is not None:
                status["orphans"] = orphans or None
        return status

    def _orphans(self, marked: Any) -> list[dict[str, Any]] | None:
        """What bears a mark of this cluster and is claimed by no object; judged only when all is seen."""
        if marked is None:
            return None
        now = stamp(self.clock.now())
        known = {
            row["id"]: row["since"]
            for _, body in self.store.bodies("Provider")
            for row in (body.get("status") or {}).get("orphans") or ()
        }
        rows = [
            {
                "name": thing.name,
                "id": thing.id,
                "kind": thing.kind,
                "machineID": thing.machine_id,
                "since": known.get(thing.id, now),
            }
            for thing in marked
            if not self.store.by_token(thing.machine_id.replace("-", "")) and not self.store.by_token(thing.id)
            if not self.groups.claimed(thing.id)
        ]
        return sorted(rows, key=lambda row: str(row["id"]))[:ORPHANS]

    def _in_use(self, key: Key, body: Body) -> tuple[Said, ...]:
        users = self.store.users(key)
        if not is_deleting(body) or not users:
            return ()
        named = sorted(f"{user.namespace}/{user.name}" for user in users)
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        text = f"kept while in use by {', '.join(named[:NAMED])}{more}"
        return (Said(Condition.DELETING, True, Reason.IN_USE, text),)

    async def _broken(self, key: Key, body: Body, failure: Failure) -> Again:
        await self._say(key, body, _failure_said(failure), {})
        return Again(60.0, Priority.RESYNC)

    async def _say(self, key: Key, body: Body, said: tuple[Said, ...], fields: Mapping[str, Any]) -> None:
        generation = body["metadata"].get("generation", 0)
        old = body.get("status") or {}
        status = {**old, **fields, "observedGeneration": generation}
        status["conditions"] = merge(
            old.get("conditions") or [], _held_said(said), generation=generation, now=stamp(self.clock.now()) or ""
        )
        patch = status_patch(body, {name: value for name, value in status.items() if value is not None})
        if patch is None:
            return
        after = await self.cluster.patch_status(key, patch)
        self.store.renew(key, after)
        self.telemetry.wrote(key.kind, "status")
        for note in _turns(body, old.get("conditions") or [], status["conditions"]):
            self.telemetry.said(key, note.reason, note.message)
            await self.cluster.event(after, note)

    # -- made anew under its name

    async def _part(self, key: Key, body: Body | None) -> None:
        """A connection is that of one Provider object, and goes with it."""
        former = self.world.connection(key.name)
        if former is None or (body is not None and former.uid == uid(body)):
            return
        if former.recorded and self.store.users(key):
            self.places[key.name] = former.recorded
        await self.disconnect(key.name)

    def _placed(self, key: Key, body: Body) -> Body:
        """One made anew leads where its machines are, or none of them may count as gone (PROTOCOLS section 5)."""
        status = body.get("status") or {}
        if status.get("identity") or not self.store.users(key):
            self.places.pop(key.name, None)
        place = self.places.get(key.name)
        return body if place is None else {**body, "status": {**status, "identity": place}}

    # -- held while in use

    async def _hold(self, key: Key, body: Body) -> Body:
        finalizers = list(body["metadata"].get("finalizers") or ())
        if FINALIZER in finalizers or is_deleting(body):
            return body
        metadata = body["metadata"]
        patch = {
            "metadata": {
                "finalizers": [*finalizers, FINALIZER],
                "resourceVersion": metadata["resourceVersion"],
                "uid": metadata["uid"],
            }
        }
        held = await self.cluster.patch(key, patch)
        self.telemetry.wrote(key.kind, "finalizer")
        self.store.renew(key, held)
        return held

    async def _let_go(self, key: Key, body: Body) -> Again:
        if FINALIZER in (body["metadata"].get("finalizers") or ()):
            after = await self.cluster.drop_finalizer(key, body, FINALIZER)
            self.telemetry.wrote(key.kind, "finalizer")
            if after is not None:
                self.store.renew(key, after)
        return Again()

    async def _let_go_of_provider(self, key: Key, body: Body) -> Again:
        await self._let_go_of_secrets(key, {_held_secret(body), _named_secret(body)})
        await self.disconnect(key.name)
        return await self._let_go(key, body)

    async def _let_go_of_secrets(self, key: Key, secrets: set[str]) -> None:
        """Those that no other Provider names."""
        others = {_named_secret(found) for other, found in self.store.bodies("Provider") if other != key}
        for name in sorted(secrets - others - {""}):
            await self.cluster.hold_secret(self.namespace, name, FINALIZER_SECRET, held=False)


def _named_secret(body: Body) -> str:
    return str(((body.get("spec") or {}).get("credentialsRef") or {}).get("name") or "")


def _held_secret(body: Body) -> str:
    """The one that was named when the status was written last."""
    return str(((body.get("status") or {}).get("credentials") or {}).get("name") or "")


def _held_said(said: tuple[Said, ...]) -> tuple[Said, ...]:
    """What holds a deletion also stands where `kubectl get -o wide` looks, unless worse is said there."""
    held = next((each.message for each in said if each.type == Condition.DELETING), "")
    return tuple(replace(each, message=each.message or held) if each.type == Condition.READY else each for each in said)


def _recorded_rows(body: Body) -> dict[str, dict[str, Any]]:
    """By Provider, what the status says of this generation's sources."""
    status = body.get("status") or {}
    if status.get("observedGeneration") != body["metadata"].get("generation"):
        return {}
    return {row["name"]: row for row in status.get("providers") or ()}


def _starting(body: Body, connection: Connection) -> bool:
    """A restart says nothing of a Provider that was ready, until the first login has an outcome."""
    status = body.get("status") or {}
    return (
        connection.state.session is None
        and connection.state.failure is None
        and status.get("observedGeneration") == body["metadata"].get("generation")
        and is_true(status.get("conditions") or [], Condition.READY)
        and not is_deleting(body)
    )


def _turns(body: Body, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[Note]:
    """One Event for each turn for the worse, whatever conditions tell of it, and one when all is well again."""
    told: dict[str, Note] = {}
    for kind in (Condition.READY, Condition.CREDENTIALS_VALID, Condition.REACHABLE):
        was, now = find(before, kind) or {}, find(after, kind) or {}
        if now.get("reason") == was.get("reason") or now.get("reason") == Reason.WAITING:
            continue
        if now.get("status") == "False":
            reason = str(now["reason"])
            turn = f"{reason}/{body['metadata'].get('resourceVersion', '')}"
            told[reason] = Note(reason, str(now.get("message", "")), turn, warning=True)
        elif kind == Condition.READY and was.get("status") == "False" and was.get("reason") != Reason.WAITING:
            told[Reason.READY] = Note(Reason.READY, f"well again after {was['reason']}", now["lastTransitionTime"])
    return list(told.values())


def _lacking_networks(connection: Connection) -> list[NetworkFact]:
    session = connection.state.session
    return [fact for fact in (session.networks() if session else ()) if not fact.id]


def _network_row(fact: Any) -> dict[str, Any]:
    row = {"name": fact.name, "id": fact.id, "createFence": fact.create_fence, "message": fact.message}
    return {name: value for name, value in row.items() if value}


def _failure_said(failure: Failure) -> tuple[Said, ...]:
    denied = isinstance(failure, Denied)
    ready = Said(Condition.READY, False, failure.reason, failure.message)
    if denied or isinstance(failure, InvalidConfiguration):
        stalled = Said(Condition.STALLED, True, failure.reason, failure.message)
        return (
            (ready, stalled, Said(Condition.CREDENTIALS_VALID, False, failure.reason, failure.message))
            if denied
            else (ready, stalled)
        )
    reachable = Said(Condition.REACHABLE, False, failure.reason, failure.message)
    return (ready, reachable, Said(Condition.RECONCILING, True, failure.reason, failure.message))


def _destruction_said(body: Body, connection: Connection) -> tuple[Said, ...]:
    """Of a Provider that limits what is taken away, or did."""
    kind, breaker = Condition.DESTRUCTIVE_OPERATIONS_ALLOWED, connection.breaker
    before = find((body.get("status") or {}).get("conditions") or [], kind)
    if not breaker.watches and before is None:
        return ()
    failure = breaker.failure() if breaker.open else None
    return (
        Said(
            kind,
            failure is None,
            failure.reason if failure else Reason.WITHIN_LIMIT,
            failure.message if failure else "",
        ),
    )
