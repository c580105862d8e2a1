"""PhysicalMachine for the pass: its BMC enrolled before the look, its claim and its rival looked up in the store."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hostwright.core.decision import Decision
from hostwright.core.errors import Failure
from hostwright.core.names import ANNOTATION_PAUSED
from hostwright.core.port import Call, Done, Operation, Present, Receipt, Trace, Wait
from hostwright.engine.enrol import Login, dismiss, enrol
from hostwright.engine.kind import Reached, Seen
from hostwright.engine.ledger import moment
from hostwright.engine.ports import Body, Key, StaleBodyError
from hostwright.engine.recall import Recall
from hostwright.engine.store import Store, uid
from hostwright.engine.view import Tools, View
from hostwright.engine.world import is_deleting
from hostwright.kinds.physicalmachine import decide as kind
from hostwright.kinds.physicalmachine import power
from hostwright.kinds.physicalmachine.port import Look, Memory, PhysicalMachineProvider, Power, Step
from hostwright.kinds.physicalmachine.requests import one_shots
from hostwright.kinds.physicalmachine.resource import PhysicalMachineSpec
from hostwright.kinds.physicalmachine.situation import Claim, Situation
from hostwright.kinds.physicalmachine.status import PhysicalMachineStatus


class PhysicalMachines:
    """Keeps engine.kind.Kind."""

    name = "PhysicalMachine"
    makes_machines = False

    def read(self, body: Body) -> PhysicalMachineSpec:
        return PhysicalMachineSpec.model_validate(body["spec"])

    def one_shots(self, spec: Any) -> Mapping[str, str]:
        return one_shots(spec)

    def recorded(self, _machines: PhysicalMachineProvider, _trace: Trace) -> tuple[str, str]:
        """A BMC holds no record of ours."""
        return ("", "")

    def namesake(self, _machines: PhysicalMachineProvider, _trace: Trace) -> str:
        return ""

    async def prepared(self, tools: Tools, view: View, recall: Recall) -> View:
        """The BMC enrolled; the recorded UUID is what the provider knows the server by."""
        await _prove_gone(tools, view.key, _spec(view))
        identity = (view.body.get("status") or {}).get("identity") or {}
        view = replace(view, trace=replace(view.trace, provider_id=identity.get("uuid")))
        return replace(view, wanted=await enrol(tools, view, _spec(view), recall))

    def forgotten(self, tools: Tools, recall: Recall) -> None:
        dismiss(tools, recall, self.name)

    def decide(self, tools: Tools, view: View, recall: Recall, seen: Seen) -> Decision[Step]:
        return kind.decide(self.situation(tools, view, recall, seen))

    def situation(self, tools: Tools, view: View, recall: Recall, seen: Seen) -> Situation:
        """What decide() is asked about."""
        metadata, spec = view.body["metadata"], _spec(view)
        status = PhysicalMachineStatus.model_validate(view.body.get("status") or {})
        login = view.wanted if isinstance(view.wanted, Login) else None
        operation = view.operation
        answered_at = _answered_at(recall, operation)
        look: Look = seen.look
        since = look.as_of - answered_at if isinstance(look, Present) and answered_at is not None else None
        return Situation(
            spec=spec,
            status=status,
            namespace=view.key.namespace,
            name=view.key.name,
            machine_id=view.trace.machine_id,
            generation=metadata.get("generation", 0),
            look=look,
            now=tools.clock.now(),
            backend=tools.world.backend(
                view.key.namespace, spec.provider_ref.name, self.name, leaving=is_deleting(view.body)
            ),
            credentials=login.failure if login is not None else None,
            secret_version=login.access.resource_version if login is not None and login.access is not None else "",
            operation=operation,
            outcome_open=recall.open(operation, view.rows),
            proven=seen.proven,
            nothing_made=seen.nothing_made,
            answered=answered_at is not None,
            since_call=since,
            refused=_not_asked(recall, operation),
            deleting_since=moment(metadata.get("deletionTimestamp")),
            paused=(metadata.get("annotations") or {}).get(ANNOTATION_PAUSED),
            never_reported=not status.machine_id,
            claim=_claim(tools.store, view.key, spec),
            rival=_rival(tools.store, view, status, look),
        )

    def shows(self, view: View, look: Look) -> bool:
        return view.operation is not None and isinstance(look, Present) and power.shows(look.found, view.operation)

    def in_the_making(self, _look: Look) -> bool:
        return False

    def plan(self, view: View, step: Step, look: Look, receipts: Mapping[str, float]) -> Call | Wait | Done | Failure:
        machines: PhysicalMachineProvider = view.machines
        return machines.plan(step, view.trace, look, Memory(view.operation, dict(receipts)))

    def creates(self, _step: Step | None) -> bool:
        return False

    def gives_up(self, _decision: Decision[Step]) -> bool:
        return False

    def reached(self, _tools: Tools, _view: View, _recall: Recall, _step: Step) -> Reached:
        return Reached()

    async def baggage(self, _tools: Tools, _view: View, _step: Step) -> None:
        return None

    async def perform(self, machines: PhysicalMachineProvider, call: Call, _baggage: bytes | None) -> Receipt:
        return await machines.perform(call)


def _spec(view: View) -> PhysicalMachineSpec:
    if not isinstance(view.spec, PhysicalMachineSpec):
        raise TypeError(f"{view.key} was read as {type(view.spec).__name__}")
    return view.spec


def _not_asked(recall: Recall, operation: Operation | None) -> bool:
    """Its call was refused, or never sent."""
    if operation is None:
        return False
    return operation.key == recall.unsent or (recall.refusal is not None and operation.key in recall.known)


def _answered_at(recall: Recall, operation: Operation | None) -> float | None:
    """When the operation's call was answered, or was lost, in this process."""
    if operation is None:
        return None
    at, seen = recall.receipts.get(operation.expect), recall.first_seen.get(operation.key)
    return at if at is not None and seen is not None and at >= seen else None


