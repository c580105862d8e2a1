"""The objects as last seen, and who uses what: filled by the watch and by the replies to our own writes."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from hostwright.core.index import Index
from hostwright.core.names import ANNOTATION_MACHINE_ID, GROUP
from hostwright.engine.bodies import Bodies
from hostwright.engine.ports import Body, Key

M = TypeVar("M", bound=BaseModel)
Labels = Mapping[str, str]
NONE: Labels = {}

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
        self._bodies = Bodies()
        self._versions: dict[Key, int] = {}  # beside the bodies, which it takes time to unfold
        self._specs: dict[Key, Any] = {}  # of the kinds that many objects refer to
        self._users: Index[Key, Key] = Index()
        self._tokens: Index[str, Key] = Index()  # machine id without dashes, backend id → keys
        self._owned: Index[str, Key] = Index()  # uid of a controlling owner → keys
        self._kinds: defaultdict[str, dict[Key, None]] = defaultdict(dict)  # in the order in which they came
        self._single: defaultdict[str, dict[Key, Labels]] = defaultdict(dict)  # by kind: what none of ours controls
        self.told: Callable[[Key], None] = lambda _: None  # hears of each owner whose object came, changed or went
        self._followers: list[Callable[[Key, Body | None], None]] = []

    def follow(self, follower: Callable[[Key, Body | None], None]) -> None:
        """Called with every body that is kept from now on, and with None for an object that left.

        Replies to our own writes included: the inbox does not hear of those, since their echo is dropped.
        """
        self._followers.append(follower)

    def get(self, key: Key) -> Body | None:
        return self._bodies.get(key)

    def version(self, key: Key) -> int | None:
        """The resourceVersion of what is kept; None: there is no such object."""
        return self._versions.get(key)

    def spec(self, key: Key, model: type[M]) -> M | None:
        """The object's spec as its model, read once for each body: every machine's pass asks for its Provider's.

        Raises pydantic's ValidationError. None: there is no such object.
        """
        known: M | None = self._specs.get(key)
        if known is None and (body := self._bodies.get(key)) is not None:
            known = self._specs[key] = model.model_validate(body["spec"])
        return known

    def put(self, key: Key, body: Body, *, relisted: bool = False) -> bool:
        """Keep the newer body; False when it was an echo or older. A relisted object always replaces.

        One that was read is ahead of its watch, which may be at the object before it of that name still.
        """
        old = self._bodies.get(key)
        if old is not None and not relisted:
            ahead = resource_version(old) - resource_version(body)
            if ahead > 0 or (ahead == 0 and uid(old) == uid(body)):
                return False
        self._forget(key)
        body = _slim(body)
        self._bodies.put(key, body)
        self._versions[key] = resource_version(body)
        self._kinds[key.kind][key] = None
        self._tell_owner(key, body)
        for other in references(key, body):
            self._users.add(other, key)
        for token in tokens(body):
            self._tokens.add(token, key)
        for follower in self._followers:
            follower(key, body)
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
        self._bodies.drop(key)
        self._versions.pop(key, None)
        self._kinds[key.kind].pop(key, None)
        self._single[key.kind].pop(key, None)
        for follower in self._followers:
            follower(key, None)

    def keys(self, kind: str) -> list[Key]:
        return list(self._kinds.get(kind, ()))

    def bodies(self, kind: str) -> Iterator[tuple[Key, Body]]:
        return ((key, self._bodies[key]) for key in self.keys(kind) if key in self._bodies)

    def owned(self, owner_uid: str) -> frozenset[Key]:
        """The objects that this one controls."""
        return self._owned.under(owner_uid)

    def single(self, kind: str) -> Mapping[Key, Labels]:
        """The objects that none of ours controls, with their labels: what a pool might take in."""
        return self._single.get(kind, {})

    def users(self, key: Key) -> frozenset[Key]:
        """The objects whose spec refers to this one."""
        return self._users.under(key)

    def count_users(self, key: Key) -> int:
        return self._users.count(key)

    def by_token(self, token: str) -> frozenset[Key]:
        """The objects with this machine id (without dashes) or with this backend id in their ledger."""
        return self._tokens.under(token)

    def __len__(self) -> int:
        return len(self._bodies)

    def _forget(self, key: Key) -> None:
        self._specs.pop(key, None)
        old = self._bodies.get(key)
        if old is None:
            return
        for other in references(key, old):
            self._users.discard(other, key)
        for token in tokens(old):
            self._tokens.discard(token, key)
        owner = controller(old)
        if owner is not None:
            self._owned.discard(owner["uid"], key)
            self.told(Key(owner["kind"], key.namespace, owner["name"]))

    def _tell_owner(self, key: Key, body: Body) -> None:
        owner = controller(body)
        if owner is None:
            self._single[key.kind][key] = body["metadata"].get("labels") or NONE
            return
        self._single[key.kind].pop(key, None)
        self._owned.add(owner["uid"], key)
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
    return {**body, "metadata": metadata}
