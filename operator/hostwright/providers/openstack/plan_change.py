"""The next call of what takes a server down for a while: resized, confirmed, rebuilt, or asked why not."""

from hostwright.core.errors import Failure, InvalidConfiguration
from hostwright.core.port import Call, Done, Repeat, Trace, Wait
from hostwright.kinds.virtualmachine.port import ConfirmResize, Found, Inquire, Life, Memory, Rebuild, Resize, Wanted
from hostwright.providers.openstack import bodies
from hostwright.providers.openstack.calls import SEND_AGAIN, SERVER, Anew, Asked, On, stale

#: A receipt of its own: Nova shows VERIFY_RESIZE, without a task, until it has carried out the confirmation (tried).
CONFIRMED = "server/confirmed"


def plan(
    step: Resize | ConfirmResize | Rebuild | Inquire,
    trace: Trace,
    wanted: Wanted | None,
    found: Found | None,
    as_of: float,
    memory: Memory,
) -> Call | Wait | Done | Failure:
    if found is None:
        return Wait("the server is not seen")
    if stale(SERVER, as_of, memory):
        return Wait(found.message or "Nova is at work")
    match step:
        case Resize():
            return _resize(step, wanted, found)
        case ConfirmResize():
            return _confirm(found, as_of, memory)
        case Rebuild():
            return _rebuild(step, trace, wanted, found)
        case Inquire(action=action):
            return _inquire(action, wanted, found, memory)


def _resize(step: Resize, wanted: Wanted | None, found: Found) -> Call | Wait | Done | Failure:
    if wanted is None:
        raise TypeError("a server is resized to a resolved size")
    if found.life is not Life.STEADY:
        return Wait(found.message or "Nova is at work")
    if found.shape.size == step.size:
        return Done()
    if found.root_gib is not None and wanted.extra.root_gib < found.root_gib:
        return InvalidConfiguration(
            f"flavor {step.size!r} has a root disk of {wanted.extra.root_gib} GiB and the server one of "
            f"{found.root_gib} GiB: Nova makes no disk smaller. Choose a size with no less, or make a new machine."
        )
    on = _action(found, {"resize": {"flavorRef": wanted.size_id}})
    return Call("resize", SERVER, Repeat.INTENT, on, message=f"resizing the server to {step.size}")


def _confirm(found: Found, as_of: float, memory: Memory) -> Call | Wait | Done:
    if found.life is not Life.RESIZED:
        return Done()
    confirmed = memory.receipts.get(CONFIRMED, float("-inf"))
    if confirmed > memory.receipts.get(SERVER, float("-inf")) and as_of - confirmed <= SEND_AGAIN:
        return Wait("Nova confirms the resize")
    on = _action(found, {"confirmResize": None})
    return Call("confirm_resize", CONFIRMED, Repeat.IDEMPOTENT, on, message="confirming the resize")


def _rebuild(step: Rebuild, trace: Trace, wanted: Wanted | None, found: Found) -> Call | Wait | Done | Failure:
    """In one request: ports, volumes, tags, name and addresses are not named in it, so they stay."""
    if wanted is None:
        raise TypeError("a server is rebuilt as a resolved spec says")
    if found.life not in {Life.STEADY, Life.FAILED}:
        return Wait(found.message or "Nova is at work")
    if found.rebuilt == step.word:
        return Done()
    if found.root_gib is None:  # Nova would take the request, and leave the volume as it is
        return InvalidConfiguration(
            "the server boots from a volume, and Nova rebuilds none of these in the version of its API that is used. "
            "Make a new machine."
        )
    on = _action(found, bodies.rebuild_body(trace, found.shape, step.image, step.word))
    text = f"rebuilding the server from image {step.image}"
    return Call(
        "rebuild", SERVER, Repeat.INTENT, Anew(on, wanted, trace, step.keeps_user_data), destructive=True, message=text
    )


def _inquire(action: str, wanted: Wanted | None, found: Found, memory: Memory) -> Call:
    since = memory.operation.started_at if memory.operation is not None else None
    names = {"resize": wanted.size_name, "rebuild": f"image {wanted.image_name}"} if wanted is not None else {}
    asked = Asked(found.id, action, names.get(action, ""), since)
    return Call("ask_actions", SERVER, Repeat.READ, asked, message="asking Nova why")


def _action(found: Found, body: dict[str, object]) -> On:
    return On(found.id, "compute", "POST", f"/servers/{found.id}/action", body)