async def _prove_gone(tools: Tools, key: Key, spec: PhysicalMachineSpec) -> None:
    """A server is powered off for a claim that is gone, and the store alone does not show that it is.

    Claims may have been listed before this one was made, and servers after it was bound.
    """
    ref = spec.claim_ref
    if ref is None:
        return
    claim = Key("PhysicalMachineClaim", ref.namespace, ref.name)
    known = tools.store.get(claim)
    if known is not None and uid(known) == ref.uid:
        return
    found = await tools.cluster.get(claim)
    if found is not None and uid(found) == ref.uid:
        raise StaleBodyError(f"{key}: the store does not show its {claim} yet")


def _claim(store: Store, key: Key, spec: PhysicalMachineSpec) -> Claim | None:
    """claimRef's claim, as the store has it."""
    ref = spec.claim_ref
    if ref is None:
        return None
    body = store.get(Key("PhysicalMachineClaim", ref.namespace, ref.name))
    if body is None:
        return Claim(there=False)
    wish, named = body.get("spec") or {}, (body.get("status") or {}).get("machineRef") or {}
    named_here = (named.get("namespace"), named.get("name")) == (key.namespace, key.name)
    if uid(body) != ref.uid and not named_here:  # whose status names it is the same claim, restored from a backup
        return Claim(there=False)
    ours = not named or named_here
    return Claim(
        leaving=is_deleting(body),
        elsewhere="" if ours else f"{named.get('namespace')}/{named.get('name')}",
        power=Power(wish.get("powerState") or Power.ON),
        restarted_at=wish.get("restartedAt") or "",
    )


def _rival(store: Store, view: View, status: PhysicalMachineStatus, look: Look) -> str:
    """The older of the objects that stand for the same server, where it is not this one."""
    recorded = (status.identity.uuid or "") if status.identity is not None else ""
    found = look.found.uuid if isinstance(look, Present) else ""
    token = found or recorded
    if not token:
        return ""
    older = [
        key
        for key in store.by_token(f"uuid:{token}")
        if key != view.key and (body := store.get(key)) is not None and _age(body) < _age(view.body)
    ]
    return min(f"{key.namespace}/{key.name}" for key in older) if older else ""


def _age(body: Body) -> tuple[str, str]:
    return (str(body["metadata"].get("creationTimestamp", "")), uid(body))
