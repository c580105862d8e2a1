"""The pass over one VirtualMachine: look, decide, plan, do one thing, say so."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hostwright.core.backoff import CAPACITY, REJECTED, TRANSIENT
from hostwright.core.decision import Decision, Note
from hostwright.core.errors import (
    Ambiguous,
    Bug,
    Capacity,
    Conflict,
    Denied,
    Failure,
    MachineExists,
    Rejected,
    Throttled,
    Transient,
    UserDataMissing,
)
from hostwright.core.names import ANNOTATION_MACHINE_ID, ANNOTATION_PAUSED, FINALIZER, Condition, Phase, Reason
from hostwright.core.port import Call, Done, LedgerRow, Operation, OperationType, Present, Trace, Unsure, Wait
from hostwright.engine import act, report
from hostwright.engine.identity import identify
from hostwright.engine.ledger import moment, operation_of, rows_of, trace_of
from hostwright.engine.ports import Body, Clock, Cluster, Gate, Key, Telemetry
from hostwright.engine.queue import Priority
from hostwright.engine.recall import Recall
from hostwright.engine.store import Store, uid
from hostwright.engine.worker import Again
from hostwright.engine.world import World, is_deleting
from hostwright.kinds.virtualmachine import decide as kind
from hostwright.kinds.virtualmachine import leaving, say
from hostwright.kinds.virtualmachine.port import (
    Create,
    Delete,
    Discard,
    Look,
    Memory,
    Release,
    Step,
    Unresolved,
    VirtualMachineProvider,
    Wanted,
)
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec, VirtualMachineStatus
from hostwright.kinds.virtualmachine.situation import Situation

#: A receipt with no next intent is written with the next status patch, at most this many seconds after the reply.
RECEIPT_WITHIN = 2.0


@dataclass(frozen=True, slots=True)
class View:
    """One pass's view of one object; the body it was made from is the precondition of every write."""

    key: Key
    body: Body
    spec: VirtualMachineSpec
    trace: Trace
    rows: tuple[LedgerRow, ...]
    operation: Operation | None
    machines: VirtualMachineProvider | None
    wanted: Wanted | Unresolved | None


