"""Whether the server can be spoken to, and is the one that was recorded: if not, what is said instead of any step."""

from dataclasses import replace

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision, Note
from hostwright.core.errors import (
    CredentialsRejected,
    Failure,
    IdentityChanged,
    OwnershipConflict,
    ProviderNotAllowed,
    ProviderNotFound,
    Rejected,
)
from hostwright.core.names import Condition, Reason
from hostwright.core.port import OperationType, Present
from hostwright.core.saying import failed, working
from hostwright.kinds.physicalmachine import say
from hostwright.kinds.physicalmachine.port import LOGIN_TRIES, FoundServer, Step
from hostwright.kinds.physicalmachine.situation import Situation
from hostwright.kinds.physicalmachine.values import Phase

#: An outage is told on the machine's Ready after this many seconds (PROTOCOLS section 7).
OUTAGE_TOLD_AFTER = 120.0
#: What only a person can move is looked at this often; a change of it wakes us earlier.
SLOW = 600.0


def answering(situation: Situation) -> FoundServer | Decision[Step]:
    """The server, if it answers and is the right one."""
    backend = situation.backend
    if backend.failure is not None or not backend.connected:
        return _provider_in_the_way(situation, backend.failure)
    if situation.credentials is not None:
        missing = blocked(situation, situation.credentials, Phase.PENDING, 60.0)
        bad = Said(Condition.CREDENTIALS_VALID, False, situation.credentials.reason, situation.credentials.message)
        return replace(missing, said=(*missing.said, bad))
    if not isinstance(situation.look, Present):
        return _connecting(situation, situation.look.why)
    found = situation.look.found
    if found.rejected >= LOGIN_TRIES:
        return _rejected(situation, found)
    if found.failure is not None:
        return _no_answer(situation, found, found.failure)
    return _whose(situation, found)


def blocked(
    situation: Situation, failure: Failure, phase: Phase | str = "", look_again: float = SLOW
) -> Decision[Step]:
    """Something stands in the way of all that is wanted."""
    return Decision(
        failure=failure,
        said=failed(failure),
        phase=phase or situation.status.phase or Phase.PENDING,
        look_again=look_again,
    )


def kept(situation: Situation) -> tuple[Said, ...]:
    """What is present only while true, as it stands: a pass that learnt nothing of it leaves it."""
    lasting = (Condition.RECONCILING, Condition.STALLED, Condition.DELETING, Condition.HELD)
    rows = [(kind, situation.condition(kind)) for kind in lasting]
    return tuple(Said(kind, True, row[1], row[2]) for kind, row in rows if row is not None)


def _provider_in_the_way(situation: Situation, failure: Failure | None) -> Decision[Step]:
    if failure is None:
        return _connecting(situation, "waiting for the Provider")
    if isinstance(failure, ProviderNotFound | ProviderNotAllowed) or not situation.told:
        return blocked(situation, failure, look_again=30.0)
    return Decision(observed=False, look_again=30.0)  # a Redfish Provider has no login that could fail: its own defect


def _connecting(situation: Situation, why: str) -> Decision[Step]:
    """A restart says nothing anew of what was told."""
    if situation.told and situation.status.phase not in {None, Phase.PENDING, Phase.CONNECTING}:
        return Decision(observed=False, look_again=2.0)
    return Decision(said=working(Reason.CONNECTING, why), phase=Phase.CONNECTING, look_again=2.0)


def _rejected(situation: Situation, found: FoundServer) -> Decision[Step]:
    said = found.failure.message.rstrip(".") if found.failure is not None else "the BMC refuses the login"
    name = situation.spec.bmc.credentials_ref.name
    failure = CredentialsRejected(
        f"{said}. It was tried {found.rejected} times and is not tried again: change Secret {name!r}, or set "
        "spec.requests.retry to a new value."
    )
    row = Said(Condition.CREDENTIALS_VALID, False, failure.reason, failure.message)
    decision = blocked(situation, failure, Phase.FAILED, 60.0)
    status = {"credentials": say.credentials(situation, found), **_retry_recorded(situation)}
    return replace(decision, said=(*decision.said, row), status=status)


def _retry_recorded(situation: Situation) -> dict[str, dict[str, str]]:
    """What was refused is of this token: the next one is new."""
    if situation.status.handled is None:
        return {}
    return {"handled": {**situation.status.handled, "retry": situation.spec.requests.retry}}


