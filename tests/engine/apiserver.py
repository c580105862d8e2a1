"""An API server in memory: resourceVersions, preconditions, finalizers, the status subresource, watches."""

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from tests.engine.virtual import Clock
from tests.engine.wire import Wire

from hostwright.core.decision import Note
from hostwright.engine.ports import (
    Body,
    ClusterUnavailableError,
    Key,
    ObjectGoneError,
    Secret,
    StaleBodyError,
    WriteRefusedError,
)


def copied(value: Any) -> Any:
    """A copy of what JSON knows; an order of magnitude faster than copy.deepcopy."""
    return msgspec.json.decode(msgspec.json.encode(value, enc_hook=dict))


Subscriber = Callable[[Key, str | None, Body], None]


@dataclass
class ApiServer:
    """Objects as users and the operator write them; `watch_lag` seconds until a watch shows a change."""

    clock: Clock
    watch_lag: float = 0.002
    objects: dict[Key, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)  # Secrets with our finalizer
    events: dict[str, Note] = field(default_factory=dict)
    subscribers: list[Subscriber] = field(default_factory=list)
    status_writes: list[Key] = field(default_factory=list)
    applies: dict[str, dict[str, Any]] = field(default_factory=dict)  # uid → the pools' manager's last apply
    busy_deletions: int = 0  # so many deletions meet another's write
    version: int = 0

    # as a user

    def apply(self, key: Key, spec: Mapping[str, Any], **metadata: Any) -> None:
        old = self.objects.get(key)
        body = copied(old) if old is not None else self._new(key)
        body["metadata"] |= metadata
        if body.get("spec") != spec:
            body["spec"] = copied(dict(spec))
            body["metadata"]["generation"] += 1
        self._store(key, body, "MODIFIED" if old is not None else "ADDED")

    def delete(self, key: Key) -> None:
        body = copied(self.objects[key])
        if not body["metadata"].get("finalizers"):
            self._remove(key, body)
        elif "deletionTimestamp" not in body["metadata"]:
            body["metadata"]["deletionTimestamp"] = self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
            body["metadata"]["generation"] += 1
            self._store(key, body, "MODIFIED")

    def status(self, key: Key) -> Mapping[str, Any]:
        return (self.objects.get(key) or {}).get("status") or {}

    def condition(self, key: Key, kind: str) -> Mapping[str, Any]:
        return next((row for row in self.status(key).get("conditions") or () if row["type"] == kind), {})

    # as the engine's port, applied at once

    def patch(self, key: Key, patch: Body) -> Body:
        body = self._fresh(key, patch["metadata"])
        metadata = {name: value for name, value in patch["metadata"].items() if name not in {"resourceVersion", "uid"}}
        before = body["metadata"]
        body["metadata"] = merged(before, metadata)
        if before.get("deletionTimestamp") and not _within(body["metadata"], before):
            raise WriteRefusedError("422: no new finalizers can be added if the object is being deleted")
        spec = merged(body["spec"], patch.get("spec") or {})
        if spec != body["spec"]:
            body["spec"] = spec
            body["metadata"]["generation"] += 1
        return self._kept(key, body)

    def patch_status(self, key: Key, patch: Body) -> Body:
        body = self._fresh(key, {**patch["metadata"], "uid": None})
        body["status"] = merged(body.get("status") or {}, patch["status"])
        self.status_writes.append(key)
        return self._kept(key, body)

    def drop_finalizer(self, key: Key, uid: str, finalizer: str) -> Body | None:
        body = self._fresh(key, {"uid": uid})
        if finalizer not in body["metadata"].get("finalizers", ()):
            raise StaleBodyError(f"422: {finalizer} is not there")
        body["metadata"]["finalizers"].remove(finalizer)
        return self._kept(key, body)

    def applied(self, key: Key, wanted: Body, *, force: bool) -> Body:
        """Server-side apply of one manager: what its last apply had and this one has not is removed."""
        body = self.objects.get(key)
        metadata = {name: value for name, value in wanted["metadata"].items() if name not in {"resourceVersion", "uid"}}
        config = {"metadata": metadata, "spec": wanted["spec"]}
        if body is None and wanted["metadata"].get("uid"):
            raise StaleBodyError(f"409: {key} is not there")
        if body is None:
            made = {**self._new(key), "spec": copied(wanted["spec"])}
            made["metadata"] |= {**copied(metadata), "generation": 1}
            self.applies[made["metadata"]["uid"]] = copied(config)
            return self._store(key, made, "ADDED")
        found = self._fresh(key, wanted["metadata"])
        before = self.applies.get(found["metadata"]["uid"], {})
        if not force and _conflicts(found, config, before):
            raise StaleBodyError(f"409: Apply failed with conflicts on {key}")
        after = merged(_without(found, before, config), config)
        for name, same in (("finalizers", str), ("ownerReferences", lambda each: each["uid"])):
            mine, former = metadata.get(name) or [], before.get("metadata", {}).get(name) or ()
            others = [each for each in found["metadata"].get(name) or () if each not in former]
            after["metadata"][name] = [*(each for each in others if same(each) not in map(same, mine)), *mine]
        if found["metadata"].get("deletionTimestamp") and not _within(after["metadata"], found["metadata"]):
            raise WriteRefusedError("422: no new finalizers can be added if the object is being deleted")
        if after["spec"] != self.objects[key]["spec"]:
            after["metadata"]["generation"] += 1
        self.applies[found["metadata"]["uid"]] = copied(config)
        return self._kept(key, after)

    def delete_of(self, key: Key, uid: str, version: str = "") -> None:
        self._fresh(key, {"uid": uid, **({"resourceVersion": version} if version else {})})
        if self.busy_deletions > 0:
            self.busy_deletions -= 1
            raise StaleBodyError(f"409: {key} has been modified")
        if self.refuses_deletion(self.objects[key]):
            raise WriteRefusedError(f"422: {key} is protected")
        self.delete(key)

    def own(self, key: Key, body: Body, owners: Sequence[Mapping[str, Any]]) -> Body:
        found = self._fresh(key, body["metadata"])
        found["metadata"]["ownerReferences"] = copied(owners)
        return self._kept(key, found)

    def refuses_deletion(self, body: Body) -> bool:
        """The admission policy of that name."""
        protected = (body.get("spec") or {}).get("deletionProtection")
        return bool(protected) and "deletionTimestamp" not in body["metadata"]

    def event(self, body: Body, note: Note) -> None:
        self.events.setdefault(f"{body['metadata']['uid']}/{note.reason}/{note.transition}", note)

    def subscribe(self, subscriber: Subscriber) -> None:
        """List, then watch."""
        for key, body in self.objects.items():
            subscriber(key, None, copied(body))
        self.subscribers.append(subscriber)

    # inside

    def _new(self, key: Key) -> dict[str, Any]:
        number = uuid.uuid5(uuid.NAMESPACE_OID, str(self.version + 1))
        metadata: dict[str, Any] = {"name": key.name, "uid": str(number), "generation": 0}
        metadata["creationTimestamp"] = self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        if key.namespace:
            metadata["namespace"] = key.namespace
        return {"kind": key.kind, "metadata": metadata, "status": {"observedGeneration": -1}}

    def _fresh(self, key: Key, wanted: Mapping[str, Any]) -> dict[str, Any]:
        body = self.objects.get(key)
        if body is None:
            raise ObjectGoneError(f"404: {key}")
        for name in ("resourceVersion", "uid"):
            if wanted.get(name) is not None and wanted[name] != body["metadata"][name]:
                raise StaleBodyError(f"409: {name} is {body['metadata'][name]}, not {wanted[name]}")
        return copied(body)

    def _kept(self, key: Key, body: dict[str, Any]) -> Body:
        if body["metadata"].get("deletionTimestamp") and not body["metadata"].get("finalizers"):
            return self._remove(key, body)
        if body == self.objects[key]:  # a patch that changes nothing is no new version
            return copied(body)
        return self._store(key, body, "MODIFIED")

    def _store(self, key: Key, body: dict[str, Any], event: str) -> Body:
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self.objects[key] = body
        self._show(key, event, body)
        return copied(body)

    def _remove(self, key: Key, body: dict[str, Any]) -> Body:
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        del self.objects[key]
        self._show(key, "DELETED", body)
        return copied(body)

    def _show(self, key: Key, event: str, body: dict[str, Any]) -> None:
        loop = asyncio.get_running_loop()
        for subscriber in self.subscribers:
            loop.call_later(self.watch_lag, self._deliver, subscriber, key, event, copied(body))

    def _deliver(self, subscriber: Subscriber, key: Key, event: str, body: Body) -> None:
        if subscriber in self.subscribers:  # a dead process hears nothing
            subscriber(key, event, body)


