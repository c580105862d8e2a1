"""The objects as last seen, and who uses what: filled by the watch and by the replies to our own writes."""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from hostwright.core.names import ANNOTATION_MACHINE_ID, GROUP
from hostwright.engine.ports import Body, Key

M = TypeVar("M", bound=BaseModel)

#: Characters of a word worth keeping once: reasons, types, names, moments, ids; not messages.
SHORT = 64
#: What a decoder makes that holds nothing: told by its type, as to ask an abstract class takes as long as all the rest.
PLAIN = frozenset({list, int, float, bool, type(None)})
#: The kinds that name a Provider and have a machine id.
MACHINES = frozenset({"VirtualMachine", "PhysicalMachine"})
#: spec field → kind it refers to.
_REFERENCES = {"providerRef": "Provider", "classRef": "MachineClass", "imageRef": "MachineImage"}


def uid(body: Body) -> str:
    return str(body["metadata"].get("uid", ""))


def resource_version(body: Body) -> int:
    """Resource versions are comparable integers (KEP-5504); anything else counts as oldest."""
    text = str(body["metadata"].get("resourceVersion", ""))
    return int(text) if text.isdigit() else -1


class Store:
    """One body for each key, with three indexes."""

    def __init__(self) -> None:
        self._bodies: dict[Key, Body] = {}
        self._specs: dict[Key, tuple[Body, Any]] = {}  # of the kinds that many objects refer to
        self._users: defaultdict[Key, set[Key]] = defaultdict(set)
        self._tokens: defaultdict[str, set[Key]] = defaultdict(set)  # machine id without dashes, backend id → keys
        self._owned: defaultdict[str, set[Key]] = defaultdict(set)  # uid of a controlling owner → keys
        self._kinds: defaultdict[str, dict[Key, None]] = defaultdict(dict)  # in the order in which they came
        self.told: Callable[[Key], None] = lambda _: None  # hears of each owner whose object came, changed or went
        self._followers: list[Callable[[Key, Body | None], None]] = []

    def follow(self, follower: Callable[[Key, Body | None], None]) -> None:
        """Called with every body that is kept from now on, and with None for an object that left.

        Replies to our own writes included: the inbox does not hear of those, since their echo is dropped.
        """
        self._followers.append(follower)

    def get(self, key: Key) -> Body | None:
        return self._bodies.get(key)

    def spec(self, key: Key, model: type[M]) -> M | None:
        """The object's spec as its model, read once for each body: every machine's pass asks for its Provider's.

        Raises pydantic's ValidationError. None: there is no such object.
        """
        body = self._bodies.get(key)
        if body is None:
            return None
        known = self._specs.get(key)
        if known is None or known[0] is not body:
            known = self._specs[key] = (body, model.model_validate(body["spec"]))
        found: M = known[1]
        return found

    def put(self, key: Key, body: Body, *, relisted: bool = False) -> bool:
        """Keep the newer body; False when it was an echo or older. A relisted object always replaces."""
        old = self._bodies.get(key)
        if (
            not relisted
            and old is not None
            and uid(old) == uid(body)
            and resource_version(old) >= resource_version(body)
        ):
            return False
        self._forget(key)
        self._bodies[key] = _slim(body)
        self._kinds[key.kind][key] = None
        self._tell_owner(key, body)
        for other in references(key, body):
            self._users[other].add(key)
        for token in tokens(body):
            self._tokens[token].add(key)
        for follower in self._followers:
            follower(key, self._bodies[key])
        return True

    def renew(self, key: Key, body: Body) -> None:
        """Keep what the API server answered to our own write, unless the object left meanwhile.

        The reply to the patch that takes the last finalizer off still shows the object, and may come after its DELETED
        event: kept, it would count as a user of its class and Provider for ever.
        """
        old = self._bodies.get(key)
        if old is not None and uid(old) == uid(body):
            self.put(key, body)

    def drop(self, key: Key) -> None:
        self._forget(key)
        self._bodies.pop(key, None)
        self._kinds[key.kind].pop(key, None)
        self._specs.pop(key, None)
        for follower in self._followers:
            follower(key, None)

    def keys(self, kind: str) -> list[Key]:
        return list(self._kinds.get(kind, ()))

    def bodies(self, kind: str) -> Iterator[tuple[Key, Body]]:
        return ((key, self._bodies[key]) for key in self.keys(kind) if key in self._bodies)

    def owned(self, owner_uid: str) -> frozenset[Key]:
        """The objects that this one controls."""
        return frozenset(self._owned.get(owner_uid, ()))

    def users(self, key: Key) -> frozenset[Key]:
        """The objects whose spec refers to this one."""
        return frozenset(self._users.get(key, ()))

    def count_users(self, key: Key) -> int:
        return len(self._users.get(key, ()))

    def by_token(self, token: str) -> frozenset[Key]:
        """The objects with this machine id (without dashes) or with this backend id in their ledger."""
        return frozenset(self._tokens.get(token, ()))

    def __len__(self) -> int:
        return len(self._bodies)

    def _forget(self, key: Key) -> None:
        old = self._bodies.get(key)
        if old is None:
            return
        for other in references(key, old):
            _discard(self._users, other, key)
        for token in tokens(old):
            _discard(self._tokens, token, key)
        owner = controller(old)
        if owner is not None:
            _discard(self._owned, owner["uid"], key)
            self.told(Key(owner["kind"], key.namespace, owner["name"]))

    def _tell_owner(self, key: Key, body: Body) -> None:
        owner = controller(body)
        if owner is not None:
            self._owned[owner["uid"]].add(key)
            self.told(Key(owner["kind"], key.namespace, owner["name"]))


