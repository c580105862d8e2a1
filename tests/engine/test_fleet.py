"""What a server's body says to a claim, and what is counted and woken when one changes."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from hostwright.core.access import LabelSelector
from hostwright.core.names import ANNOTATION_PAUSED
from hostwright.engine.fleet import Fleet
from hostwright.engine.ports import Key
from hostwright.engine.queue import Priority
from hostwright.engine.servers import server_of
from hostwright.kinds.physicalmachineclaim.servers import Holder, Ref, Why, Wish

GOOD = {"Reachable": "True", "CredentialsValid": "True", "IdentityVerified": "True", "Inspected": "True"}


def conditions(words: Mapping[str, str], **reasons: str) -> list[dict[str, Any]]:
    return [
        {"type": kind, "status": word, "reason": reasons.get(kind, "Because"), "observedGeneration": 3}
        for kind, word in words.items()
    ]


def server(
    name: str = "r1", holder: Ref | None = None, spec: Any = None, labels: Any = None, **status: Any
) -> dict[str, Any]:
    ref = (
        {"claimRef": {"namespace": holder.namespace, "name": holder.name, "uid": f"u-{holder.name}"}} if holder else {}
    )
    return {
        "kind": "PhysicalMachine",
        "metadata": {"namespace": "racks", "name": name, "uid": name, "generation": 3, "labels": labels or {}},
        "spec": {"claimPolicy": {"namespaces": ["team-a"]}, **ref, **(spec or {})},
        "status": {"observedGeneration": 3, "conditions": conditions(GOOD), **status},
    }


def claim(name: str, machine: str = "", **metadata: Any) -> dict[str, Any]:
    status = {"machineRef": {"namespace": "racks", "name": machine}} if machine else {}
    return {
        "kind": "PhysicalMachineClaim",
        "metadata": {"namespace": "team-a", "name": name, "uid": f"u-{name}", "generation": 1, **metadata},
        "spec": {},
        "status": status,
    }


def key(body: Mapping[str, Any]) -> Key:
    return Key(body["kind"], body["metadata"]["namespace"], body["metadata"]["name"])


class Woken(list[str]):
    def __call__(self, woken: Key, _: Priority) -> None:
        self.append(woken.name)

    def taken(self) -> list[str]:
        names = [*self]
        self.clear()
        return names


def fleet(*bodies: Mapping[str, Any]) -> tuple[Fleet, Woken]:
    woken = Woken()
    there = Fleet(woken)
    for body in bodies:
        there.follow(key(body), body)
    woken.clear()
    return there, woken


def without(kind: str, word: str = "") -> dict[str, Any]:
    return {
        "conditions": conditions(
            {**{name: each for name, each in GOOD.items() if name != kind}, **({kind: word} if word else {})}
        )
    }


@pytest.mark.parametrize(
    ("why", "body"),
    [
        (None, server()),
        (Why.MAINTENANCE, server(spec={"maintenance": {"enabled": True}})),
        (None, server(spec={"maintenance": {"enabled": False}})),
        (Why.OBSERVED, server(spec={"managementPolicy": "ObserveOnly"})),
        (Why.PAUSED, server(**without("Paused", "True"))),
        (Why.UNSEEN, server(observedGeneration=2)),
        (Why.UNSEEN, server(observedGeneration=-1, conditions=[])),
        (Why.FAILED, server(**without("CredentialsValid", "False"))),
        (Why.FAILED, server(**without("IdentityVerified", "False"))),
        (Why.HELD, server(**without("IdentityVerified"))),
        (Why.UNREACHABLE, server(**without("Reachable", "False"))),
        (Why.UNREACHABLE, server(**without("Reachable", "Unknown"))),
        (Why.NOT_INSPECTED, server(**without("Inspected", "False"))),
        (Why.HELD, server(**without("Held", "True"))),
        (Why.UNHEALTHY, server(health={"rollup": "Critical"})),
        (None, server(health={"rollup": "Warning"})),
    ],
)
def test_what_hinders_a_server_from_being_taken(why: Why | None, body: dict[str, Any]) -> None:
    assert server_of(body, frozenset()).hindrance is why


def test_a_server_on_its_way_out_or_paused_is_not_taken() -> None:
    going = server()
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert server_of(going, frozenset()).hindrance is Why.DELETING
    paused = server()
    paused["metadata"]["annotations"] = {ANNOTATION_PAUSED: ""}
    assert server_of(paused, frozenset()).hindrance is Why.PAUSED


def test_released_is_believed_for_the_claim_ref_that_stands_there_only() -> None:
    released = {**GOOD, "Claimed": "False"}
    assert server_of(server(conditions=conditions(released, Claimed="Released")), frozenset()).released
    assert not server_of(server(conditions=conditions(released, Claimed="Free")), frozenset()).released
    later = server(conditions=conditions(released, Claimed="Released"))
    later["metadata"]["generation"] = 4
    assert not server_of(later, frozenset()).released


def test_whose_claims_may_take_it() -> None:
    assert server_of(server(), frozenset()).namespaces == {"team-a"}
    for policy in ({}, {"namespaces": []}):
        assert server_of(server(spec={"claimPolicy": policy}), frozenset()).namespaces == {"racks"}


@pytest.mark.parametrize("order", [1, -1])
def test_a_server_named_by_a_claims_status_is_not_free_whoever_was_seen_first(order: int) -> None:
    there, woken = fleet(*[server(), claim("web", "r1")][::order])
    assert [*there.free()] == []
    assert there.names(Holder(Ref("team-a", "web"), "u-web"), Ref("racks", "r1"))
    assert not there.names(Holder(Ref("team-a", "web"), "u-0"), Ref("racks", "r1"))
    there.follow(key(claim("web")), None)
    assert [found.ref.name for found in there.free()] == ["r1"]
    assert woken.taken() == ["r1"]


def test_who_is_concerned_is_woken_and_nobody_else() -> None:
    web, db = Ref("team-a", "web"), Ref("team-a", "db")
    there, woken = fleet(server("r1", web), server("r2", db), claim("web", "r1"), claim("db", "r2"))
    there.follow(key(server("r1")), server("r1", web, powerState="PoweredOn"))
    assert woken.taken() == ["web"]
    there.follow(key(server("r1")), server("r1", web, powerState="PoweredOn"))
    assert woken.taken() == []
    there.follow(key(claim("web")), claim("web", "r1", generation=2))
    assert woken.taken() == ["r1"]
    there.follow(key(claim("web")), claim("web", "r1", generation=2, deletionTimestamp="now"))
    assert woken.taken() == ["r1"]
    there.follow(key(claim("web")), None)
    assert set(woken.taken()) == {"r1", "web"}
    there.follow(key(server("r1")), None)
    assert woken.taken() == ["web"]


def test_a_server_whose_claim_ref_came_or_went_is_woken_although_our_own_write_has_no_echo() -> None:
    web = Ref("team-a", "web")
    there, woken = fleet(server("r1"))
    there.follow(key(server("r1")), server("r1", web))
    assert set(woken.taken()) == {"r1", "web"}
    there.follow(key(server("r1")), server("r1"))
    assert set(woken.taken()) == {"r1", "web"}


def test_the_first_in_line_is_woken_by_a_server_that_will_do() -> None:
    there, woken = fleet(server("r1", Ref("team-a", "x")))
    will_do = Wish("team-a", LabelSelector(match_labels={"pool": "web"}))
    for name, wish in (("c1", will_do), ("c2", will_do), ("c3", Wish("team-b"))):
        counts = there.wait(Ref("team-a", name), wish)
    assert counts == {Why.NOT_ALLOWED: 1}
    there.follow(key(server("r2")), server("r2"))
    assert woken.taken() == []
    there.follow(key(server("r3")), server("r3", labels={"pool": "web"}))
    assert woken.taken() == ["c1"]
    there.wait_no_more(Ref("team-a", "c1"))
    assert woken.taken() == ["c2"]
    there.follow(key(server("r3")), server("r3", Ref("team-a", "c1"), labels={"pool": "web"}))
    woken.clear()
    there.wait_no_more(Ref("team-a", "c2"))
    assert woken.taken() == []
    assert there.wait(Ref("team-a", "c2"), will_do) == {Why.NOT_MATCHING: 2, Why.CLAIMED: 1}


class Labels(dict[str, str]):
    """Counts how often it is read."""

    reads = 0

    def get(self, *args: Any) -> Any:
        Labels.reads += 1
        return super().get(*args)


def bodies(many: int, holder: Ref | None = None) -> Iterator[dict[str, Any]]:
    for number in range(many):
        yield server(f"r{number}", holder, labels=Labels(pool="web"))


def test_one_event_costs_no_look_at_every_server_nor_at_every_claim() -> None:
    """300 claims with two wishes wait for 300 servers that others have."""
    there, woken = fleet(*bodies(300, Ref("team-b", "x")))
    wishes = [Wish("team-a", LabelSelector(match_labels={"pool": pool})) for pool in ("web", "db")]
    for number in range(300):
        there.wait(Ref("team-a", f"c{number}"), wishes[number % 2])
    Labels.reads = 0
    there.follow(key(server("r7")), server("r7", labels=Labels(pool="web")))
    assert woken.taken() == ["x", "r7", "c0"]
    assert Labels.reads <= 20
    assert there.wait(Ref("team-a", "c1"), wishes[1]) == {Why.NOT_MATCHING: 300}
    assert there.wait(Ref("team-a", "c0"), wishes[0]) == {Why.CLAIMED: 299}
    assert Labels.reads <= 20


def test_spread_counts_what_a_namespace_holds() -> None:
    zone = {"topology.kubernetes.io/zone": "a", "compute.hostwright.dev/rack": "1"}
    there, _ = fleet(server("r1", Ref("team-a", "web"), labels=zone), server("r2", labels=zone))
    assert there.spread("team-a").zones == {"a": 1}
    assert there.spread("team-a").racks == {("a", "1"): 1}
    assert there.spread("team-b").zones == {}
    there.follow(key(server("r1")), server("r1", labels=zone))
    assert there.spread("team-a").zones.get("a", 0) == 0