@dataclass(slots=True)
class MachinePass:
    """Everything a pass needs; one for the process."""

    store: Store
    world: World
    cluster: Cluster
    gate: Gate
    clock: Clock
    telemetry: Telemetry
    cluster_id: str
    new_id: Callable[[], str]
    jitter: Callable[[], float]
    recalls: dict[Key, Recall]

    async def __call__(self, key: Key) -> Again:
        body = self.store.get(key)
        if body is None:
            self.recalls.pop(key, None)
            return Again()
        recall = self._recall(key, body)
        if is_deleting(body) and FINALIZER not in (body["metadata"].get("finalizers") or ()):
            return Again()
        spec = VirtualMachineSpec.model_validate(body["spec"])
        body, conflict = await self._identity(key, body, spec)
        if conflict is not None:
            return await self._conflict(key, body, recall, conflict)
        view = self._view(key, body, spec, recall)
        decision, view, look = await self._decided(view, recall)
        if decision is None:
            return Again(max(0.2, recall.retry_at - self.clock.monotonic()))
        return await self._carry_out(view, recall, decision, look)

    # -- who it is

    def _recall(self, key: Key, body: Body) -> Recall:
        recall = self.recalls.get(key)
        if recall is None or recall.uid != uid(body):
            recall = self.recalls[key] = Recall(uid(body))
        return recall

    async def _identity(self, key: Key, body: Body, spec: VirtualMachineSpec) -> tuple[Body, Failure | None]:
        machine_id = _carried_id(body)
        others = {
            other: found
            for other in self.store.by_token(machine_id.replace("-", ""))
            if other != key and (found := self.store.get(other)) is not None
        }
        recorded = self._recorded(key, machine_id, spec) if others else ("", "")
        identity = identify(key, body, others, recorded)
        if identity.conflict is not None:
            return body, identity.conflict
        if identity.patch is not None:
            body = await self.cluster.patch(key, identity.patch)
            self.telemetry.wrote(key.kind, "identity")
            self.store.renew(key, body)
        exists = self._namesake(key, body, spec, identity.machine_id)
        return body, exists

    def _recorded(self, key: Key, machine_id: str, spec: VirtualMachineSpec) -> tuple[str, str]:
        machines = self.world.machines(spec.provider_ref.name)
        if machines is None:
            return ("", "")
        look = machines.look(trace_of(key, machine_id, self.cluster_id, (), None))
        return look.found.recorded if isinstance(look, Present) else ("", "")

    def _namesake(self, key: Key, body: Body, spec: VirtualMachineSpec, machine_id: str) -> Failure | None:
        """A first sight that finds a machine of this namespace and name under another id never creates."""
        status = body.get("status") or {}
        machines = self.world.machines(spec.provider_ref.name)
        if machines is None or status.get("resources") or status.get("operation"):
            return None
        twins = machines.namesakes(trace_of(key, machine_id, self.cluster_id, (), None))
        if not twins:
            return None
        return MachineExists(
            f"machine {twins[0].id} of {key.namespace}/{key.name} exists under another machine id. Remove it, "
            "or set its machine-id annotation on this object (needs the verb `identify`)."
        )

    async def _conflict(self, key: Key, body: Body, recall: Recall, failure: Failure) -> Again:
        """No call; deleted by dropping the finalizer, the ledger goes into an Event (PROTOCOLS section 1)."""
        if is_deleting(body):
            rows = ", ".join(f"{row.name}={row.id}" for row in rows_of(body.get("status") or {})) or "nothing"
            await self._release(
                key, body, (Note(failure.reason, f"let go without a call; ledger: {rows}", uid(body), True),)
            )
            return Again()
        decision: Decision[Step] = Decision(failure=failure, said=say.failed(failure), phase=Phase.FAILED)
        status = report.new_status(
            body,
            decision,
            machine_id=(body.get("status") or {}).get("machineID") or _carried_id(body),
            rows=rows_of(body.get("status") or {}),
            operation=operation_of(body.get("status") or {}),
            handled={"restartedAt": ""},
            now=self.clock.now(),
        )
        await self.write(key, body, recall, status, decision)
        return Again(60.0, Priority.RESYNC)

    # -- look and decide

    def _view(self, key: Key, body: Body, spec: VirtualMachineSpec, recall: Recall) -> View:
        status = body.get("status") or {}
        rows = recall.ledger(rows_of(status))
        operation = recall.operation if recall.operation_changed else operation_of(status)
        recall.see(operation, self.clock.monotonic())
        return View(
            key=key,
            body=body,
            spec=spec,
            trace=trace_of(key, _carried_id(body), self.cluster_id, rows, operation),
            rows=rows,
            operation=operation,
            machines=self.world.machines(spec.provider_ref.name),
            wanted=None,
        )

    def _situation(self, view: View, recall: Recall, look: Look, *, proven: bool, nothing_made: bool) -> Situation:
        body, metadata = view.body, view.body["metadata"]
        status = VirtualMachineStatus.model_validate(body.get("status") or {})
        annotations = metadata.get("annotations") or {}
        backend = self.world.backend(view.key.namespace, view.spec)
        return Situation(
            spec=view.spec,
            status=status,
            generation=metadata.get("generation", 0),
            trace=view.trace,
            wanted=view.wanted,
            look=look,
            now=self.clock.now(),
            backend=backend,
            operation=view.operation,
            outcome_open=recall.open(view.operation, view.rows),
            proven=proven,
            nothing_made=nothing_made,
            deleting_since=moment(metadata.get("deletionTimestamp")),
            paused=annotations.get(ANNOTATION_PAUSED),
            never_reported=status.observed_generation < 0 and not status.machine_id,
        )

    def _resolve(self, view: View) -> View:
        backend = self.world.backend(view.key.namespace, view.spec)
        if is_deleting(view.body) or view.machines is None or backend.failure is not None:
            return view
        bindings = self.world.bindings(view.key, view.spec, view.body.get("status") or {})
        if isinstance(bindings, Failure):
            return replace(view, wanted=Unresolved(bindings))
        wanted = view.machines.resolve(view.spec, bindings)
        if isinstance(wanted, Unresolved):
            connection = self.world.connection(view.spec.provider_ref.name)
            if connection is not None:
                connection.want_catalog()
        return replace(view, wanted=wanted)

    async def _decided(self, view: View, recall: Recall) -> tuple[Decision[Step] | None, View, Look]:
        """Decide from the inventory; where the backend itself must be asked, ask, and decide once more."""
        view = self._resolve(view)
        look: Look = view.machines.look(view.trace) if view.machines else Unsure("not connected")
        decision = kind.decide(self._situation(view, recall, look, proven=False, nothing_made=False))
        if not decision.needs_proof or view.machines is None:
            return decision, view, look
        if self.clock.monotonic() < recall.retry_at:
            return None, view, look
        began = self.clock.monotonic()
        try:
            look = await view.machines.prove(view.trace)
        except Failure as failure:
            self._proof_failed(view, recall, failure)
            return None, view, look
        recall.failures = 0
        nothing_made = self._nothing_made(view, recall, look, began)
        situation = self._situation(view, recall, look, proven=True, nothing_made=nothing_made)
        return kind.decide(situation), view, look

    def _proof_failed(self, view: View, recall: Recall, failure: Failure) -> None:
        recall.failures += 1
        recall.retry_at = self.clock.monotonic() + min(TRANSIENT.delay(recall.failures, self.jitter()), 30.0)
        self.telemetry.called(view.spec.provider_ref.name, "prove", 0.0, failure.reason)
        connection = self.world.connection(view.spec.provider_ref.name)
        if connection is not None and isinstance(failure, Denied | Transient):
            connection.answered(failure)

    def _nothing_made(self, view: View, recall: Recall, look: Look, began: float) -> bool:
        """The quiet time is over, and a complete look begun after it shows nothing of what was to be made."""
        operation = view.operation
        if operation is None or not recall.open(operation, view.rows) or view.machines is None:
            return False
        shown = isinstance(look, Present) and any(part.name == operation.expect for part in look.found.parts)
        if shown or isinstance(look, Unsure):
            return False
        if not recall.quiet(operation, view.machines.visibility_lag).proves_nothing_made(began):
            return False
        recall.known.add(operation.key)
        return True

    # -- do one thing, and say so

    async def _carry_out(self, view: View, recall: Recall, decision: Decision[Step], look: Look) -> Again:
        recall_rows = self._adopted(view, recall, decision)
        view = replace(view, rows=recall_rows, trace=replace(view.trace, ledger=recall_rows))
        if decision.release:
            await self._release(view.key, view.body, decision.notes)
            return Again()
        if decision.step is None or view.machines is None:
            return await self._say(view, recall, decision)
        memory = Memory(view.operation, dict(recall.receipts))
        wanted = view.wanted if isinstance(view.wanted, Wanted) else None
        plan = view.machines.plan(decision.step, view.trace, wanted, look, memory)
        match plan:
            case Wait(message=message, look_again=seconds):
                waiting = replace(decision, look_again=seconds, said=_reworded(decision, message))
                return await self._say(view, recall, waiting, hold=True)
            case Done():
                return await self._reached(view, recall, decision)
            case Call() as call:
                return await self._call(view, recall, decision, call)

    def _adopted(self, view: View, recall: Recall, decision: Decision[Step]) -> tuple[LedgerRow, ...]:
        for name in decision.forget:
            recall.gone.add(name)
            recall.made.pop(name, None)
        if not decision.adopt and not decision.forget:
            return view.rows
        for row in decision.adopt:
            recall.made[row.name] = row
            recall.gone.discard(row.name)
        recall.unwritten_since = recall.unwritten_since or self.clock.monotonic()
        return recall.ledger(view.rows)

    async def _reached(self, view: View, recall: Recall, decision: Decision[Step]) -> Again:
        """The step is reached: say what that means, and look again at once."""
        if isinstance(decision.step, Release):
            situation = self._situation(view, recall, Unsure(""), proven=True, nothing_made=True)
            await self._release(view.key, view.body, leaving.after_release(situation).notes)
            return Again()
        if isinstance(decision.step, Discard):
            return await self._discarded(view, recall, decision, decision.step)
        if isinstance(decision.step, Delete):
            recall.retry_at = float("-inf")
            return await self._prove_gone(view, recall)
        return await self._say(view, recall, replace(decision, look_again=1.0))

    async def _prove_gone(self, view: View, recall: Recall) -> Again:
        """Nothing of the ledger shows any more: the backend itself is asked, the only judge (PROTOCOLS section 5)."""
        if view.machines is None:
            return Again(1.0)
        try:
            look = await view.machines.prove(view.trace)
        except Failure as failure:
            self._proof_failed(view, recall, failure)
            return Again(max(1.0, recall.retry_at - self.clock.monotonic()))
        situation = self._situation(view, recall, look, proven=True, nothing_made=False)
        last = kind.decide(situation)
        if last.release:
            await self._release(view.key, view.body, last.notes)
            return Again()
        self._adopted(view, recall, last)
        return await self._say(view, recall, replace(last, look_again=1.0))

    async def _discarded(self, view: View, recall: Recall, decision: Decision[Step], step: Discard) -> Again:
        """A failed build or an extra is gone: its row leaves; a failed build waits for Capacity's back-off."""
        recall.gone.add(step.row.name)
        recall.made.pop(step.row.name, None)
        if decision.failure is not None:
            base = view.operation or Operation(self.new_id(), decision.operation or OperationType.CREATE, "server")
            self._retry_later(recall, base, CAPACITY.delay(base.attempt, self.jitter()))
        return await self._say(view, recall, replace(decision, look_again=0.5))

    async def _call(self, view: View, recall: Recall, decision: Decision[Step], call: Call) -> Again:
        if self.clock.monotonic() < recall.retry_at:
            left = recall.retry_at - self.clock.monotonic()
            return await self._say(view, recall, replace(decision, look_again=left + 0.05), hold=True)
        user_data: bytes | None = None
        if isinstance(decision.step, Create):
            try:
                user_data = await self._user_data(view)
            except UserDataMissing as failure:
                return await self._failed(view, recall, decision, failure)
        outcome = await act.send(self, view, recall, decision, call, user_data)
        if outcome.failure is None:
            recall.failures = 0
            return Again(outcome.again, Priority.TRANSITION)
        return await self._failed(replace(view, body=outcome.body), recall, decision, outcome.failure)

    async def _user_data(self, view: View) -> bytes | None:
        """Read at creation only; a missing Secret or key is the user's to mend, and nothing is made meanwhile."""
        bootstrap = view.spec.bootstrap
        cloud_init = bootstrap.cloud_init if bootstrap else None
        ref = cloud_init.user_data_ref if cloud_init else None
        if ref is None:
            return None
        secret = await self.cluster.secret(view.key.namespace, ref.name)
        if secret is None:
            raise UserDataMissing(f"Secret {ref.name!r} (bootstrap.cloudInit.userDataRef) is not there: create it.")
        if ref.key not in secret.data:
            raise UserDataMissing(f"Secret {ref.name!r} has no key {ref.key!r} (bootstrap.cloudInit.userDataRef).")
        return secret.data[ref.key]

    async def _failed(self, view: View, recall: Recall, decision: Decision[Step], failure: Failure) -> Again:
        """What the class of a failure says to do."""
        operation = recall.operation if recall.operation_changed else operation_of(view.body.get("status") or {})
        match failure:
            case Ambiguous():
                recall.retry_at = self.clock.monotonic() + 0.5
                verifying = say.working(Reason.VERIFYING, f"verifying the last call: {failure.message}")
                told = replace(decision, said=(*decision.said[2:], *verifying), failure=None)
                return await self._say(view, recall, replace(told, look_again=0.5))
            case Capacity():
                delay = CAPACITY.delay(operation.attempt if operation else 1, self.jitter())
            case Rejected() | Conflict():
                delay = REJECTED.delay(1, self.jitter() / 4) if not isinstance(failure, UserDataMissing) else 15.0
            case Throttled(retry_after=after):
                delay = after or 5.0
            case Denied():
                delay = 30.0
            case _:
                recall.failures += 1
                delay = TRANSIENT.delay(recall.failures, self.jitter())
        if operation is not None and isinstance(decision.step, Create):
            self._retry_later(recall, operation, delay)
        else:
            recall.retry_at = self.clock.monotonic() + delay
        told = replace(decision, failure=failure, said=(*say.failed(failure), *decision.said[2:]), notes=())
        if isinstance(failure, Bug):
            self.telemetry.failed(view.key, failure.__cause__ or failure)
        return await self._say(view, recall, replace(told, look_again=delay + 0.1))

    def _retry_later(self, recall: Recall, operation: Operation, delay: float) -> None:
        """A known outcome: nothing was made. When the next attempt may come stands in the status."""
        recall.known.add(operation.key)
        recall.operation = replace(operation, next_retry_at=_whole(self.clock.now() + timedelta(seconds=delay)))
        recall.operation_changed = True

    async def _say(self, view: View, recall: Recall, decision: Decision[Step], *, hold: bool = False) -> Again:
        """One status patch on real change. Mere progress waits up to 2 s for company (fewer writes for each life)."""
        operation = recall.operation if recall.operation_changed else view.operation
        rows = recall.ledger(rows_of(view.body.get("status") or {}))
        status = report.new_status(
            view.body,
            decision,
            machine_id=view.trace.machine_id,
            rows=rows,
            operation=operation,
            handled={"restartedAt": view.spec.restarted_at or ""},
            now=self.clock.now(),
        )
        now = self.clock.monotonic()
        if hold and recall.unwritten_since is not None and now < recall.unwritten_since + RECEIPT_WITHIN:
            return Again(min(decision.look_again or 1.0, recall.unwritten_since + RECEIPT_WITHIN - now + 0.01))
        await self.write(view.key, view.body, recall, status, decision)
        return Again(decision.look_again, Priority.TRANSITION)

    async def write(
        self, key: Key, body: Body, recall: Recall, status: dict[str, Any], decision: Decision[Step]
    ) -> Body:
        patch = report.status_patch(body, status)
        notes = report.notes(body, decision, status)
        if patch is not None:
            body = await self.cluster.patch_status(key, patch)
            self.telemetry.wrote(key.kind, "status")
            self.store.renew(key, body)
        recall.written()
        if patch is not None:
            for note in notes:
                self.telemetry.said(key, note.reason, note.message)
                await self.cluster.event(body, note)
        return body

    async def _release(self, key: Key, body: Body, notes: tuple[Note, ...]) -> None:
        """The Event first: after the finalizer the object is gone. A failing Event never fails a pass."""
        for note in notes:
            self.telemetry.said(key, note.reason, note.message)
            await self.cluster.event(body, note)
        after = await self.cluster.drop_finalizer(key, body, FINALIZER)
        self.telemetry.wrote(key.kind, "finalizer")
        if after is not None:
            self.store.renew(key, after)
        self.recalls.pop(key, None)


def _carried_id(body: Body) -> str:
    annotations = body["metadata"].get("annotations") or {}
    reported = (body.get("status") or {}).get("machineID")
    return str(annotations.get(ANNOTATION_MACHINE_ID) or reported or body["metadata"]["uid"])


def _reworded(decision: Decision[Step], message: str) -> tuple[Any, ...]:
    """The plan knows what is waited for: its words stand in Ready and Reconciling."""
    worded = {Condition.READY, Condition.RECONCILING}
    return tuple(replace(item, message=message) if item.type in worded else item for item in decision.said)


def _whole(when: datetime) -> datetime:
    return when.replace(microsecond=0)
