"""Pure: what is next for a claim: bind a server, put a lost binding back, refuse a forged one, wait, or let go."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision, Note
from hostwright.core.errors import MachineGone, MachineTaken, NoMachineAvailable
from hostwright.core.names import Actor, Condition, Reason
from hostwright.core.saying import failed, working
from hostwright.kinds.physicalmachineclaim import say
from hostwright.kinds.physicalmachineclaim.resource import Phase, PhysicalMachineClaimSpec
from hostwright.kinds.physicalmachineclaim.servers import Holder, Ref, Server, Spread, Why, Wish, choose, told

#: Seconds until a claim that waits counts again why; what opens a server wakes it at once.
RECOUNT = 60.0


@dataclass(frozen=True, slots=True)
class Bind:
    """Write our claimRef on the server, as it was seen."""

    server: Server


@dataclass(frozen=True, slots=True)
class Unbind:
    """Take our claimRef off the server, as it was seen."""

    server: Server


Step = Bind | Unbind


@dataclass(frozen=True, slots=True)
class Situation:
    """A claim and the servers that concern it."""

    ref: Ref
    uid: str
    spec: PhysicalMachineClaimSpec
    wish: Wish
    deleting: bool = False
    machine: Ref | None = None  # status.machineRef
    named: Server | None = None  # the server that it names
    rivalled: bool = False  # the holder of `named` is another live claim whose status names it too
    holding: tuple[Server, ...] = ()  # whose claimRef is this claim's
    free: tuple[Server, ...] = ()  # those that may be taken by somebody
    tally: Mapping[Why, int] = field(default_factory=dict)  # all others, by why this claim may not take them
    spread: Spread = field(default_factory=Spread)

    @property
    def holder(self) -> Holder:
        return Holder(self.ref, self.uid)


def decide(situation: Situation) -> Decision[Step]:
    """The next step, or what is to be said."""
    if situation.deleting:
        return _leave(situation)
    if situation.machine is None:
        return _look_for_one(situation)
    extra = _extra(situation)
    if extra is not None:
        return Decision(step=Unbind(extra))
    return _keep(situation)


def _look_for_one(situation: Situation) -> Decision[Step]:
    """A binding that only lacks our status is finished first: there may never be two."""
    for server in sorted(situation.holding, key=lambda server: server.ref):
        if _acceptable(situation, server):
            note = Note(Reason.BOUND, f"bound to PhysicalMachine {server.ref}", str(server.ref))
            return replace(_keep(replace(situation, machine=server.ref, named=server)), notes=(note,))
        return Decision(step=Unbind(server))  # forged, or refused meanwhile
    server_to_take = choose(situation.wish, situation.free, situation.spread)
    if server_to_take is not None:
        return Decision(step=Bind(server_to_take))
    yours = {why for why, number in situation.tally.items() if number} <= {Why.NOT_MATCHING, Why.TOO_SMALL}
    failure = NoMachineAvailable(told(situation.tally), actor=Actor.YOU if yours and situation.tally else None)
    said = (*failed(failure), *say.unbound(failure.reason, failure.message))
    return Decision(said=said, phase=Phase.PENDING, failure=failure, look_again=RECOUNT)


def _acceptable(situation: Situation, server: Server) -> bool:
    """Whoever wrote our claimRef there: its policy lets us, no other claim has it, and it is not on its way out."""
    return (
        situation.ref.namespace in server.namespaces
        and server.promised <= {situation.ref}
        and server.hindrance is not Why.DELETING
    )


def _keep(situation: Situation) -> Decision[Step]:
    """A server that the status names is ours, even when its claimRef was lost."""
    server, machine = situation.named, situation.machine
    if server is None:
        gone = MachineGone(
            f"PhysicalMachine {machine} does not exist any more. Bring it back, or delete this claim and make another"
        )
        return _lost(gone)
    if server.holder == situation.holder:
        said, phase = say.bound(situation.spec, situation.uid, server)
        return Decision(said=said, phase=phase, status=say.fields(server))
    if not situation.rivalled:
        return Decision(step=Bind(server))
    other = server.holder.claim if server.holder else ""
    return _lost(MachineTaken(f"PhysicalMachine {machine} follows the claim {other}. Delete this claim"))


def _lost(failure: MachineGone | MachineTaken) -> Decision[Step]:
    said = (*failed(failure), *say.unbound(failure.reason, failure.message))
    status = {"powerState": None}
    return Decision(said=said, phase=Phase.UNKNOWN, failure=failure, status=status, look_again=RECOUNT)


def _leave(situation: Situation) -> Decision[Step]:
    """While the server answers, only after it was seen off; while it does not, at once: it stays Releasing."""
    extra = _extra(situation)
    if extra is not None:
        return Decision(step=Unbind(extra))
    server = situation.named if situation.machine is not None else next(iter(situation.holding), None)
    if server is None or situation.rivalled:
        return Decision(release=True)
    if server.holder != situation.holder:  # lost: it would go on running for whoever comes next
        return Decision(step=Bind(server))
    if server.released:
        return Decision(release=True)
    if not server.reachable:
        text = f"PhysicalMachine {server.ref} does not answer: it stays Releasing until it is seen off"
        return Decision(release=True, notes=(Note(Reason.RELEASED, text, str(server.ref), warning=True),))
    text = say.releasing(server)
    said = (*working(Reason.RELEASING, text), Said(Condition.DELETING, True, Reason.RELEASING, text))
    return Decision(said=said, phase=Phase.RELEASING, status=say.fields(server), look_again=RECOUNT)


def _extra(situation: Situation) -> Server | None:
    """Of a binding that arrived after it was given up here: the status names another one, so it was held back."""
    if situation.machine is None:
        return None
    return next((server for server in situation.holding if server.ref != situation.machine), None)