def machine_id(body: Body) -> str:
    """The identity an object carries: the annotation, else the status; empty before first sight."""
    annotations = body["metadata"].get("annotations") or {}
    return str(annotations.get(ANNOTATION_MACHINE_ID) or (body.get("status") or {}).get("machineID") or "")


def controller(body: Body) -> Mapping[str, Any] | None:
    """The owner that controls the object, if it is one of ours."""
    for owner in body["metadata"].get("ownerReferences") or ():
        if owner.get("controller") and str(owner.get("apiVersion", "")).startswith(f"{GROUP}/"):
            found: Mapping[str, Any] = owner
            return found
    return None


def references(key: Key, body: Body) -> Iterable[Key]:
    """What the object's spec names."""
    spec = body.get("spec") or {}
    if key.kind not in MACHINES:
        return ()
    return [
        Key(kind, "", spec[name]["name"]) for name, kind in _REFERENCES.items() if (spec.get(name) or {}).get("name")
    ]


def tokens(body: Body) -> Iterable[str]:
    """Under which words the backend may speak of this object."""
    if body.get("kind") not in MACHINES:
        return ()
    status = body.get("status") or {}
    words = [row["id"] for row in status.get("resources") or ()]
    server = (status.get("identity") or {}).get("uuid")
    if server:
        words.append(f"uuid:{server}")
    identity = machine_id(body)
    return [*words, identity.replace("-", "")] if identity else words


def _slim(body: Body) -> Body:
    """Without managedFields and kubectl's copy of the spec: half of an object's size, and nothing we read."""
    metadata: dict[str, Any] = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    annotations = metadata.get("annotations")
    if annotations and "kubectl.kubernetes.io/last-applied-configuration" in annotations:
        metadata["annotations"] = {
            name: value
            for name, value in annotations.items()
            if name != "kubectl.kubernetes.io/last-applied-configuration"
        }
    slim: Body = _shared({**body, "metadata": metadata})
    return slim


def _shared(value: Any) -> Any:
    """Each key and short word once in the process: a settled machine takes 7 kB so, and 15 as the decoder made it."""
    kind = type(value)
    if kind is str:  # only a plain one can be kept
        return sys.intern(value) if len(value) <= SHORT else value
    if kind is dict or (kind not in PLAIN and isinstance(value, Mapping)):
        return {_shared(name): _shared(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shared(item) for item in value]
    return value


def _discard(index: defaultdict[Any, set[Key]], word: Any, key: Key) -> None:
    rows = index.get(word)
    if rows is not None:
        rows.discard(key)
        if not rows:
            del index[word]
