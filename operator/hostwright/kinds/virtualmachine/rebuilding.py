"""The root disk made anew, once for each wish: sent, and what is told and tried again when it comes to nothing."""

from dataclasses import replace
from typing import Any

from hostwright.core.decision import Decision, Note
from hostwright.core.names import Phase, Reason
from hostwright.core.port import OperationType
from hostwright.kinds.virtualmachine import adopting, change, say
from hostwright.kinds.virtualmachine.absent import wait_until
from hostwright.kinds.virtualmachine.change import Remake
from hostwright.kinds.virtualmachine.port import Found, Inquire, Life, Power, Rebuild, SetPower, Step, Wanted
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.status import Named, Resolved, VirtualMachineStatus
from hostwright.kinds.virtualmachine.steady import Gap, assess


def rebuild(situation: Situation, wanted: Wanted, found: Found, gap: Gap) -> Decision[Step]:
    """Sent with its word. One that was sent, and that the machine does not show, is asked about before the next."""
    made = _asked(situation, wanted, found)
    base: Decision[Step] = Decision(
        operation=OperationType.REBUILD,
        expect=change.to_remake(made),
        said=(*say.working(Reason.REBUILDING, f"rebuilding from image {wanted.image_name}"), *say.present(found)),
        phase=say.phase_of(found),  # it may be refused, and is under way once that is seen
    )
    if is_again(situation, wanted, found):
        operation = situation.operation
        if operation is not None and operation.next_retry_at is None:
            return replace(base, step=Inquire("rebuild"), expect=operation.expect)
        waits = wait_until(situation, operation.next_retry_at if operation is not None else None)
        if waits is not None:
            return replace(waits, phase=say.phase_of(found))
    if found.shape.power is Power.SUSPENDED:
        return replace(base, step=SetPower(Power.ON), operation=OperationType.POWER, expect="")
    return replace(base, step=Rebuild(made.image, made.word, _theirs(situation, made)), notes=_drift(situation, gap))


def is_again(situation: Situation, wanted: Wanted, found: Found) -> bool:
    """Whether the open operation asked for this already, and the machine does not have it."""
    made, asked = change.remake_of(situation.operation), _asked(situation, wanted, found)
    return made is not None and (made.image, made.bootstrap, made.token) == (asked.image, asked.bootstrap, asked.token)


def after_failure(situation: Situation, found: Found) -> Decision[Step] | None:
    """A machine in ERROR is made anew where that is asked for since: by another token, image or bootstrap.

    One that was there before us and was never at rest since is not, for another image alone.
    """
    wanted = situation.wanted
    if not isinstance(wanted, Wanted) or situation.observe_only or found.life is not Life.FAILED:
        return None
    gap = assess(situation, wanted, found)
    drifted = any(row.path == "/imageRef" for row in gap.corrected) and not situation.rebuild_asked
    theirs = situation.trace.imported and not adopting.managed_once(situation) and not situation.rebuild_asked
    if not gap.rebuild or drifted or theirs or is_again(situation, wanted, found):
        return None
    return replace(rebuild(situation, wanted, found, gap), phase=Phase.FAILED)


def settled(situation: Situation, wanted: Wanted, made: Remake) -> tuple[VirtualMachineStatus, dict[str, Any]]:
    """What a rebuild gave counts as applied and its token as acted on, whatever is wished since."""
    handled = {**(situation.status.handled or {}), "rebuildToken": made.token}
    name = wanted.image_name if made.name == change.digest(wanted.image_name) else None
    image = Named(name=name, id=made.image)
    resolved = (situation.status.resolved or Resolved()).model_copy(
        update={"image": image, "bootstrap": made.bootstrap}
    )
    status = situation.status.model_copy(update={"resolved": resolved, "handled": handled})
    return status, {"resolved": resolved.model_dump(by_alias=True, exclude_none=True), "handled": handled}


def _asked(situation: Situation, wanted: Wanted, found: Found) -> Remake:
    token = (situation.spec.rebuild_token or "") if situation.rebuild_asked else situation.rebuild_handled
    bootstrap = change.bootstrap_of(situation.spec.bootstrap)
    return change.remake(found, wanted.image_id, wanted.image_name, bootstrap, token)


def _theirs(situation: Situation, made: Remake) -> bool:
    """Whether its user data is of whoever made it: no bootstrap was ever written here, nor is one now."""
    resolved, nothing = situation.status.resolved, change.bootstrap_of(None)
    written = resolved.bootstrap if resolved is not None else None
    return situation.trace.imported and made.bootstrap == nothing and written in {None, nothing}


def _drift(situation: Situation, gap: Gap) -> tuple[Note, ...]:
    row = next((row for row in gap.corrected if row.path == "/imageRef"), None)
    if row is None or not situation.ready_now:
        return ()
    text = f"was rebuilt from image {row.found} by somebody else; rebuilt from the one that is wanted"
    return (Note(Reason.DRIFT_DETECTED, text, f"{row.path}/{say.stamp(situation.now)}", warning=True),)
