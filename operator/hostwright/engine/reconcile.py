"""The pass over one machine, of whatever kind: who it is, look, decide, do one thing, say so."""

from dataclasses import dataclass
from typing import Any

from hostwright.core.decision import Decision, Note
from hostwright.core.errors import Failure, MachineExists
from hostwright.core.names import FINALIZER, Phase
from hostwright.core.port import Unsure
from hostwright.core.saying import failed
from hostwright.engine import report, tell
from hostwright.engine.carry import carry_out
from hostwright.engine.claim import claim
from hostwright.engine.first import FirstReading
from hostwright.engine.kind import Kind, Seen, Spec
from hostwright.engine.labels import propagated
from hostwright.engine.ledger import operation_of, rows_of
from hostwright.engine.ports import Body, Key
from hostwright.engine.proof import decide_proven
from hostwright.engine.queue import Priority
from hostwright.engine.recall import Recall
from hostwright.engine.situate import view_of
from hostwright.engine.store import uid
from hostwright.engine.view import Tools, carried_id, never_seen, told_id
from hostwright.engine.worker import Again
from hostwright.engine.world import is_deleting


@dataclass(slots=True)
class MachinePass:
    """One for the process; `recalls` is what it remembers of each object, and a restart may lose."""

    kind: Kind
    tools: Tools
    first: FirstReading
    recalls: dict[Key, Recall]

    async def __call__(self, key: Key) -> Again:
        tools = self.tools
        if self.first.waits(key):
            return Again()
        body = tools.store.get(key)
        if body is None or (is_deleting(body) and FINALIZER not in (body["metadata"].get("finalizers") or ())):
            forgotten = self.recalls.pop(key, None)
            if forgotten is not None:
                self.kind.forgotten(tools, forgotten)
            return Again()
        recall = self._recall(key, body)
        spec = self.kind.read(body)
        first_sight = never_seen(body)
        body, conflict = await claim(tools, self.kind, key, body, spec, recall.gone)
        recall.looked = recall.looked or first_sight or not self.kind.makes_machines
        if conflict is not None:
            return await self._conflict(key, body, spec, recall, conflict)
        view = await self.kind.prepared(tools, view_of(tools, self.kind, key, body, spec, recall), recall)
        look = view.machines.look(view.trace) if view.machines else Unsure("not connected")
        decision = self.kind.decide(tools, view, recall, Seen(look))
        if not decision.needs_proof or view.machines is None:
            return await carry_out(tools, view, recall, decision, look, proven=False)
        proven = await decide_proven(tools, view, recall, shown=self.kind.shows(view, look))
        if isinstance(proven, float):
            return await tell.flush(tools, view, recall, proven)
        return await carry_out(tools, view, recall, *proven, proven=True)

    def forget(self) -> None:
        """The Lease changed hands: what another leader did since is in the objects and on the backend, not here."""
        self.recalls.clear()

    def _recall(self, key: Key, body: Body) -> Recall:
        recall, machine_id = self.recalls.get(key), told_id(body)
        if recall is None or (recall.uid, recall.machine_id) != (uid(body), machine_id):
            recall = self.recalls[key] = Recall(uid(body), machine_id)
        recall.wished(body["metadata"].get("generation", 0), is_deleting(body), propagated(body))
        return recall

    async def _conflict(self, key: Key, body: Body, spec: Spec, recall: Recall, failure: Failure) -> Again:
        """No call; deleted by dropping the finalizer, the ledger goes into an Event (PROTOCOLS section 1)."""
        status = body.get("status") or {}
        if is_deleting(body):
            rows = ", ".join(f"{row.name}={row.id}" for row in rows_of(status)) or "nothing"
            text = f"let go without a call; ledger: {rows}"
            return await tell.release(self.tools, key, body, (Note(failure.reason, text, uid(body), warning=True),))
        phase = status.get("phase") or Phase.PENDING  # it is no machine that failed
        # A namesake has no machine, and its way out is another machine id: none is in its status to contradict that.
        nobody = isinstance(failure, MachineExists)
        unsaid = {"machineID": None} if nobody else {}
        decision: Decision[Any] = Decision(failure=failure, said=failed(failure), phase=phase, status=unsaid)
        told = report.new_status(
            body,
            decision,
            machine_id=status.get("machineID") or (carried_id(body) if recall.looked else ""),
            rows=rows_of(status),
            operation=operation_of(status),
            handled=self.kind.one_shots(spec),
            now=self.tools.clock.now(),
        )
        await tell.put(self.tools, key, body, recall, told, decision)
        return Again(60.0, Priority.RESYNC)
