"""VirtualMachine for the pass: its spec resolved against the catalog, user data with its creation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hostwright.core.decision import Decision
from hostwright.core.errors import Failure, GroupNotReady, GroupQuotaExceeded, UserDataMissing
from hostwright.core.names import ANNOTATION_DO_NOT_DISRUPT, ANNOTATION_PAUSED
from hostwright.core.port import Call, Done, Present, Receipt, Sought, Trace, Unsure, Wait
from hostwright.engine.bindings import Catalog
from hostwright.engine.kind import Reached, Seen
from hostwright.engine.ledger import moment
from hostwright.engine.ports import Body, Key
from hostwright.engine.recall import SERVER, Recall
from hostwright.engine.view import Tools, View
from hostwright.engine.world import is_deleting
from hostwright.kinds.virtualmachine import adopting, extras, leaving
from hostwright.kinds.virtualmachine import decide as kind
from hostwright.kinds.virtualmachine.port import (
    BringDisks,
    Create,
    Delete,
    Discard,
    Inquire,
    Look,
    Memory,
    Rebuild,
    Release,
    Resize,
    Step,
    Twin,
    Unresolved,
    VirtualMachineProvider,
    Wanted,
)
from hostwright.kinds.virtualmachine.resource import DriftMode, VirtualMachineSpec, VirtualMachineStatus
from hostwright.kinds.virtualmachine.situation import Backend, Situation


class VirtualMachines:
    """Keeps engine.kind.Kind."""

    name = "VirtualMachine"
    makes_machines = True

    def __init__(self) -> None:
        self._binding: dict[str, Binding] = {}  # id on a backend → the object that is about to have it

    def read(self, body: Body) -> VirtualMachineSpec:
        return VirtualMachineSpec.model_validate(body["spec"])

    def one_shots(self, spec: Any) -> Mapping[str, str]:
        return {"restartedAt": spec.restarted_at or "", "rebuildToken": spec.rebuild_token or ""}

    def recorded(self, machines: VirtualMachineProvider, trace: Trace) -> tuple[str, str]:
        look = machines.look(trace)
        return look.found.recorded if isinstance(look, Present) else ("", "")

    def namesake(self, machines: VirtualMachineProvider, trace: Trace) -> str:
        twins = machines.namesakes(trace)
        return twins[0].id if twins else ""

    async def prepared(self, tools: Tools, view: View, recall: Recall) -> View:  # noqa: ARG002 - the protocol's
        """The spec resolved, where that is possible and asked for."""
        return self.resolved(tools, _seeking(view))

    def resolved(self, tools: Tools, view: View) -> View:
        name = view.spec.provider_ref.name
        backend = tools.world.backend(view.key.namespace, name, self.name)
        if is_deleting(view.body) or view.machines is None or backend.failure is not None:
            return view
        spec = _spec(view)
        bindings = Catalog(tools.store, tools.world).bindings(view.key, spec, view.body)
        if isinstance(bindings, Failure):
            return replace(view, wanted=Unresolved(bindings))
        wanted = view.machines.resolve(spec, bindings)
        connection = tools.world.connection(name)
        waits = isinstance(wanted, Unresolved) and isinstance(wanted.failure, GroupNotReady | GroupQuotaExceeded)
        if isinstance(wanted, Unresolved) and connection is not None and not waits:
            connection.want_catalog(view.trace.machine_id.replace("-", ""))
        return replace(view, wanted=wanted)

    def forgotten(self, tools: Tools, recall: Recall) -> None:
        """Nothing of it is kept."""

    def decide(self, tools: Tools, view: View, recall: Recall, seen: Seen) -> Decision[Step]:
        return kind.decide(self.situation(tools, view, recall, seen))

    def situation(self, tools: Tools, view: View, recall: Recall, seen: Seen) -> Situation:
        """What decide() is asked about."""
        lag = view.machines.visibility_lag if view.machines else 0.0
        began = tools.clock.monotonic() if seen.began is None else seen.began
        metadata = view.body["metadata"]
        status = VirtualMachineStatus.model_validate(view.body.get("status") or {})
        seeks = view.machines is not None and view.trace.sought is not None
        alike: tuple[Twin, ...] = view.machines.matching(view.trace) if seeks else ()
        candidates = adopting.meant(_spec(view), alike, seen.look, view.trace)
        return Situation(
            spec=_spec(view),
            status=status,
            generation=metadata.get("generation", 0),
            trace=view.trace,
            wanted=view.wanted,
            look=seen.look,
            now=tools.clock.now(),
            backend=_backend(tools, view),
            operation=view.operation,
            outcome_open=recall.open(view.operation, view.rows),
            fresh=_fresh(seen.look, recall),
            proven=seen.proven,
            nothing_made=seen.nothing_made,
            may_come=recall.late_until + lag >= began,
            probed=tools.probed(view.key),
            born_at=moment(metadata.get("creationTimestamp")),
            candidates=candidates,
            candidate_of=self._holder(tools, view, candidates) if seen.proven else "",
            deleting_since=moment(metadata.get("deletionTimestamp")),
            paused=(metadata.get("annotations") or {}).get(ANNOTATION_PAUSED),
            do_not_disrupt=ANNOTATION_DO_NOT_DISRUPT in (metadata.get("annotations") or {}),
            tried_in_vain=recall.in_vain or recall.unanswered > 0,
            born_here=view.trace.machine_id == metadata["uid"],
            never_reported=not status.machine_id,
        )

    def _holder(self, tools: Tools, view: View, candidates: tuple[Twin, ...]) -> str:
        """Another object that has the one machine, or is about to; else it is ours, before any status says so.

        Two passes run at once, and what each decides stands in its status only later. One that bears another's mark is
        held for nobody: that object may have lost its status, and binds it again.
        """
        if len(candidates) != 1 or any(mark != view.trace.mark for mark in candidates[0].marks):
            return ""
        machine = candidates[0].id
        others = tools.store.by_token(machine) - {view.key}
        holder = self._binding.get(machine)
        if holder is not None and holder.key != view.key and holder.stands(tools.store.get(holder.key)):
            others |= {holder.key}
        if others:
            return str(min(others, key=str))
        metadata = view.body["metadata"]
        self._binding[machine] = Binding(view.key, metadata["uid"], metadata.get("generation", 0))
        return ""

    def shows(self, view: View, look: Look) -> bool:
        if view.operation is None or not isinstance(look, Present):
            return False
        return extras.shows(look.found, view.operation, view.trace)

    def in_the_making(self, look: Look) -> bool:
        return isinstance(look, Present) and look.found.in_the_making

    def plan(self, view: View, step: Step, look: Look, receipts: Mapping[str, float]) -> Call | Wait | Done | Failure:
        machines: VirtualMachineProvider = view.machines
        wanted = view.wanted if isinstance(view.wanted, Wanted) else None
        return machines.plan(step, view.trace, wanted, look, Memory(view.operation, dict(receipts)))

    def creates(self, step: Step | None) -> bool:
        return isinstance(step, Create | Resize | Rebuild | Inquire | BringDisks)

    def gives_up(self, decision: Decision[Step]) -> bool:
        return isinstance(decision.step, Discard) and decision.failure is not None

    def reached(self, tools: Tools, view: View, recall: Recall, step: Step) -> Reached:
        match step:
            case Release():
                situation = self.situation(tools, view, recall, Seen(Unsure(""), proven=True, nothing_made=True))
                return Reached(release=leaving.after_release(situation).notes)
            case Delete():
                return Reached(prove_gone=True)
        return Reached()

    async def baggage(self, tools: Tools, view: View, step: Step) -> bytes | None:
        """Read at creation and rebuild only; a missing Secret or key is the user's to mend, and nothing is made.

        Nor is a machine deleted that another could not be made for.
        """
        needs = isinstance(step, Create | Rebuild) or (isinstance(step, Discard) and step.anew)
        bootstrap = _spec(view).bootstrap if needs else None
        cloud_init = bootstrap.cloud_init if bootstrap else None
        ref = cloud_init.user_data_ref if cloud_init else None
        if ref is None:
            return None
        secret = await tools.cluster.secret(view.key.namespace, ref.name)
        if secret is None:
            raise UserDataMissing(f"Secret {ref.name!r} (bootstrap.cloudInit.userDataRef) is not there: create it.")
        if ref.key not in secret.data:
            raise UserDataMissing(f"Secret {ref.name!r} has no key {ref.key!r} (bootstrap.cloudInit.userDataRef).")
        return secret.data[ref.key]

    async def perform(self, machines: VirtualMachineProvider, call: Call, baggage: bytes | None) -> Receipt:
        return await machines.perform(call, baggage)


@dataclass(frozen=True, slots=True)
class Binding:
    """Which object is about to have a machine, and for which wish."""

    key: Key
    uid: str
    generation: int

    def stands(self, body: Body | None) -> bool:
        """Not if it was deleted since, or wishes for something else."""
        if body is None or is_deleting(body):
            return False
        metadata = body["metadata"]
        return bool(metadata["uid"] == self.uid and metadata.get("generation", 0) == self.generation)


def _seeking(view: View) -> View:
    """With what a machine is told by that is to be imported, until one is bound."""
    wish, status = _spec(view).import_, view.body.get("status") or {}
    if wish is None or is_deleting(view.body) or adopting.IMPORT in (status.get("handled") or {}):
        return view
    if view.rows and not view.trace.imported:  # one that is bound, and not recorded as such, is asked for once more
        return view
    sought = Sought(wish.id or "")
    if wish.filter is not None:
        sought = Sought(name=wish.filter.name or "", tags=tuple(wish.filter.tags or ()))
    return replace(view, trace=replace(view.trace, sought=sought))


def _fresh(look: Look, recall: Recall) -> bool:
    """Whether it began after the answer to our last call on the machine itself."""
    return not isinstance(look, Present) or look.as_of > recall.receipts.get(SERVER, float("-inf"))


def _spec(view: View) -> VirtualMachineSpec:
    if not isinstance(view.spec, VirtualMachineSpec):
        raise TypeError(f"{view.key} was read as {type(view.spec).__name__}")
    return view.spec


def _backend(tools: Tools, view: View) -> Backend:
    """The Provider as this machine sees it."""
    name = view.spec.provider_ref.name
    seen = tools.world.backend(view.key.namespace, name, view.kind.name, leaving=is_deleting(view.body))
    provider, machines = tools.world.provider_spec(name), tools.world.machines(name, view.kind.name)
    default = provider.defaults.drift_detection.mode if provider is not None else None
    away = machines.away(view.trace, _spec(view)) if machines is not None and seen.failure is None else None
    if away is not None:
        seen = replace(seen, failure=away[0], down_for=tools.clock.monotonic() - away[1])
    return Backend(
        exists=seen.exists,
        connected=seen.connected,
        synced=seen.synced,
        down_for=seen.down_for,
        failure=seen.failure,
        machines=seen.machines,
        paused=seen.paused,
        drift_default=DriftMode(default or "Enabled"),
        supported=machines.supported if machines else frozenset(),
        shape_paths=machines.shape_paths if machines else {},
    )
