"""Claims and servers on virtual time: bound once, told why not, put back, refused, let go."""

import pytest
from tests.engine.racks import TRANSITION, Stage, claim_key, server_key
from tests.engine.virtual import run, until
from tests.engine.wire import Place, Wire

from hostwright.core.names import FINALIZER, LABEL_RACK, LABEL_ZONE
from hostwright.engine.ports import Key

WEB, DB = claim_key("web"), claim_key("db", "team-b")


def stage(*servers: str, wire: Wire | None = None, watch_lag: float = 0.002) -> Stage:
    there = Stage(wire or Wire(), watch_lag)
    for name in servers:
        there.racks.add(name)
    there.begin()
    return there


def message(there: Stage, claim: Key) -> str:
    return str(there.api.condition(claim, "Ready")["message"])


def test_a_claim_is_bound_by_both_sides_and_its_server_follows_it() -> None:
    async def life() -> None:
        there = stage("r1")
        there.racks.claim("web")
        await until(lambda: there.racks.ready(WEB), 30, "bound and running")
        body = there.api.objects[WEB]
        ref = {"namespace": "team-a", "name": "web", "uid": body["metadata"]["uid"]}
        assert there.racks.claim_ref("r1") == ref
        assert FINALIZER in body["metadata"]["finalizers"]
        assert body["status"]["machineRef"] == {"namespace": "racks", "name": "r1"}
        assert (body["status"]["phase"], body["status"]["powerState"]) == ("Bound", "PoweredOn")
        assert body["status"]["hardware"] == {"cpu": 8, "memory": "16Gi"}
        assert there.racks.metal["r1"].on
        there.racks.claim("web", powerState="PoweredOff")
        await until(lambda: there.racks.ready(WEB) and not there.racks.metal["r1"].on, 30, "off")
        there.end()

    run(life())


def test_of_two_claims_for_the_last_server_one_wins_and_the_other_is_told_and_has_it_next() -> None:
    async def life() -> None:
        there = stage("r1")
        there.racks.claim("web")
        there.racks.claim("db", "team-b")
        bound = there.racks.bound
        await until(lambda: bound(WEB) != bound(DB) and (there.racks.waits(WEB) or there.racks.waits(DB)), 30, "one")
        winner, loser = (WEB, DB) if bound(WEB) else (DB, WEB)
        assert message(there, loser).startswith("0 of 1 PhysicalMachine can be taken: 1 claimed.")
        await until(lambda: there.racks.ready(winner), 30, "running")
        there.api.delete(winner)
        await there.seconds(1)
        assert there.api.status(winner)["phase"] == "Releasing"
        await until(lambda: winner not in there.api.objects, 30, "seen off and gone")
        await until(lambda: there.racks.ready(loser), 30, "the next")
        there.end()

    run(life())


def test_twenty_claims_race_for_twelve_servers() -> None:
    async def life() -> None:
        there = stage(*(f"r{number}" for number in range(12)))
        await there.seconds(5)
        before = len(there.wire.names)
        claims = [there.racks.claim(f"c{number}", f"team-{'ab'[number % 2]}") for number in range(20)]
        racks = there.racks
        await until(lambda: sum(map(racks.ready, claims)) == 12 and sum(map(racks.waits, claims)) == 8, 60, "at rest")
        assert racks.free() == []
        writes = there.wire.names[before:]
        # finalizer, claimRef, at most three statuses for each that is bound; finalizer and two for each that waits
        assert len(writes) <= 12 * 5 + 8 * 3
        there.end()

    run(life())


@pytest.mark.parametrize("watch_lag", [0.002, 0.5, 3.0])
def test_two_operators_that_both_believe_to_lead_bind_each_server_once(watch_lag: float) -> None:
    async def life() -> None:
        there = stage(*(f"r{number}" for number in range(4)), watch_lag=watch_lag)
        there.begin()
        await there.seconds(5)
        claims = [there.racks.claim(f"c{number}") for number in range(7)]
        racks = there.racks
        await until(lambda: sum(map(racks.ready, claims)) == 4 and sum(map(racks.waits, claims)) == 3, 300, "at rest")
        there.end()

    run(life())


def test_a_claim_spreads_over_zones_and_racks() -> None:
    async def life() -> None:
        there = Stage()
        for zone, rack, name in (("a", "1", "a11"), ("a", "1", "a12"), ("a", "2", "a21"), ("b", "1", "b11")):
            there.racks.add(name, labels={LABEL_ZONE: zone, LABEL_RACK: rack})
        there.begin()
        await there.seconds(5)
        taken = []
        for number in range(3):
            claim = there.racks.claim(f"c{number}")
            await until(lambda claim=claim: there.racks.bound(claim), 30, "bound")  # type: ignore[misc]
            taken.append(there.racks.machine(claim))
        assert taken == ["a11", "b11", "a21"]
        there.end()

    run(life())