@dataclass
class FakeCluster:
    """Implements engine.ports.Cluster for one process, over the wire."""

    api: ApiServer
    wire: Wire

    async def patch(self, key: Key, patch: Body) -> Body:
        return await self.wire.carry("patch", lambda: self.api.patch(key, patch), lost=ClusterUnavailableError)

    async def patch_status(self, key: Key, patch: Body) -> Body:
        return await self.wire.carry(
            "patch_status", lambda: self.api.patch_status(key, patch), lost=ClusterUnavailableError
        )

    async def get(self, key: Key) -> Body | None:
        return copied(self.api.objects.get(key))

    async def drop_finalizer(self, key: Key, body: Body, finalizer: str) -> Body | None:
        uid = body["metadata"]["uid"]
        try:
            return await self.wire.carry(
                "drop_finalizer", lambda: self.api.drop_finalizer(key, uid, finalizer), lost=ClusterUnavailableError
            )
        except ObjectGoneError:
            return None

    async def apply(self, key: Key, wanted: Body, *, force: bool) -> Body:
        return await self.wire.carry(
            "apply", lambda: self.api.applied(key, wanted, force=force), lost=ClusterUnavailableError
        )

    async def delete(self, key: Key, uid: str, version: str = "") -> None:
        await self.wire.carry(
            "delete_object", lambda: self.api.delete_of(key, uid, version), lost=ClusterUnavailableError
        )

    async def own(self, key: Key, body: Body, owners: Sequence[Mapping[str, Any]]) -> Body:
        return await self.wire.carry("own", lambda: self.api.own(key, body, owners), lost=ClusterUnavailableError)

    async def secret(self, namespace: str, name: str) -> Secret | None:
        return self.api.secrets.get(name)

    async def hold_secret(self, namespace: str, name: str, finalizer: str, *, held: bool) -> None:
        """Secrets are not deleted here; whether they could be is kept."""
        if name in self.api.secrets:
            (self.api.held.add if held else self.api.held.discard)(name)

    async def event(self, body: Body, note: Note) -> None:
        self.api.event(body, note)


def _within(after: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    return set(after.get("finalizers") or ()) <= set(before.get("finalizers") or ())


def _conflicts(found: Any, config: Any, mine: Any) -> bool:
    """A value of somebody else's that this apply would change; lists of metadata are joined, not changed."""
    for name, value in config.items():
        if name not in found or name in {"finalizers", "ownerReferences"}:
            continue
        owned = mine.get(name) if isinstance(mine, Mapping) else None
        if isinstance(value, Mapping) and isinstance(found[name], Mapping):
            if _conflicts(found[name], value, owned or {}):
                return True
        elif found[name] != value and owned is None:
            return True
    return False


def _without(found: Mapping[str, Any], before: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """What the last apply had and this one has not, taken away."""
    left = dict(found)
    for name, value in before.items():
        if name in {"finalizers", "ownerReferences"} or name not in left:
            continue
        if name not in config:
            del left[name]
        elif isinstance(value, Mapping) and isinstance(config[name], Mapping):
            left[name] = _without(left[name], value, config[name])
    return left


def merged(old: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """JSON merge patch, RFC 7386."""
    result = dict(old)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            before = result.get(name)
            result[name] = merged(before if isinstance(before, Mapping) else {}, value)
        else:
            result[name] = copied(value)
    return result
