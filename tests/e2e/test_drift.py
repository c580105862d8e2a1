"""A machine changed behind our back: repaired, told, or left alone, as the object says."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.world import World, eventually, machine

TAGS = {"team": "a", "tier": "web"}
#: One machine for each story, all made at once.
MODES: dict[str, dict[str, Any]] = {
    "drift-enabled": {"tags": TAGS},
    "drift-warn": {"tags": TAGS, "driftDetection": {"mode": "Warn"}},
    "drift-disabled": {"tags": TAGS, "driftDetection": {"mode": "Disabled"}},
    "drift-ignored": {"tags": TAGS, "driftDetection": {"ignore": ["/tags/team"]}},
    "drift-observed": {"tags": TAGS},
    "drift-gone": {},
    "drift-paused": {},
    "drift-frozen": {"tags": TAGS, "updatePolicy": {"maxDisruption": "None"}},
    "drift-provider": {},
}


@pytest.fixture(scope="module")
def fleet(world: World) -> Iterator[World]:
    world.at_home()
    world.apply(*(machine(name, **spec) for name, spec in MODES.items()))
    for name in MODES:
        world.ready(name, 60)
    yield world
    world.delete(*(name for name in MODES if world.get(name)))


def test_enabled_powers_it_on_again_on_each_site(home: World, provider: str) -> None:
    name = f"drift-power-{provider}"
    home.apply(machine(name, provider))
    home.ready(name, 60)
    if provider == "sim":
        home.sim.change(home.sim.machine(name)["id"], poweredOn=False)
    else:
        home.cloud.guests.off(home.cloud.servers(name)[0].id)
    began = time.monotonic()
    event = eventually(lambda: home.events(name, "DriftDetected"), 30, "the drift is told")
    print(f"\nbar: power switched off behind our back on {provider}: told after {time.monotonic() - began:.1f} s")
    assert "was powered off by somebody else; powering on again" in event[0]["message"]
    eventually(lambda: home.condition(name, "PowerStateSynced").get("status") == "True", 30, "repaired")
    assert home.ready(name)["status"]["powerState"] == "PoweredOn"
    if provider == "sim":
        assert home.sim.machine(name)["poweredOn"]
    else:
        assert home.cloud.servers(name)[0].status == "ACTIVE"
    assert len(home.events(name, "DriftDetected")) == 1
    home.delete(name)


def test_enabled_sets_tags_back_and_leaves_those_of_others(fleet: World) -> None:
    row = fleet.sim.machine("drift-enabled")
    fleet.sim.change(row["id"], tags={"team": "b", "tier": None, "theirs": "x"})
    eventually(lambda: fleet.sim.by_id(row["id"])["tags"] == {**TAGS, "theirs": "x"}, 15, "tags repaired")
    told = eventually(lambda: fleet.events("drift-enabled", "DriftDetected"), 10)
    assert "/tags/" in told[0]["message"]
    assert "set back" in told[0]["message"]
    status = fleet.ready("drift-enabled")["status"]
    assert "drift" not in status
    assert not fleet.condition("drift-enabled", "Drifted")


def test_warn_tells_it_and_repairs_nothing(fleet: World) -> None:
    row = fleet.sim.machine("drift-warn")
    fleet.sim.change(row["id"], poweredOn=False, tags={"team": "b"})
    told = eventually(lambda: fleet.condition("drift-warn", "Drifted"), 15, "Drifted")
    assert told["status"] == "True"
    status = fleet.ready("drift-warn")["status"]
    assert {item["path"]: (item["wanted"], item["found"]) for item in status["drift"]} == {
        "/powerState": ("PoweredOn", "PoweredOff"),
        "/tags/team": ("a", "b"),
    }
    assert status["powerState"] == "PoweredOff"
    fleet.patch("drift-warn", {"powerState": "PoweredOff"})  # the user's own wish is followed all the same
    eventually(lambda: [item["path"] for item in fleet.status("drift-warn")["drift"]] == ["/tags/team"], 15)
    fleet.patch("drift-warn", {"powerState": "PoweredOn"})
    eventually(lambda: fleet.sim.by_id(row["id"])["poweredOn"], 15, "the user's own wish")
    assert fleet.sim.by_id(row["id"])["tags"]["team"] == "b"
    fleet.sim.change(row["id"], tags={"team": "a"})
    eventually(lambda: "drift" not in fleet.status("drift-warn"), 15, "the drift is over")
    assert not fleet.condition("drift-warn", "Drifted")


def test_disabled_neither_tells_nor_repairs(fleet: World) -> None:
    row = fleet.sim.machine("drift-disabled")
    events = len(fleet.events("drift-disabled"))
    fleet.sim.change(row["id"], poweredOn=False, tags={"team": "b"})
    eventually(lambda: fleet.status("drift-disabled")["powerState"] == "PoweredOff", 15, "seen")
    status = fleet.ready("drift-disabled")["status"]
    assert "drift" not in status
    assert "operation" not in status
    assert not fleet.condition("drift-disabled", "Drifted")
    assert len(fleet.events("drift-disabled")) == events
    after = fleet.sim.by_id(row["id"])
    assert (after["poweredOn"], after["tags"]["team"]) == (False, "b")


def test_an_ignored_path_is_left_alone(fleet: World) -> None:
    row = fleet.sim.machine("drift-ignored")
    fleet.sim.change(row["id"], poweredOn=False, tags={"team": "b"})
    eventually(lambda: fleet.events("drift-ignored", "DriftDetected"), 15, "the power is not ignored")
    eventually(lambda: fleet.sim.by_id(row["id"])["poweredOn"], 15, "nor left as it is")
    status = fleet.ready("drift-ignored")["status"]
    assert "drift" not in status
    assert fleet.sim.by_id(row["id"])["tags"] == {"team": "b", "tier": "web"}
    assert len(fleet.events("drift-ignored", "DriftDetected")) == 1


def test_an_ignored_key_is_left_alone_when_its_neighbour_is_repaired(fleet: World) -> None:
    row = fleet.sim.machine("drift-ignored")
    fleet.sim.change(row["id"], tags={"team": "c", "tier": "db"})
    eventually(lambda: fleet.sim.by_id(row["id"])["tags"]["tier"] == "web", 15, "tier is repaired")
    fleet.ready("drift-ignored")
    assert fleet.sim.by_id(row["id"])["tags"]["team"] == "c"


def test_warn_repairs_nothing_when_the_user_changes_a_neighbour(fleet: World) -> None:
    row = fleet.sim.machine("drift-warn")
    fleet.sim.change(row["id"], tags={"team": "b"})
    eventually(lambda: fleet.condition("drift-warn", "Drifted"), 15, "Drifted")
    fleet.patch("drift-warn", {"tags": {"tier": "db"}})
    eventually(lambda: fleet.sim.by_id(row["id"])["tags"]["tier"] == "db", 15, "the user's own change")
    fleet.ready("drift-warn")
    assert fleet.sim.by_id(row["id"])["tags"]["team"] == "b"


def test_observe_only_makes_no_call_and_shows_what_it_sees(fleet: World) -> None:
    row = fleet.sim.machine("drift-observed")
    fleet.patch("drift-observed", {"managementPolicy": "ObserveOnly"})
    fleet.ready("drift-observed")
    fleet.patch("drift-observed", {"powerState": "PoweredOff", "restartedAt": "now", "tags": {"team": "z"}})
    told = eventually(lambda: fleet.condition("drift-observed", "Drifted"), 15, "Drifted")
    assert "/powerState" in told["message"]
    fleet.sim.change(row["id"], tags={"tier": "db"})
    row = fleet.sim.by_id(row["id"])
    eventually(
        lambda: (
            {item["path"] for item in fleet.status("drift-observed").get("drift") or ()}
            == {"/powerState", "/tags/team", "/tags/tier"}
        ),
        15,
        "all differences are shown",
    )
    body = fleet.ready("drift-observed")
    assert body["status"]["powerState"] == "PoweredOn"
    assert not [event for event in fleet.events("drift-observed") if event["reason"] == "Restarted"]
    fleet.delete("drift-observed")
    assert fleet.sim.by_id(row["id"]) == row  # its revision counts every change
    fleet.sim.lose(row["id"])


def test_a_paused_provider_only_observes_its_machines(fleet: World) -> None:
    row = fleet.sim.machine("drift-provider")
    fleet.kubectl("patch", "hpr", "sim", "--type=merge", "-p", '{"spec":{"paused":true}}')
    eventually(lambda: fleet.condition("sim", "Paused", "hpr"), 10)
    fleet.sim.change(row["id"], poweredOn=False)
    eventually(lambda: fleet.condition("drift-provider", "Drifted"), 15, "told")
    assert not fleet.sim.by_id(row["id"])["poweredOn"]
    fleet.kubectl("patch", "hpr", "sim", "--type=merge", "-p", '{"spec":{"paused":false}}')
    eventually(lambda: fleet.sim.by_id(row["id"])["poweredOn"], 20, "repaired once the Provider goes on")


def test_deleted_behind_our_back_it_is_told_and_not_made_again(fleet: World) -> None:
    lost = fleet.sim.machine("drift-gone")["id"]
    fleet.sim.lose(lost)
    told = eventually(lambda: fleet.condition("drift-gone", "Stalled"), 15, "told")
    assert told["reason"] == "MachineDeletedExternally"
    assert lost in told["message"]
    assert "You must act" in told["message"]
    assert fleet.condition("drift-gone", "Ready")["status"] == "False"
    eventually(lambda: fleet.events("drift-gone", "MachineDeletedExternally"), 15, "an Event follows the status")
    assert len(fleet.events("drift-gone", "MachineDeletedExternally")) == 1
    fleet.patch("drift-gone", {"tags": {"team": "b"}})  # an edit makes no new machine either
    eventually(
        lambda: fleet.status("drift-gone")["observedGeneration"] == fleet.get("drift-gone")["metadata"]["generation"],  # type: ignore[index]
        15,
    )
    assert fleet.sim.machines("drift-gone") == []
    fleet.delete("drift-gone")
    fleet.apply(machine("drift-gone"))  # as the message says
    fleet.ready("drift-gone", 30)
    assert fleet.sim.machine("drift-gone")["id"] != lost


def test_a_paused_machine_is_repaired_when_the_pause_is_over(fleet: World) -> None:
    row = fleet.sim.machine("drift-paused")
    fleet.kubectl("annotate", "hvm", "drift-paused", "compute.hostwright.dev/paused=CHG-2 disk surgery")
    paused = eventually(lambda: fleet.condition("drift-paused", "Paused"), 10)
    assert paused["message"] == "CHG-2 disk surgery"
    before = fleet.get("drift-paused")["metadata"]["generation"]  # type: ignore[index]
    fleet.sim.change(row["id"], poweredOn=False)
    fleet.patch("drift-paused", {"tags": {"team": "b"}})
    fleet.patch("drift-enabled", {"tags": {"after": "it"}})  # what another machine shows, this one would have shown
    eventually(lambda: fleet.sim.machine("drift-enabled")["tags"].get("after") == "it", 15)
    assert not fleet.sim.by_id(row["id"])["poweredOn"]
    assert "team" not in fleet.sim.by_id(row["id"])["tags"]
    assert fleet.status("drift-paused")["observedGeneration"] == before
    assert fleet.condition("drift-paused", "Ready")["status"] == "True"
    fleet.kubectl("annotate", "hvm", "drift-paused", "compute.hostwright.dev/paused-")
    eventually(lambda: fleet.sim.by_id(row["id"])["tags"].get("team") == "b", 15)
    eventually(lambda: fleet.sim.by_id(row["id"])["poweredOn"], 15)
    fleet.ready("drift-paused")
    assert not fleet.condition("drift-paused", "Paused")


def test_what_max_disruption_forbids_waits_until_it_is_taken_back_or_allowed(fleet: World) -> None:
    def pending() -> dict[str, str]:
        rows = fleet.status("drift-frozen").get("pendingChanges") or ()
        return {row["path"]: row["waitingFor"] for row in rows}

    row = fleet.sim.machine("drift-frozen")
    interfaces = [{"name": name, "networkRef": {"name": net}} for name, net in (("eth0", "app"), ("eth1", "db"))]
    fleet.patch("drift-frozen", {"tags": {"team": "b"}, "network": {"interfaces": interfaces}})
    eventually(lambda: pending().get("/tags/team") == "MaxDisruption", 15, "the tag waits")
    assert len(pending()) == 2
    assert fleet.condition("drift-frozen", "Ready")["reason"] == "ChangesPending"
    assert fleet.condition("drift-frozen", "UpToDate")["status"] == "False"
    assert not fleet.condition("drift-frozen", "Reconciling")
    assert fleet.sim.by_id(row["id"])["revision"] == row["revision"]
    fleet.patch("drift-frozen", {"updatePolicy": {"maxDisruption": "Live"}})
    eventually(lambda: fleet.sim.by_id(row["id"])["tags"]["team"] == "b", 15, "allowed, it is made")
    eventually(lambda: set(pending().values()) == {"NotYetSupported"}, 15, "no backend plugs in a network yet")
    fleet.patch("drift-frozen", {"network": {"interfaces": interfaces[:1]}})
    eventually(lambda: not pending(), 15, "taken back")
    assert fleet.ready("drift-frozen")["status"]["phase"] == "Running"
    assert fleet.condition("drift-frozen", "UpToDate")["status"] == "True"