def test_a_lost_claim_ref_is_put_back_and_a_forged_one_is_restored() -> None:
    async def life() -> None:
        there = stage("r1")
        there.racks.claim("web")
        await until(lambda: there.racks.ready(WEB), 30, "running")
        ours = there.racks.claim_ref("r1")
        for forged in (None, {"namespace": "team-b", "name": "db", "uid": "of nobody"}):
            there.racks.edit_server("r1", claimRef=forged)
            await until(lambda: there.racks.claim_ref("r1") == ours, 30, "put back")
            await until(lambda: there.racks.ready(WEB), 30, "running again")
        there.racks.claim("db", "team-b")
        await until(lambda: there.racks.waits(DB), 30, "told")
        uid = there.api.objects[DB]["metadata"]["uid"]
        there.racks.edit_server("r1", claimRef={"namespace": "team-b", "name": "db", "uid": uid})
        await until(lambda: there.racks.claim_ref("r1") == ours, 30, "put back")
        await there.seconds(5)
        assert there.racks.bound(WEB)
        assert there.racks.waits(DB)
        there.end()

    run(life())


def test_a_claim_ref_that_the_policy_does_not_allow_is_refused() -> None:
    async def life() -> None:
        there = Stage()
        there.racks.add("r1", claimPolicy={"namespaces": ["team-b"]})
        there.begin()
        there.racks.claim("web")
        await until(lambda: there.racks.waits(WEB), 30, "told")
        assert "1 not for this namespace" in message(there, WEB)
        uid = there.api.objects[WEB]["metadata"]["uid"]
        there.racks.edit_server("r1", claimRef={"namespace": "team-a", "name": "web", "uid": uid})
        await until(lambda: there.racks.claim_ref("r1") is None, 30, "refused")
        assert not there.racks.metal["r1"].on
        there.end()

    run(life())


def test_a_claim_ref_written_by_hand_for_a_claim_that_may_is_taken_up() -> None:
    async def life() -> None:
        there = stage("r1", "r2")
        there.racks.claim("web", selector={"matchLabels": {"none": "such"}})
        await until(lambda: there.racks.waits(WEB), 30, "told")
        uid = there.api.objects[WEB]["metadata"]["uid"]
        there.racks.edit_server("r2", claimRef={"namespace": "team-a", "name": "web", "uid": uid})
        await until(lambda: there.racks.ready(WEB), 30, "bound")
        assert there.racks.machine(WEB) == "r2"
        there.end()

    run(life())


def test_while_the_server_does_not_answer_a_deleted_claim_goes_at_once_and_the_server_stays_releasing() -> None:
    async def life() -> None:
        there = stage("r1")
        there.racks.claim("web")
        await until(lambda: there.racks.ready(WEB), 30, "running")
        there.racks.metal["r1"].answers = False
        there.see("r1")
        await until(lambda: there.api.status(WEB).get("phase") == "Unknown", 30, "unknown")
        there.api.delete(WEB)
        await until(lambda: WEB not in there.api.objects, 5, "gone at once")
        there.racks.claim("db", "team-b")
        await until(lambda: there.racks.waits(DB), 30, "told")
        await there.seconds(100)
        assert there.racks.claim_ref("r1") is not None
        assert there.racks.metal["r1"].on
        there.racks.metal["r1"].answers = True
        there.see("r1")
        await until(lambda: not there.racks.metal["r1"].on, TRANSITION + 1, "seen off")
        await until(lambda: there.racks.ready(DB), 30, "free for the next")
        there.end()

    run(life())


def test_a_server_whose_claim_went_while_no_operator_ran_is_seen_off_and_free() -> None:
    async def life() -> None:
        there = stage("r1")
        there.racks.claim("web")
        await until(lambda: there.racks.ready(WEB), 30, "running")
        there.die()
        del there.api.objects[WEB]  # the finalizer was taken off by hand
        there.racks.claim("web")  # and another of that name was made
        there.begin()
        await until(lambda: there.racks.claim_ref("r1") is None or there.racks.bound(WEB), 60, "free")
        assert not there.racks.metal["r1"].on or there.racks.bound(WEB)
        await until(lambda: there.racks.ready(WEB), 60, "the new one has it")
        assert there.racks.metal["r1"].ran_for == [there.api.objects[WEB]["metadata"]["uid"]]
        there.end()

    run(life())


