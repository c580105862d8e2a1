"""The servers and who has which, kept as the store changes: nobody goes through all of them for one event."""

import json
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from hostwright.engine.ports import Body, Key
from hostwright.engine.queue import Priority
from hostwright.engine.servers import server_of
from hostwright.engine.store import uid
from hostwright.kinds.physicalmachineclaim.resource import KIND as CLAIM
from hostwright.kinds.physicalmachineclaim.servers import Holder, Ref, Server, Spread, Why, Wish, place

SERVER = "PhysicalMachine"


@dataclass(slots=True)
class _Line:
    """The claims that wait with one wish, the oldest first, and why each server is not for them."""

    wish: Wish
    counts: Counter[Why]
    claims: OrderedDict[Ref, None] = field(default_factory=OrderedDict)


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a server's own pass looks at, of the claim that has it."""

    uid: str
    generation: int
    deleting: bool
    machine: Ref | None


class Fleet:
    """Follows the store. `wake` is told whom a change concerns, our own writes included."""

    def __init__(self, wake: Callable[[Key, Priority], None]) -> None:
        self._wake = wake
        self._servers: dict[Ref, Server] = {}
        self._free: dict[Ref, Server] = {}
        self._claims: dict[Ref, _Claim] = {}
        self._held: defaultdict[Ref, set[Ref]] = defaultdict(set)  # claim → servers whose claimRef names it
        self._promised: defaultdict[Ref, set[Ref]] = defaultdict(set)  # server → claims whose status names it
        self._zones: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by the holder's namespace
        self._racks: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        self._lines: dict[str, _Line] = {}
        self._waits: dict[Ref, str] = {}  # claim → its line

    def follow(self, key: Key, body: Body | None) -> None:
        """The store keeps this body now; None: the object left."""
        if key.kind == SERVER:
            self._server_moved(Ref(key.namespace, key.name), body)
        elif key.kind == CLAIM:
            self._claim_moved(Ref(key.namespace, key.name), body)

    def server(self, ref: Ref) -> Server | None:
        return self._servers.get(ref)

    def held_by(self, claim: Ref) -> list[Server]:
        """The servers whose claimRef names this claim, whatever the uid."""
        return [self._servers[ref] for ref in sorted(self._held.get(claim, ()))]

    def holders(self) -> list[Ref]:
        """The claims that are named by servers, those that are gone included."""
        return [*self._held]

    def free(self) -> Iterator[Server]:
        """Those that are held by nobody and hindered by nothing."""
        return iter(self._free.values())

    def names(self, claim: Holder, server: Ref) -> bool:
        """Whether this very claim is alive, and its status names the server."""
        found = self._claims.get(claim.claim)
        return found is not None and found.uid == claim.uid and found.machine == server

    def spread(self, namespace: str) -> Spread:
        return Spread(self._zones.get(namespace) or {}, self._racks.get(namespace) or {})

    # -- claims that wait

    def wait(self, claim: Ref, wish: Wish) -> Mapping[Why, int]:
        """It stands in the line of its wish from now on; why each server is not for it."""
        word = _word(wish)
        if self._waits.get(claim) != word:
            self.wait_no_more(claim)
            self._waits[claim] = word
        line = self._lines.get(word)
        if line is None:
            counts = Counter(why for server in self._servers.values() if (why := wish.verdict(server)) is not None)
            line = self._lines[word] = _Line(wish, counts)
        line.claims[claim] = None
        return line.counts

    def wait_no_more(self, claim: Ref) -> None:
        """It has a server, or is gone: the next in its line may have a look, where there is more to take."""
        word = self._waits.pop(claim, None)
        line = self._lines.get(word) if word is not None else None
        if word is None or line is None:
            return
        line.claims.pop(claim, None)
        if not line.claims:
            del self._lines[word]
        elif any(line.wish.verdict(server) is None for server in self._free.values()):
            self._wake_first(line)

    def _wake_first(self, line: _Line) -> None:
        self._wake(Key(CLAIM, *next(iter(line.claims))), Priority.TRANSITION)

    # -- what changed

    def _server_moved(self, ref: Ref, body: Body | None) -> None:
        new = server_of(body, frozenset(self._promised.get(ref, ()))) if body is not None else None
        self._replace(ref, new)

    def _replace(self, ref: Ref, new: Server | None) -> None:
        old = self._servers.get(ref)
        if old == new:
            return
        if old is not None:
            self._count(old, -1)
            del self._servers[ref]
            self._free.pop(ref, None)
        if new is not None:
            self._servers[ref] = new
            self._count(new, 1)
        concerned = {server.holder.claim for server in (old, new) if server is not None and server.holder is not None}
        for claim in sorted(concerned | self._promised.get(ref, set())):
            self._wake(Key(CLAIM, *claim), Priority.TRANSITION)
        if old is not None and new is not None and old.holder != new.holder:
            self._wake(Key(SERVER, *ref), Priority.TRANSITION)  # our own write of claimRef has no echo in the inbox
        if new is not None and new.holder is None and not new.promised and new.hindrance is None:
            self._free[ref] = new
            for line in self._lines.values():
                if line.wish.verdict(new) is None:
                    self._wake_first(line)

    def _count(self, server: Server, by: int) -> None:
        for line in self._lines.values():
            why = line.wish.verdict(server)
            if why is not None:
                line.counts[why] += by
        if server.holder is not None:
            claim = server.holder.claim
            zone, rack = place(server)
            self._zones[claim.namespace][zone] += by
            self._racks[claim.namespace][zone, rack] += by
            _put(self._held, claim, server.ref, present=by > 0)

    def _claim_moved(self, ref: Ref, body: Body | None) -> None:
        old = self._claims.pop(ref, None)
        new = _claim(body) if body is not None else None
        if new is not None:
            self._claims[ref] = new
        else:
            self.wait_no_more(ref)
        before, after = old.machine if old else None, new.machine if new else None
        if before != after:
            for machine, present in ((before, False), (after, True)):
                if machine is not None:
                    _put(self._promised, machine, ref, present=present)
                    self._repromise(machine)
        if old != new:
            machines = {machine for machine in (before, after) if machine is not None}
            for machine in sorted(machines | self._held.get(ref, set())):
                if machine in self._servers:
                    self._wake(Key(SERVER, *machine), Priority.TRANSITION)

    def _repromise(self, machine: Ref) -> None:
        server = self._servers.get(machine)
        if server is not None:
            self._replace(machine, replace(server, promised=frozenset(self._promised.get(machine, ()))))


def _claim(body: Body) -> _Claim:
    metadata = body["metadata"]
    raw = (body.get("status") or {}).get("machineRef")
    machine = Ref(raw["namespace"], raw["name"]) if raw else None
    return _Claim(uid(body), metadata.get("generation", 0), bool(metadata.get("deletionTimestamp")), machine)


def _word(wish: Wish) -> str:
    selector = wish.selector.model_dump(mode="json") if wish.selector is not None else None
    return json.dumps([wish.namespace, selector, wish.cpu, wish.memory_mib], sort_keys=True)


def _put(index: defaultdict[Ref, set[Ref]], word: Ref, ref: Ref, *, present: bool) -> None:
    if present:
        index[word].add(ref)
        return
    index[word].discard(ref)
    if not index[word]:
        del index[word]
