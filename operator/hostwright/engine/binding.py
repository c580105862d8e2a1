"""The pass over one PhysicalMachineClaim: bind a server by compare-and-set, then say so; let go of it again."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hostwright.core.conditions import merge
from hostwright.core.decision import Decision
from hostwright.core.names import FINALIZER
from hostwright.core.quantity import to_mebibytes
from hostwright.engine.fleet import SERVER, Fleet
from hostwright.engine.ledger import stamp
from hostwright.engine.ports import Body, Clock, Cluster, ClusterUnavailableError, Key, Telemetry
from hostwright.engine.report import notes, status_patch
from hostwright.engine.store import Store, uid
from hostwright.engine.worker import Again
from hostwright.engine.world import is_deleting
from hostwright.kinds.physicalmachineclaim.decide import Bind, Situation, Step, Unbind, decide
from hostwright.kinds.physicalmachineclaim.resource import PhysicalMachineClaimSpec
from hostwright.kinds.physicalmachineclaim.servers import Holder, Ref, Server, Wish

#: Writes on servers in one pass: what was late, what was extra, the binding itself.
STEPS = 4
#: Seconds until a claim looks again at a server that another pass is just about to bind.
IN_PASSING = 0.2


@dataclass(slots=True)
class BindingPass:
    """One for the process."""

    store: Store
    fleet: Fleet
    cluster: Cluster
    clock: Clock
    telemetry: Telemetry
    observe: Callable[[Key, str | None, Body], None]  # as from a watch: what was read, and others have to act on
    binding: set[Ref] = field(default_factory=set)  # servers whose claimRef is being written right now
    unsure: dict[Key, Key] = field(default_factory=dict)  # claim → the server of a binding whose outcome is not known

    async def __call__(self, key: Key) -> Again:
        ref = Ref(key.namespace, key.name)
        await self._look_at_the_last(key)
        await self._clear(key, ref)
        body = self.store.get(key)
        if body is None or (is_deleting(body) and FINALIZER not in (body["metadata"].get("finalizers") or ())):
            self.fleet.wait_no_more(ref)
            return Again()
        body = await self._hold(key, body)
        decision = await self._decide(key, ref, body)
        if decision is None:
            return Again(IN_PASSING)
        if decision.failure is None or decision.release:
            self.fleet.wait_no_more(ref)
        if decision.release:
            return await self._release(key, body, decision)
        await self._say(key, body, decision)
        return Again(decision.look_again)

    def forget(self) -> None:
        """The Lease changed hands: the servers say what became of a binding."""
        self.unsure.clear()

    async def _decide(self, key: Key, ref: Ref, body: Body) -> Decision[Step] | None:
        """The last decision, after the writes on servers that it took; None: another pass is at one of them."""
        for _ in range(STEPS):
            situation = self._situation(ref, body)
            decision = decide(situation)
            if decision.step is None:
                return None if self._may_come(situation, decision) else decision
            if decision.step.server.ref in self.binding:
                return None
            await self._write(key, situation.holder, decision.step)
        return None

    def _may_come(self, situation: Situation, decision: Decision[Step]) -> bool:
        """A server that would do is just being bound by another pass, or let go of."""
        if decision.failure is None or situation.machine is not None:
            return False
        passing = (self.fleet.server(ref) for ref in self.binding)
        return any(server is not None and situation.wish.verdict(server) is None for server in passing)

    def _situation(self, ref: Ref, body: Body) -> Situation:
        fleet, holder = self.fleet, Holder(ref, uid(body))
        spec = PhysicalMachineClaimSpec.model_validate(body["spec"])
        raw = (body.get("status") or {}).get("machineRef")
        machine = Ref(raw["namespace"], raw["name"]) if raw else None
        named = fleet.server(machine) if machine is not None else None
        wish = wish_of(ref.namespace, spec)
        situation = Situation(
            ref=ref,
            uid=holder.uid,
            spec=spec,
            wish=wish,
            deleting=is_deleting(body),
            machine=machine,
            named=named,
            rivalled=named is not None and self._rivalled(named, holder),
            holding=tuple(server for server in fleet.held_by(ref) if server.holder == holder),
        )
        if machine is not None or situation.holding or situation.deleting:
            return situation
        free = tuple(server for server in fleet.free() if server.ref not in self.binding)
        takable = any(wish.verdict(server) is None for server in free)
        tally = {} if takable else dict(fleet.wait(ref, wish))
        return replace(situation, free=free, tally=tally, spread=fleet.spread(ref.namespace))

    def _rivalled(self, named: Server, ours: Holder) -> bool:
        """The server follows another live claim, whose status names it too."""
        holder = named.holder
        return holder is not None and holder != ours and self.fleet.names(holder, named.ref)

    # -- servers

    async def _write(self, key: Key, holder: Holder, step: Step) -> None:
        """claimRef by compare-and-set: whoever writes the server meanwhile makes us decide anew."""
        server = Key(SERVER, *step.server.ref)
        body = self.store.get(server)
        if body is None:
            return
        claim_ref = None
        if isinstance(step, Bind):
            claim_ref = {"namespace": holder.claim.namespace, "name": holder.claim.name, "uid": holder.uid}
        metadata = {name: body["metadata"][name] for name in ("resourceVersion", "uid")}
        self.binding.add(step.server.ref)
        try:
            after = await self.cluster.patch(server, {"metadata": metadata, "spec": {"claimRef": claim_ref}})
        except ClusterUnavailableError:
            self.unsure[key] = server
            raise
        finally:
            self.binding.discard(step.server.ref)
        self.telemetry.wrote(SERVER, "claimRef")
        self.store.renew(server, after)

    async def _look_at_the_last(self, key: Key) -> None:
        """Before another server is taken: perhaps the last one was."""
        server = self.unsure.get(key)
        if server is None:
            return
        body = await self.cluster.get(server)
        if body is not None:  # it may be edited since: whoever looks after it has to hear of that, too
            self.observe(server, "MODIFIED", {**body, "kind": server.kind})
        self.unsure.pop(key, None)

    async def _clear(self, key: Key, ref: Ref) -> None:
        """Servers seen off for a claim of this name that is gone. The store alone does not prove that it is."""
        for server in self.fleet.held_by(ref):
            holder, there = server.holder, self.store.get(key)
            if holder is None or not server.released or (there is not None and uid(there) == holder.uid):
                continue
            found = await self.cluster.get(key)
            if found is None or uid(found) != holder.uid:
                await self._write(key, holder, Unbind(server))

    # -- the claim

    async def _hold(self, key: Key, body: Body) -> Body:
        """Our finalizer is there before a server is taken."""
        metadata = body["metadata"]
        finalizers = list(metadata.get("finalizers") or ())
        if FINALIZER in finalizers:
            return body
        condition = {name: metadata[name] for name in ("resourceVersion", "uid")}
        held = await self.cluster.patch(key, {"metadata": {"finalizers": [*finalizers, FINALIZER], **condition}})
        self.telemetry.wrote(key.kind, "finalizer")
        self.store.renew(key, held)
        return held

    async def _release(self, key: Key, body: Body, decision: Decision[Step]) -> Again:
        """The Event first: after the finalizer the claim is gone. The next pass under its key clears its server."""
        for note in decision.notes:
            self.telemetry.said(key, note.reason, note.message)
            await self.cluster.event(body, note)
        after = await self.cluster.drop_finalizer(key, body, FINALIZER)
        self.telemetry.wrote(key.kind, "finalizer")
        if after is not None:
            self.store.renew(key, after)
        return Again()

    async def _say(self, key: Key, body: Body, decision: Decision[Step]) -> None:
        old = body.get("status") or {}
        generation = body["metadata"].get("generation", 0)
        now = stamp(self.clock.now()) or ""
        status = {**old, **decision.status, "phase": str(decision.phase), "observedGeneration": generation}
        status["conditions"] = merge(old.get("conditions") or [], decision.said, generation=generation, now=now)
        told = {name: value for name, value in status.items() if value is not None}
        patch = status_patch(body, told)
        if patch is None:
            return
        after = await self.cluster.patch_status(key, patch)
        self.store.renew(key, after)
        self.telemetry.wrote(key.kind, "status")
        for note in notes(body, decision, told):
            self.telemetry.said(key, note.reason, note.message)
            await self.cluster.event(after, note)


def wish_of(namespace: str, spec: PhysicalMachineClaimSpec) -> Wish:
    minimum = spec.minimum
    memory = to_mebibytes(minimum.memory) if minimum is not None and minimum.memory else 0
    return Wish(namespace, spec.selector, (minimum.cpu or 0) if minimum is not None else 0, memory)
