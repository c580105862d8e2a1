"""Any situation that the engine can bring about."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from tests.kinds import situations as at

from hostwright.core import errors
from hostwright.core.port import (
    LedgerRow,
    Missing,
    Operation,
    OperationType,
    Ownership,
    Present,
    RowState,
    Unsure,
    Window,
)
from hostwright.core.probed import Probed
from hostwright.kinds.virtualmachine import made
from hostwright.kinds.virtualmachine.port import (
    Found,
    InterfaceFound,
    InterfaceShape,
    Life,
    Look,
    Power,
    Twin,
    Unresolved,
    Wanted,
)
from hostwright.kinds.virtualmachine.resource import UpdatePolicy
from hostwright.kinds.virtualmachine.situation import Backend, Situation

MINUTE = timedelta(minutes=1)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=40)
long_texts = st.one_of(texts, st.integers(1, 3000).map(lambda size: "x" * size))
moments = st.integers(-100, 10).map(lambda minutes: at.NOW + minutes * MINUTE)
powers = st.sampled_from(Power)
#: A build that failed, or goes on, is what is taken away: drawn more often, or the law of that would rest on luck.
LIVES = [*Life, Life.FAILED, Life.FAILED, Life.BUILDING]
_POWER = {str(power): power for power in Power}
keys = st.sampled_from([None, "a", "b"])
tags = st.dictionaries(st.sampled_from(["team", "tier", "x"]), st.sampled_from(["a", "b"]), max_size=3)


@st.composite
def nics(draw: st.DrawFn, *, found: bool) -> tuple[InterfaceShape, ...]:
    return tuple(
        InterfaceShape(
            name,
            draw(st.sampled_from(["n1", "n1", "n2"])),
            draw(st.sampled_from([(), ("10.0.0.7",)])),
            security_groups=draw(st.sampled_from([(), ("g1",), ("g1", "g2")])),
            plugged=not found or draw(st.booleans()),
        )
        for name in draw(st.sampled_from([("eth0",), ("eth0", "eth1"), ("eth1",)]))
    )


def _leaves(base: type[errors.Failure]) -> list[type[errors.Failure]]:
    below = [leaf for each in base.__subclasses__() for leaf in _leaves(each)]
    return [base, *below]


FAILURES = _leaves(errors.Failure)[1:]
failures = st.builds(lambda kind, text: kind(text), st.sampled_from(FAILURES), long_texts)


@st.composite
def specs(draw: st.DrawFn) -> Any:
    optional = {
        "powerState": st.sampled_from(["PoweredOn", "PoweredOff", "Suspended", "Unmanaged"]),
        "managementPolicy": st.sampled_from(["Managed", "Managed", "ObserveOnly"]),
        "deletionPolicy": st.sampled_from(["Delete", "Delete", "Retain", None]),
        "deletionProtection": st.booleans(),
        "onExternalDeletion": st.sampled_from(["Report", "Recreate"]),
        "readiness": st.sampled_from(
            [{}, {"minReadySeconds": 60}, {"probe": {"tcpSocket": {"port": 22}}, "minReadySeconds": 60}]
        ),
        "expireAfter": st.sampled_from(["Never", "Never", "1h", "24h"]),
        "restartedAt": st.sampled_from([None, "", "1", "2"]),
        "updatePolicy": st.sampled_from([{"maxDisruption": word} for word in ("None", "Live", "Replace")]),
        "driftDetection": st.fixed_dictionaries(
            {
                "mode": st.sampled_from([None, "Enabled", "Warn", "Disabled"]),
                "ignore": st.sampled_from([None, ["/tags"], ["/tags/team"], ["/powerState"]]),
            }
        ),
    }
    return at.spec(**draw(st.fixed_dictionaries({}, optional=optional)))


@st.composite
def ledgers(draw: st.DrawFn) -> tuple[LedgerRow, ...]:
    windows = st.one_of(st.none(), st.builds(Window, moments, st.one_of(st.none(), moments)))
    rows = [
        LedgerRow(name, item, draw(st.sampled_from(RowState)), owned, draw(windows))
        for name, item, owned in (
            ("server", "s1", Ownership.CREATED),
            ("port/eth0", "p1", Ownership.CREATED),
            ("extra/s2", "s2", Ownership.CREATED),
            ("port/eth1", "p2", Ownership.REFERENCED),
        )
        if draw(st.booleans())
    ]
    return tuple(rows)


@st.composite
def lives(draw: st.DrawFn, life: Life) -> Found:
    twins = draw(
        st.lists(
            st.builds(
                Twin,
                id=st.sampled_from(["s1", "s2", "s3"]),
                name=st.sampled_from(["team-web-1", "team-web-1", "clone"]),
                life=st.sampled_from([life, Life.STEADY, Life.BUILDING, Life.FAILED, Life.DELETING]),
                created_at=st.one_of(st.none(), moments),
                ports=st.integers(0, 1),
                namespace=st.sampled_from(["team", "other", ""]),
                object_name=st.just("web"),
            ),
            max_size=3,
            unique_by=lambda twin: twin.id,
        )
    )
    if life is Life.PARTIAL:
        return at.found(life, twins=())
    item = draw(st.sampled_from([twin.id for twin in twins] or ["s1"]))
    shapes = draw(nics(found=True))
    ports = {"eth0": "p1", "eth1": "p2"}
    servers = tuple(LedgerRow("server" if twin.id == item else f"extra/{twin.id}", twin.id) for twin in twins)
    return at.found(
        life,
        id=item,
        shape={
            "power": draw(powers),
            "tags": draw(tags),
            "size": draw(st.sampled_from(["f1", "f2"])),
            "image": draw(st.sampled_from(["i1", "i2"])),
            "interfaces": shapes,
        },
        message=draw(long_texts),
        code=draw(st.sampled_from(["", "500", "9" * 80])),
        zone=draw(st.sampled_from(["", "az1"])),
        size_name=draw(st.sampled_from(["", "small"])),
        created_at=draw(st.one_of(st.none(), moments)),
        interfaces=tuple(InterfaceFound(nic.name, ports[nic.name], bound=nic.plugged) for nic in shapes),
        parts=(
            *(servers or (LedgerRow("server", item),)),
            *(LedgerRow(f"port/{nic.name}", ports[nic.name]) for nic in shapes),
        ),
        twins=tuple(twins),
    )


@st.composite
def looks(draw: st.DrawFn) -> Look:
    kind = draw(st.sampled_from(["present", "present", "missing", "unsure"]))
    if kind == "missing":
        return Missing(100.0)
    if kind == "unsure":
        return Unsure(draw(texts), 100.0)
    return Present(draw(lives(draw(st.sampled_from(LIVES)))), 100.0)


KEYED = {**at.RESOLVED, "madeWith": {"/keyPair": "a"}}
WIRED = {**at.RESOLVED, "interfaces": [{"name": "eth0", "network": "n1"}, {"name": "eth1", "securityGroups": ["g1"]}]}


@st.composite
def statuses(draw: st.DrawFn) -> Any:
    if draw(st.integers(0, 5)) == 0:
        return at.VirtualMachineStatus()
    word = st.sampled_from(["True", "False", "Unknown"])
    conditions = [
        at.condition(kind, draw(word), reason=draw(st.sampled_from(["X", "Stopping"])), at=draw(moments))
        for kind in ("Ready", "Provisioned", "PowerStateSynced")
        if draw(st.booleans())
    ]
    if draw(st.booleans()):
        conditions.append({**at.condition("UpToDate", draw(word)), "observedGeneration": draw(st.sampled_from([1, 2]))})
    return at.status(
        observedGeneration=draw(st.sampled_from([1, 2])),
        phase=draw(st.sampled_from([None, "Pending", "Running", "Failed"])),
        resolved=draw(
            st.sampled_from([None, {}, at.RESOLVED, {**at.RESOLVED, "powerState": "PoweredOff"}, WIRED, KEYED])
        ),
        handled=draw(st.sampled_from([None, {}, {"restartedAt": ""}, {"restartedAt": "1"}])),
        drift=draw(st.sampled_from([None, [{"path": "/powerState", "since": at.stamp(at.NOW)}]])),
        conditions=conditions,
    )


@st.composite
def backends(draw: st.DrawFn) -> Mapping[str, Any]:
    exists = draw(st.integers(0, 7)) > 0
    failure = draw(st.one_of(st.none(), st.none(), st.none(), failures)) if exists else errors.ProviderNotFound("none")
    connected = exists and draw(st.integers(0, 5)) > 0
    return {
        "exists": exists,
        "connected": connected,
        "synced": connected and draw(st.integers(0, 4)) > 0,
        "down_for": draw(st.one_of(st.none(), st.floats(0, 1000))) if failure is not None else None,
        "failure": failure,
        "paused": draw(st.integers(0, 5)) == 0,
        "supported": at.SUPPORTED,
    }


@st.composite
def wishes(draw: st.DrawFn, spec: Any) -> Wanted | Unresolved:
    if draw(st.integers(0, 6)) == 0:
        return Unresolved(draw(failures))
    power = _POWER.get(spec.power_state.value)
    return at.wanted(
        power=power,
        tags=draw(tags),
        size=draw(st.sampled_from(["f1", "f2"])),
        image=draw(st.sampled_from(["i1", "i2"])),
        interfaces=draw(nics(found=False)),
    )


@st.composite
def operations(draw: st.DrawFn) -> Operation | None:
    kind = draw(st.sampled_from([None, *OperationType]))
    if kind is None:
        return None
    return at.operation(
        kind,
        draw(st.sampled_from(["server", "port/eth0", "power/off", "power/on", "extra/s2", "replace/s1"])),
        window_start=draw(st.one_of(st.none(), moments)),
        next_retry_at=draw(st.one_of(st.none(), st.none(), moments)),
    )


@st.composite
def situations(draw: st.DrawFn, *, deleting: bool | None = None) -> Situation:
    """What is known together fits together, as engine/situate.py makes it; all else is free."""
    spec, status, rows, operation = draw(specs()), draw(statuses()), draw(ledgers()), draw(operations())
    if status.observed_generation < 0 and not status.machine_id:  # no status: no ledger and no operation either
        rows, operation = (), None
    made = any(row.name == "server" for row in rows)
    if operation is not None and operation.type is not OperationType.CREATE and not made:
        operation = None  # what is powered, changed or restarted was made
    backend = Backend(**draw(backends()))
    going = draw(st.one_of(st.none(), moments)) if deleting is None else draw(moments) if deleting else None
    proven = backend.connected and draw(st.booleans())
    look: Look = draw(looks()) if backend.connected else Unsure("not connected")
    if proven and isinstance(look, Unsure):
        look = Missing(100.0)
    resolved = going is None and backend.connected and backend.failure is None
    is_open = operation is not None and operation.next_retry_at is None and draw(st.booleans())
    is_open = is_open and operation is not None and all(row.name != operation.expect for row in rows)
    shown = isinstance(look, Present) and operation is not None
    shown = shown and isinstance(look, Present) and any(p.name == operation.expect for p in look.found.parts)  # type: ignore[union-attr]
    windows = [row.window for row in rows if row.window is not None]
    if operation is not None and operation.window_start is not None:
        windows.append(Window(operation.window_start))
    return Situation(
        spec=spec,
        status=status,
        generation=draw(st.sampled_from([1, 2])),
        trace=at.trace(*rows, windows=tuple(windows)),
        wanted=draw(wishes(spec)) if resolved else None,
        look=look,
        now=at.NOW,
        backend=backend,
        operation=operation,
        outcome_open=is_open,
        proven=proven,
        nothing_made=is_open and proven and not shown and draw(st.booleans()),
        may_come=operation is not None and draw(st.integers(0, 3)) == 0,
        deleting_since=going,
        probed=draw(st.one_of(st.none(), st.builds(Probed, st.booleans(), st.floats(0, 100), texts))),
        born_at=draw(st.one_of(st.none(), moments)),
        paused=draw(st.sampled_from([None, None, None, "", "CHG-1"])),
        never_reported=not status.machine_id,
    )


@st.composite
def resting(draw: st.DrawFn) -> Situation:
    """A machine of ours that is there and at rest, its Provider answering: as written, changed, or drifted."""
    any_one = draw(situations(deleting=False))
    shape = {
        "power": draw(powers),
        "tags": draw(tags),
        "size": draw(st.sampled_from(["f1", "f1", "f2"])),
        "image": draw(st.sampled_from(["i1", "i1", "i2"])),
        "key_pair": draw(keys),
    }
    power = _POWER.get(any_one.spec.power_state.value)
    size = draw(st.sampled_from(["f1", "f2"]))
    wish = at.wanted(power=power, tags=draw(tags), size=size, key_pair=draw(keys))
    return replace(
        any_one,
        trace=at.trace(at.SERVER, at.PORT),
        wanted=wish,
        look=Present(at.found(shape=shape, size_name={"f1": "small", "f2": "medium"}[shape["size"]]), 100.0),
        backend=Backend(supported=at.SUPPORTED | made.PATHS),
        operation=None,
        outcome_open=False,
        proven=False,
        nothing_made=False,
        paused=None,
    )


@st.composite
def rekeyed(draw: st.DrawFn) -> Situation:
    """At rest, with a key pair that may not be what was asked for, or recorded; perhaps on its way out for that."""
    situation = draw(resting())
    record = draw(st.sampled_from([None, {}, {"/keyPair": ""}, {"/keyPair": "a"}, {"/keyPair": "a"}]))
    going = draw(st.sampled_from([RowState.CREATED, RowState.CREATED, RowState.DELETING]))
    policy = UpdatePolicy(max_disruption=draw(st.sampled_from(["Replace", "Replace", "Rebuild"])))
    announced = at.operation(OperationType.REPLACE, draw(st.sampled_from(["replace/s1", "replace/s9"])))
    return replace(
        situation,
        spec=situation.spec.model_copy(update={"update_policy": policy}),
        status=at.status(resolved={**at.RESOLVED, **({} if record is None else {"madeWith": record})}),
        trace=at.trace(replace(at.SERVER, state=going), at.PORT),
        operation=draw(st.sampled_from([None, announced])),
        outcome_open=draw(st.booleans()),
        proven=True,
    )


@st.composite
def fallen(draw: st.DrawFn) -> Situation:
    """A build that failed or takes long, or a machine with others of its mark, where nothing else is in the way."""
    situation = draw(situations(deleting=False))
    life = draw(st.sampled_from([Life.FAILED, Life.FAILED, Life.BUILDING, Life.STEADY]))
    wanted = situation.wanted if isinstance(situation.wanted, Wanted) else at.wanted()
    return replace(
        situation,
        paused=None,
        outcome_open=False,
        wanted=wanted,
        look=Present(draw(lives(life)), 100.0),
        backend=Backend(supported=at.SUPPORTED),
    )
