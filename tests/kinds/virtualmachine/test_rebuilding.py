"""What is decided of a rebuild: asked for by a token, an image or another bootstrap, once for each of these."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.kinds.situations import NOW, RESOLVED, condition, line, operation, seen, situation, spec, status, wanted

from hostwright.core.errors import RebuildTimedOut
from hostwright.core.port import Operation, OperationType
from hostwright.kinds.virtualmachine import change
from hostwright.kinds.virtualmachine.change import Remake
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import Life, Power, Rebuild
from hostwright.kinds.virtualmachine.resource import Bootstrap
from hostwright.kinds.virtualmachine.situation import Situation

ALLOWED = {"updatePolicy": {"maxDisruption": "Rebuild"}}
TOKEN, IMAGE = spec(**ALLOWED, rebuildToken="1"), spec(**ALLOWED, imageRef={"name": "other"})
OTHER = {"spec": IMAGE, "generation": 2, "wanted": replace(wanted(image="i2"), image_name="other")}
KEYS = {"cloudInit": {"sshAuthorizedKeys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7k3m3m3m3m3m3m3m3m3m3m3m3m me"]}}
NONE, ANOTHER = change.bootstrap_of(None), change.bootstrap_of(Bootstrap.model_validate(KEYS))


def made(image: str = "i1", name: str = "tiny", *, before: str = "", **asked: str) -> Remake:
    return Remake(change.digest(before), image, change.digest(name), NONE, asked.get("token", "1"))


def to(remake: Remake, **changes: object) -> Operation:
    return operation(OperationType.REBUILD, change.to_remake(remake), **changes)


ONCE = made()
NEW_IMAGE = made("i2", "other", token="0")
BACKED_OFF = {"next_retry_at": NOW + timedelta(minutes=1)}
REFUSED = status(
    observedGeneration=2, lastError={"reason": "RebuildFailed", "message": "no", "actor": "Platform", "at": ""}
)
AT_REST = "+Provisioned:Created +NetworkReady:InSync"
SETTLED = f"nothing | Running | +Ready:Settled +UpToDate:Settled {AT_REST} +PowerStateSynced:InSync"
PENDING = f"nothing | Running | +Ready:ChangesPending -UpToDate:ChangesPending {AT_REST} +PowerStateSynced:InSync"
REBUILDING = f"-Ready:Rebuilding +Reconciling:Rebuilding {AT_REST}"
AT_WORK = "nothing | Updating | -Ready:Rebuilding +Reconciling:Rebuilding"
BROKEN = "nothing | Failed | -Ready:MachineFailed +Stalled:MachineFailed"
REBUILDS: dict[str, tuple[Situation, str]] = {
    "token": (situation(spec=TOKEN, generation=2), f"Rebuild i1 | Running | {REBUILDING}"),
    "token, off": (
        situation(
            spec=spec(**ALLOWED, rebuildToken="1", powerState="PoweredOff"),
            wanted=wanted(power=Power.OFF),
            look=seen(shape={"power": Power.OFF}),
        ),
        f"Rebuild i1 | Stopped | {REBUILDING}",
    ),
    "token, suspended": (
        situation(
            spec=spec(**ALLOWED, rebuildToken="1", powerState="Suspended"),
            wanted=wanted(power=Power.SUSPENDED),
            look=seen(shape={"power": Power.SUSPENDED}),
        ),
        f"SetPower PoweredOn | Stopped | {REBUILDING}",
    ),
    "token, not allowed": (situation(spec=spec(rebuildToken="1"), generation=2), PENDING),
    "token, allowed less": (
        situation(spec=spec(rebuildToken="1", updatePolicy={"maxDisruption": "Restart"}), generation=2),
        PENDING,
    ),
    "token, not supported": (situation(spec=TOKEN, generation=2, backend={"supported": frozenset({"/tags"})}), PENDING),
    "token of before": (situation(spec=spec(**ALLOWED, rebuildToken="0")), SETTLED),
    "token taken off": (situation(spec=spec(**ALLOWED), generation=2), SETTLED),
    "token, and the status was lost": (situation(spec=TOKEN, status=status(handled=None)), SETTLED),
    "token, in a status of before there were any": (
        situation(spec=TOKEN, status=status(handled={"restartedAt": ""})),
        f"Rebuild i1 | Running | {REBUILDING}",
    ),
    "token, only observed": (
        situation(spec=spec(**ALLOWED, rebuildToken="1", managementPolicy="ObserveOnly")),
        SETTLED,
    ),
    "image": (situation(**OTHER), f"Rebuild i2 | Running | {REBUILDING}"),
    "image and size": (
        situation(**{**OTHER, "wanted": replace(wanted(image="i2", size="f2"), image_name="other")}),
        f"Resize f2 size/f2 | Running | -Ready:Resizing +Reconciling:Resizing {AT_REST}",
    ),
    "image, changed by somebody else": (
        situation(spec=spec(**ALLOWED), look=seen(shape={"image": "i9"})),
        f"Rebuild i1 | Running | {REBUILDING}",
    ),
    "image, changed by somebody else, not allowed": (situation(look=seen(shape={"image": "i9"})), PENDING),
    "bootstrap": (
        situation(spec=spec(**ALLOWED, bootstrap={**KEYS, "onChange": "Rebuild"})),
        f"Rebuild i1 | Running | {REBUILDING}",
    ),
    "bootstrap, not allowed": (situation(spec=spec(bootstrap={**KEYS, "onChange": "Rebuild"})), PENDING),
    "bootstrap, ignored": (situation(spec=spec(**ALLOWED, bootstrap=KEYS)), SETTLED),
    "bootstrap, of a machine of before it was recorded": (
        situation(
            spec=spec(**ALLOWED, bootstrap={**KEYS, "onChange": "Rebuild"}),
            status=status(resolved={**RESOLVED, "bootstrap": None}),
        ),
        SETTLED,
    ),
    "answered, and the look is from before": (situation(spec=TOKEN, operation=to(ONCE), fresh=False), AT_WORK),
    "at work": (situation(spec=TOKEN, operation=to(ONCE), look=seen(Life.CHANGING, rebuilt=ONCE.word)), AT_WORK),
    "done": (situation(spec=TOKEN, operation=to(ONCE), look=seen(rebuilt=ONCE.word)), SETTLED),
    "done, seen by a new process": (
        situation(spec=TOKEN, operation=to(ONCE), outcome_open=True, look=seen(rebuilt=ONCE.word)),
        SETTLED,
    ),
    "done, and another token is wished": (
        situation(spec=spec(**ALLOWED, rebuildToken="2"), operation=to(ONCE), look=seen(rebuilt=ONCE.word)),
        f"Rebuild i1 | Running | {REBUILDING}",
    ),
    "done, and the token is wished back": (
        situation(spec=spec(**ALLOWED, rebuildToken="0"), operation=to(ONCE), look=seen(rebuilt=ONCE.word)),
        f"Rebuild i1 | Running | {REBUILDING}",
    ),
    "done, and to be restarted": (
        situation(
            spec=spec(**ALLOWED, rebuildToken="1", restartedAt="x"), operation=to(ONCE), look=seen(rebuilt=ONCE.word)
        ),
        f"SetPower PoweredOff power/off | Updating | -Ready:Restarting +Reconciling:Restarting {AT_REST}",
    ),
    "lost reply, not asked yet": (
        situation(spec=TOKEN, operation=to(ONCE), outcome_open=True),
        "prove | Running | +Ready:Verifying +Reconciling:Verifying",
    ),
    "lost reply, nothing shows yet": (
        situation(spec=TOKEN, operation=to(ONCE), outcome_open=True, proven=True),
        "nothing | Running | +Ready:Verifying +Reconciling:Verifying",
    ),
    "lost reply, wished back, nothing shows yet": (
        situation(spec=spec(**ALLOWED), generation=3, operation=to(NEW_IMAGE), outcome_open=True, proven=True),
        "nothing | Running | +Ready:Verifying +Reconciling:Verifying",
    ),
    "lost reply, never carried out": (
        situation(spec=TOKEN, operation=to(ONCE), outcome_open=True, proven=True, nothing_made=True),
        f"Inquire rebuild | Running | {REBUILDING}",
    ),
    "never carried out, told, not due": (
        situation(spec=TOKEN, generation=2, operation=to(ONCE, **BACKED_OFF), status=REFUSED),
        "nothing | Running | -Ready:RebuildFailed +Reconciling:RebuildFailed",
    ),
    "never carried out, told, due": (
        situation(spec=TOKEN, generation=2, operation=to(ONCE, next_retry_at=NOW), status=REFUSED),
        f"Rebuild i1 | Running | {REBUILDING}",
    ),
    "never carried out, and the image is wished back": (
        situation(spec=spec(**ALLOWED), operation=to(NEW_IMAGE, **BACKED_OFF), status=REFUSED),
        SETTLED,
    ),
    "taken back": (
        situation(**OTHER, operation=to(NEW_IMAGE), look=seen(rebuilt=NEW_IMAGE.word)),
        f"Inquire rebuild | Running | {REBUILDING}",
    ),
    "taken back, told, due": (
        situation(
            **OTHER, operation=to(NEW_IMAGE, next_retry_at=NOW), status=REFUSED, look=seen(rebuilt=NEW_IMAGE.word)
        ),
        f"Rebuild i2 | Running | {REBUILDING}",
    ),
    "failed": (situation(**OTHER, operation=to(NEW_IMAGE), look=seen(Life.FAILED, rebuilt=NEW_IMAGE.word)), BROKEN),
    "failed, and another token is wished": (
        situation(
            **{**OTHER, "spec": spec(**ALLOWED, imageRef={"name": "other"}, rebuildToken="2")},
            operation=to(NEW_IMAGE),
            look=seen(Life.FAILED, rebuilt=NEW_IMAGE.word),
        ),
        f"Rebuild i2 | Failed | {REBUILDING}",
    ),
    "failed, off is wished, and another token": (
        situation(
            spec=spec(**ALLOWED, powerState="PoweredOff", rebuildToken="2"),
            wanted=wanted(power=Power.OFF),
            look=seen(Life.FAILED),
            status=status(resolved={**RESOLVED, "powerState": "PoweredOff"}),
        ),
        f"Rebuild i1 | Failed | {REBUILDING}",
    ),
    "failed by itself": (situation(spec=spec(**ALLOWED), look=seen(Life.FAILED)), BROKEN),
    "failed by itself, with another image": (
        situation(spec=spec(**ALLOWED), look=seen(Life.FAILED, shape={"image": "i9"})),
        BROKEN,
    ),
}


@pytest.mark.parametrize("name", REBUILDS)
def test_what_is_next_of_a_rebuild(name: str) -> None:
    case, row = REBUILDS[name]
    assert line(decide(case)) == row


def test_what_a_rebuild_gave_is_told_and_recorded_by_its_own_word_not_by_the_wish_of_now() -> None:
    later = spec(**ALLOWED, rebuildToken="2", imageRef={"name": "other"})
    wish = replace(wanted(image="i2"), image_name="other")
    decision = decide(situation(spec=later, wanted=wish, operation=to(ONCE), look=seen(rebuilt=ONCE.word)))
    assert decision.status["handled"]["rebuildToken"] == "1"
    assert decision.status["resolved"]["image"] == {"id": "i1"}
    assert isinstance(decision.step, Rebuild)
    assert decision.step.word == made("i2", "other", token="2", before=ONCE.word).word


def test_a_rebuild_that_is_done_ends_the_operation_and_pins_its_image() -> None:
    decision = decide(
        situation(**OTHER, operation=to(NEW_IMAGE), look=seen(rebuilt=NEW_IMAGE.word, shape={"image": "i2"}))
    )
    assert decision.close_operation
    assert decision.status["resolved"]["image"] == {"name": "other", "id": "i2"}
    assert decision.status["handled"] == {"restartedAt": "", "rebuildToken": "0"}
    assert [(note.reason, note.message) for note in decision.notes] == [("Rebuilt", "rebuilt from image other")]


def test_an_image_that_moves_meanwhile_is_pinned_as_it_was_used() -> None:
    """Else the moved image would be one more rebuild, which nobody asked for."""
    moved = replace(wanted(image="i3"), image_name="other")
    shown = seen(rebuilt=NEW_IMAGE.word, shape={"image": "i2"})
    decision = decide(situation(spec=IMAGE, wanted=moved, operation=to(NEW_IMAGE), look=shown))
    assert decision.step is None
    assert not decision.close_operation
    assert decision.status["resolved"]["image"] == {"name": "other", "id": "i2"}


def test_a_token_that_waits_is_told_and_not_recorded() -> None:
    decision = decide(situation(spec=spec(rebuildToken="1"), generation=2))
    assert decision.status["pendingChanges"] == [
        {"path": "/rebuildToken", "from": "0", "to": "1", "disruption": "Rebuild", "waitingFor": "MaxDisruption"}
    ]
    assert decision.status["handled"]["rebuildToken"] == "0"


def test_a_token_that_is_only_observed_is_recorded_as_a_restart_is() -> None:
    decision = decide(situation(spec=spec(**ALLOWED, rebuildToken="1", managementPolicy="ObserveOnly")))
    assert decision.status["handled"]["rebuildToken"] == "1"


def test_no_two_rebuilds_of_one_machine_have_one_word() -> None:
    first = decide(situation(spec=TOKEN)).step
    assert isinstance(first, Rebuild)
    again = decide(situation(spec=TOKEN, look=seen(rebuilt=first.word))).step
    assert isinstance(again, Rebuild)
    assert again.word != first.word
    assert change.remake_of(to(replace(ONCE, token="a/b"))) == replace(ONCE, token="a/b")


def test_a_rebuild_that_takes_too_long_is_told() -> None:
    late = to(ONCE, started_at=NOW - timedelta(minutes=21))
    decision = decide(situation(spec=TOKEN, operation=late, look=seen(Life.CHANGING, rebuilt=ONCE.word)))
    assert isinstance(decision.failure, RebuildTimedOut)


def test_what_a_machine_is_made_with_is_recorded_when_it_is_made_and_stays() -> None:
    first = {"conditions": [condition("Ready", "False")], "resolved": {"bootstrap": NONE}}
    decision = decide(situation(spec=spec(bootstrap=KEYS), status=status(**first)))
    assert decision.status["resolved"]["bootstrap"] == NONE
    assert ANOTHER != NONE
