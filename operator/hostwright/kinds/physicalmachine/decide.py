"""What is next for a PhysicalMachine: going, paused, silent, releasing, held, serviced, unsettled, content."""

from collections.abc import Callable
from dataclasses import replace

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision, Note
from hostwright.core.errors import InvalidConfiguration
from hostwright.core.names import Actor, Condition, Reason
from hostwright.core.port import OperationType
from hostwright.core.saying import failed, working
from hostwright.kinds.physicalmachine import say
from hostwright.kinds.physicalmachine.contact import SLOW, answering
from hostwright.kinds.physicalmachine.leaving import leave
from hostwright.kinds.physicalmachine.port import (
    BMC_RESET,
    BOOT,
    INSPECTION,
    LOCATOR,
    ON,
    FoundServer,
    Inspect,
    Power,
    ResetBmc,
    SetBootMode,
    SetLocator,
    Step,
)
from hostwright.kinds.physicalmachine.power import SETTLE, change, under_way
from hostwright.kinds.physicalmachine.release import release
from hostwright.kinds.physicalmachine.requests import one_shots
from hostwright.kinds.physicalmachine.situation import CLAIM_RESTART, CLAIM_UID, Situation
from hostwright.kinds.physicalmachine.values import BootMode, Locator
from hostwright.kinds.physicalmachine.verify import verify

Part = Callable[[Situation, FoundServer], Decision[Step] | None]


def decide(situation: Situation) -> Decision[Step]:
    """Pure: the same situation gives the same decision."""
    if situation.deleting_since is not None:
        return leave(situation)
    if situation.paused is not None:
        text = situation.paused or "no reason given"
        return Decision(said=(Said(Condition.PAUSED, True, Reason.PAUSED, text),), observed=False)
    found = answering(situation)
    if isinstance(found, Decision):
        return found
    return _with_facts(situation, found, _next(situation, found))


def _next(situation: Situation, found: FoundServer) -> Decision[Step]:
    for part in _parts(situation):
        decision = part(situation, found)
        if decision is not None:
            return decision
    return _content(situation, found)


def _parts(situation: Situation) -> tuple[Part, ...]:
    if situation.releasing:
        return (verify, release)
    if situation.observe_only:
        return (verify, _inspection)
    if situation.held:
        return (verify,)
    quiet: tuple[Part, ...] = (verify, _bmc_reset, _inspection)
    return (*quiet, _locator) if situation.spec.maintenance.enabled else (*quiet, change, _boot_mode, _locator)


def _with_facts(situation: Situation, found: FoundServer, decision: Decision[Step]) -> Decision[Step]:
    """What is known anyway, beside what was decided."""
    spoken = {item.type for item in decision.said}
    facts = [item for item in say.facts(situation, found) if item.type not in spoken]
    if Condition.INSPECTED not in spoken:
        seen = situation.status.hardware is not None
        facts.append(Said(Condition.INSPECTED, seen, Reason.INSPECTED if seen else Reason.WAITING))
    status = {**say.status_of(situation, found), **_bound(situation), **decision.status}
    phase = decision.phase or say.phase_of(situation)
    return replace(decision, said=(*decision.said, *facts), status=status, phase=phase)


def _bound(situation: Situation) -> dict[str, dict[str, str]]:
    """The claim's restart that is there when it is bound is recorded with the first status that knows the claim."""
    ref, handled = situation.spec.claim_ref, situation.status.handled
    if not situation.bound or situation.claim is None or ref is None or handled is None:
        return {}
    if handled.get(CLAIM_UID) == ref.uid:
        return {}
    return {"handled": {**handled, CLAIM_UID: ref.uid, CLAIM_RESTART: situation.claim.restarted_at}}


def _handled(situation: Situation, **tokens: str) -> dict[str, str]:
    """An absent `handled` means record, never act: all that is asked now."""
    known = _bound(situation).get("handled") or situation.status.handled
    return {**(known if known is not None else _all_handled(situation)), **tokens}


def _bmc_reset(situation: Situation, _found: FoundServer) -> Decision[Step] | None:
    """Sent at most once for each token, which is therefore recorded with the intent; a refused one is tried again."""
    token = situation.spec.requests.bmc_reset
    operation = situation.at_work_on(OperationType.RESET_BMC)
    if operation is None and not situation.asked("bmcReset", token):
        return None
    words = working(Reason.RESETTING_BMC, "restarting the BMC; the server runs on")
    if operation is None or situation.refused:
        return Decision(
            step=ResetBmc(),
            operation=OperationType.RESET_BMC,
            expect=BMC_RESET,
            said=words,
            status={"handled": _handled(situation, bmcReset=token)},
        )
    if situation.since_call is not None and situation.since_call <= SETTLE:
        return Decision(said=words, look_again=5.0)
    return Decision(said=words, close_operation=True, notes=_done(situation), look_again=0.0)