def _no_answer(situation: Situation, found: FoundServer, failure: Failure) -> Decision[Step]:
    """At once on Reachable, on Ready only after a while: a blip is no outage."""
    told = say.contact(found)
    status = {"credentials": say.credentials(situation, found)}
    if isinstance(failure, Rejected):  # an address that is not allowed, say: only a change of it helps
        late = (found.down_for or 0.0) > OUTAGE_TOLD_AFTER
        phase = Phase.UNKNOWN if late else "" if situation.uuid else Phase.CONNECTING
        decision = blocked(situation, failure, phase, SLOW if late else OUTAGE_TOLD_AFTER + 1.0)
        return replace(decision, said=(*decision.said, *told), status=status)
    if not situation.uuid and found.rejected:
        once_more = working(Reason.CONNECTING, f"{failure.message.rstrip('.')}. It is tried once more.")
        return Decision(said=(*once_more, *told), phase=Phase.CONNECTING, status=status)
    if not situation.uuid:
        return Decision(failure=failure, said=(*failed(failure), *told), phase=Phase.CONNECTING, status=status)
    down = found.down_for or 0.0
    if down > OUTAGE_TOLD_AFTER:
        text = f"the BMC does not answer, so the server's state is not known: {failure.message}"
        ready = Said(Condition.READY, None, failure.reason, text)
        return Decision(said=(ready, *told, *_held(situation)), phase=Phase.UNKNOWN, status=status)
    return Decision(
        said=(*told, *kept(situation)),
        status=status,
        observed=False,
        notes=_outage(situation, found, failure),
        look_again=OUTAGE_TOLD_AFTER - down + 1.0,
    )


def _held(situation: Situation) -> tuple[Said, ...]:
    return tuple(row for row in kept(situation) if row.type in {Condition.HELD, Condition.DELETING})


def _outage(situation: Situation, found: FoundServer, failure: Failure) -> tuple[Note, ...]:
    """One Event for each; a BMC that we restart is expected to be away."""
    row = situation.condition(Condition.REACHABLE)
    if situation.at_work_on(OperationType.RESET_BMC) or row is None or row[0] != "True" or found.rejected:
        return ()
    return (Note(failure.reason, failure.message, f"{situation.generation}/{row[0]}/{situation.now}", warning=True),)


def _whose(situation: Situation, found: FoundServer) -> FoundServer | Decision[Step]:
    """The recorded one, and nobody else's."""
    if not found.uuid:
        unknown = IdentityChanged("The BMC does not show the System's UUID, so nothing is done to the server.")
        return _stranger(situation, found, unknown)
    if situation.uuid and found.uuid != situation.uuid:
        if situation.asked("acceptIdentity", situation.spec.requests.accept_identity):
            return _accepted(situation, found)
        other = IdentityChanged(
            f"the BMC at {situation.spec.bmc.address} answers for server {found.uuid}, and this object is for "
            f"{situation.uuid}. Nothing is done. Correct bmc.address, or set requests.acceptIdentity to a new value."
        )
        return _stranger(situation, found, other)
    if situation.rival:
        conflict = OwnershipConflict(
            f"PhysicalMachine {situation.rival} stands for the same server {found.uuid}, and is the older. Delete one "
            "of them: deleting this one touches nothing."
        )
        return _stranger(situation, found, conflict)
    return found


def _stranger(situation: Situation, found: FoundServer, failure: Failure) -> Decision[Step]:
    decision = blocked(situation, failure, Phase.FAILED, 60.0)
    row = Said(Condition.IDENTITY_VERIFIED, False, failure.reason, failure.message)
    told = say.contact(found)
    identity = say.status_of(situation, found)["identity"] if not situation.uuid and found.uuid else None
    status = {"credentials": say.credentials(situation, found), **({"identity": identity} if identity else {})}
    return replace(decision, said=(*decision.said, row, *told), status=status)


def _accepted(situation: Situation, found: FoundServer) -> Decision[Step]:
    """Another server from now on: all that was known of the former is looked at anew."""
    token = situation.spec.requests.accept_identity
    text = f"server {found.uuid} is taken for this one, in the place of {situation.uuid}"
    identity = {"uuid": found.uuid, "serialNumber": found.serial_number, "model": found.model}
    return Decision(
        said=(*working(Reason.INSPECTING, text), *say.contact(found)),
        phase=Phase.INSPECTING,
        status={
            "identity": {name: value for name, value in identity.items() if value},
            "handled": {**(situation.status.handled or {}), "acceptIdentity": token},
            "hardware": None,
            "capabilities": None,
        },
        close_operation=True,
        notes=(Note(Reason.INSPECTING, text, token),),
        look_again=0.0,
    )