def test_maintenance_is_waited_for_and_told_and_power_is_left_alone() -> None:
    async def life() -> None:
        there = stage("r1")
        there.racks.claim("web")
        await until(lambda: there.racks.ready(WEB), 30, "running")
        there.racks.edit_server("r1", maintenance={"enabled": True, "reason": "new fan"})
        await until(lambda: "in maintenance (new fan)" in message(there, WEB), 30, "told")
        there.api.delete(WEB)
        await there.seconds(100)
        assert WEB in there.api.objects
        assert "in maintenance (new fan)" in there.api.condition(WEB, "Deleting")["message"]
        there.racks.edit_server("r1", maintenance={"enabled": False})
        await until(lambda: WEB not in there.api.objects, 30, "gone")
        there.end()

    run(life())


def test_a_server_that_left_the_cluster_is_missed_and_no_other_is_taken() -> None:
    async def life() -> None:
        there = stage("r1", "r2")
        there.racks.claim("web")
        await until(lambda: there.racks.ready(WEB), 30, "running")
        name = there.racks.machine(WEB)
        there.api.delete(server_key(name))
        await until(lambda: there.api.condition(WEB, "Ready")["reason"] == "MachineGone", 30, "told")
        assert there.racks.machine(WEB) == name
        there.racks.add(name)
        await until(lambda: there.racks.ready(WEB), 90, "back")
        there.end()

    run(life())


def test_a_binding_whose_reply_was_lost_is_looked_at_before_another_server_is_taken() -> None:
    async def life() -> None:
        there = stage("r1", "r2", watch_lag=30.0)  # the watch does not show it for long
        there.racks.metal["r1"].health = "Critical"
        await there.seconds(70)
        there.wire.strikes[len(there.wire.names) + 1] = Place.LOST  # after the finalizer
        there.racks.claim("web")
        await until(lambda: there.racks.claim_ref("r2") is not None, 60, "struck")
        there.racks.metal["r1"].health = "OK"  # so that this one would be chosen now
        there.see("r1")
        await until(lambda: there.racks.bound(WEB), 20, "bound")
        assert there.racks.machine(WEB) == "r2"
        assert there.racks.free() == ["r1"]
        there.end()

    run(life())


def test_an_edit_that_a_claim_reads_before_the_watch_shows_it_is_acted_on() -> None:
    async def life() -> None:
        there = stage("r1", watch_lag=30.0)
        await there.seconds(70)
        before = len(there.wire.names)
        there.wire.late = 5.0
        there.wire.strikes[before + 1] = Place.CUT  # after the finalizer: it comes after the edit, which refuses it
        there.racks.claim("web")
        await until(lambda: len(there.wire.names) > before + 1, 60, "struck")
        there.racks.edit_server("r1", maintenance={"enabled": True})
        await there.seconds(60)
        assert there.racks.claim_ref("r1") is None
        body = there.api.objects[server_key("r1")]
        assert body["status"]["observedGeneration"] == body["metadata"]["generation"]
        there.end()

    run(life())


def test_servers_that_come_free_together_are_bound_together() -> None:
    async def life() -> None:
        there = stage("r1", "r2")
        metal = there.racks.metal
        metal["r1"].health = metal["r2"].health = "Critical"
        await there.seconds(2)
        claims = [there.racks.claim(f"c{number}") for number in range(3)]
        await until(lambda: all(map(there.racks.waits, claims)), 30, "all wait")
        await there.seconds(5)
        metal["r1"].health = metal["r2"].health = "OK"
        there.see("r1")
        there.see("r2")
        await until(lambda: there.racks.free() == [], 1, "both bound")
        there.end()

    run(life())


def test_the_claim_of_a_server_that_is_called_released_is_asked_for_itself() -> None:
    """The store may not have it yet: nothing is taken from a claim that lives."""

    async def life() -> None:
        there = stage("r1")
        there.racks.claim("web")
        await until(lambda: there.racks.ready(WEB), 30, "running")
        operator = there.operators[0]
        operator.store.drop(WEB)
        body = there.api.objects[server_key("r1")]
        row = {"type": "Claimed", "status": "False", "reason": "Released", "message": ""}
        row["observedGeneration"] = body["metadata"]["generation"]
        rest = [each for each in body["status"]["conditions"] if each["type"] != "Claimed"]
        metadata = {"resourceVersion": body["metadata"]["resourceVersion"]}
        there.api.patch_status(server_key("r1"), {"metadata": metadata, "status": {"conditions": [*rest, row]}})
        await there.seconds(5)
        assert there.racks.claim_ref("r1") is not None
        there.end()

    run(life())


def test_a_settled_claim_causes_no_write() -> None:
    async def life() -> None:
        there = stage("r1")
        there.racks.claim("web")
        there.racks.claim("db", "team-b")
        await until(lambda: there.racks.ready(WEB) or there.racks.ready(DB), 30, "running")
        await there.seconds(30)
        before = there.api.version
        await there.seconds(600)
        there.die()
        there.begin()
        await there.seconds(600)
        assert there.api.version == before
        there.end()

    run(life())