def _inspection(situation: Situation, found: FoundServer) -> Decision[Step] | None:
    """All the hardware is read once, and again for each new token."""
    if not say.inspection_due(situation):
        return None
    operation = situation.at_work_on(OperationType.INSPECT)
    words = working(Reason.INSPECTING, "reading the hardware")
    if operation is None or not situation.answered or found.inspection is None:
        return Decision(step=Inspect(), operation=OperationType.INSPECT, expect=INSPECTION, said=words)
    text = " ".join(word for word in (found.manufacturer, found.model, found.serial_number) if word)
    missing = ", ".join(found.inspection.missing)
    shown = f"the BMC does not show: {missing}" if missing else ""
    fields = say.inspected(found.inspection)
    return Decision(
        said=(*words, Said(Condition.INSPECTED, True, Reason.INSPECTED, shown)),
        status={**fields, "handled": _handled(situation, inspect=situation.spec.requests.inspect)},
        close_operation=True,
        notes=(Note(Reason.INSPECTED, f"inspected: {text or found.uuid}", operation.id),),
        look_again=0.0,
    )


def _boot_mode(situation: Situation, found: FoundServer) -> Decision[Step] | None:
    wanted = situation.spec.boot_mode
    if wanted is BootMode.UNMANAGED:
        return None
    return _setting(situation, BOOT, "bootMode", wanted, found.boot_mode, SetBootMode(wanted))


def _locator(situation: Situation, found: FoundServer) -> Decision[Step] | None:
    wanted = situation.spec.locator
    if wanted is Locator.UNMANAGED:
        return None
    return _setting(situation, LOCATOR, "locator", wanted, found.locator, SetLocator(wanted))


def _setting(
    situation: Situation, expect: str, name: str, wanted: str, there: str, step: SetBootMode | SetLocator
) -> Decision[Step] | None:
    """Set, and read back: a BMC may take it and leave it."""
    if there == wanted:
        return None
    if not there:
        return _not_set(f"this BMC does not show it. Set spec.{name} to Unmanaged", name, wanted)
    operation = situation.at_work_on(OperationType.UPDATE)
    mine = operation is not None and operation.expect == expect
    if mine and situation.since_call is not None and situation.since_call <= SLOW and not situation.refused:
        if situation.since_call > SETTLE:
            return _not_set(f"the BMC took it, and shows {there} still", name, wanted)
        return Decision(said=working(Reason.UPDATING, f"setting {name} to {wanted}"), look_again=2.0)
    return Decision(
        step=step,
        operation=OperationType.UPDATE,
        expect=expect,
        said=working(Reason.UPDATING, f"setting {name} to {wanted}"),
    )


def _not_set(why: str, name: str, wanted: str) -> Decision[Step]:
    failure = InvalidConfiguration(f"{name} {wanted} cannot be set: {why}.", actor=Actor.PLATFORM)
    return Decision(failure=failure, said=failed(failure), look_again=60.0)


def _content(situation: Situation, found: FoundServer) -> Decision[Step]:
    """Nothing is left to do, or nothing may be done."""
    word = {Power.ON: "powered on", Power.OFF: "powered off"}.get(found.power, "its power is not known")
    ready = Said(Condition.READY, True, Reason.SETTLED, word)
    paused: tuple[Said, ...] = ()
    maintenance = situation.spec.maintenance
    if situation.held:
        ready = Said(Condition.READY, False, Reason.HELD, f"{situation.held}. Nothing is done to the server.")
        paused = (Said(Condition.STALLED, True, Reason.HELD, situation.held),)
    elif maintenance.enabled:
        text = f"in maintenance: {maintenance.reason or 'no reason given'}; no power action is made"
        ready = Said(Condition.READY, True, Reason.MAINTENANCE, f"{word}; {text}")
    if situation.backend.paused:
        text = f"Provider {situation.spec.provider_ref.name} is paused: its machines are only observed"
        paused = (*paused, Said(Condition.PAUSED, True, Reason.PAUSED, text))
    operation = situation.operation
    halfway = operation is not None and operation.type is OperationType.RESTART and found.power is not Power.ON
    unseen = under_way(situation, found)
    keep = unseen or (halfway and situation.wish is not Power.OFF)
    acted = not situation.observe_only and not situation.held
    return Decision(
        said=(ready, *paused, say.power_synced(situation, found)),
        status={"lastError": None, **({} if keep or not acted else {"handled": _all_handled(situation)})},
        close_operation=acted and not keep,
        notes=_done(situation) if acted and not keep else (),
        look_again=SETTLE if unseen else SLOW if situation.held else None,
    )


def _all_handled(situation: Situation) -> dict[str, str]:
    """All that is asked was acted on, or asks nothing as things are."""
    tokens = one_shots(situation.spec)
    if situation.bound and situation.claim is not None and situation.spec.claim_ref is not None:
        tokens |= {CLAIM_UID: situation.spec.claim_ref.uid, CLAIM_RESTART: situation.claim.restarted_at}
    return tokens


def _done(situation: Situation) -> tuple[Note, ...]:
    operation = situation.operation
    if operation is None:
        return ()
    if operation.type is OperationType.RESTART and operation.expect == ON:
        return (Note(Reason.RESTARTED, "restarted", operation.id),)
    if operation.type is OperationType.RESET_BMC:
        lost = "; whether it took the request is not known, and it is not sent again" if not situation.answered else ""
        return (Note(Reason.BMC_RESET, f"the BMC was asked to restart, and answers{lost}", operation.id),)
    return ()
