"""Claims and servers to decide about."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision
from hostwright.core.names import Condition
from hostwright.kinds.physicalmachineclaim.decide import Situation, Step
from hostwright.kinds.physicalmachineclaim.resource import PhysicalMachineClaimSpec
from hostwright.kinds.physicalmachineclaim.servers import Holder, Ref, Server, Wish

US, UID = Ref("team-a", "web"), "u-1"
HELD = Holder(US, UID)
OTHER = Holder(Ref("team-b", "db"), "u-2")
R1 = Ref("racks", "r1")


def server(name: str = "r1", **changes: Any) -> Server:
    """One that anybody in team-a may take."""
    given: dict[str, Any] = {
        "ref": Ref("racks", name),
        "namespaces": frozenset({"team-a"}),
        "cpu": 8,
        "memory_mib": 16384,
        "health": "OK",
        "power": "PoweredOff",
        "ready": "True",
        **changes,
    }
    return Server(**given)


def ours(name: str = "r1", **changes: Any) -> Server:
    """Bound to us by both sides, and running as wished."""
    bound = {"holder": HELD, "promised": frozenset({US}), "handled_for": UID, "power": "PoweredOn"}
    return server(name, **{**bound, **changes})


def situation(*servers: Server, spec: dict[str, Any] | None = None, **changes: Any) -> Situation:
    """With all these servers in the cluster."""
    read = PhysicalMachineClaimSpec.model_validate(spec or {})
    wish = changes.pop("wish", Wish("team-a"))
    machine = changes.get("machine")
    return Situation(
        ref=US,
        uid=UID,
        spec=read,
        wish=wish,
        named=changes.pop("named", next((each for each in servers if each.ref == machine), None)),
        holding=changes.pop("holding", tuple(each for each in servers if each.holder == HELD)),
        free=tuple(each for each in servers if each.holder is None and not each.promised and each.hindrance is None),
        tally=tally(wish, servers),
        **changes,
    )


def tally(wish: Wish, servers: Iterable[Server]) -> Counter[Any]:
    return Counter(why for each in servers if (why := wish.verdict(each)) is not None)


def said(decision: Decision[Step], kind: Condition) -> Said:
    return next(item for item in decision.said if item.type is kind)


def line(decision: Decision[Step]) -> str:
    """Such as `Bind racks/r1`, `Release`, `Pending Ready=False NoMachineAvailable`."""
    if decision.step is not None:
        return f"{type(decision.step).__name__} {decision.step.server.ref}"
    if decision.release:
        return "Release"
    ready = said(decision, Condition.READY)
    stalled = " Stalled" if any(item.type is Condition.STALLED for item in decision.said) else ""
    return f"{decision.phase} Ready={ready.word} {ready.reason}{stalled}"
