"""A machine on vSphere as its user sees it, by the operator as a process."""

import base64
import json
import time

from tests.e2e.world import World, eventually, machine
from tests.e2e_vsphere.vcenter import machines, only

from hostwright.sandbox.vsphere import server
from hostwright.sandbox.vsphere.control import Control

PROVIDER = "vc-lab"


def test_the_provider_and_its_catalog_are_ready(home: World) -> None:
    status = home.ready(PROVIDER, 60, "hpr")["status"]
    assert status["identity"]["instanceUUID"]
    assert {row["name"]: row["id"][:11] for row in status["networks"]} == {"app": "dvportgroup", "db": "dvportgroup"}
    assert status["apiVersion"].startswith("VirtualCenter 8")


def test_from_apply_to_ready_to_gone(home: World, behind: Control) -> None:
    interfaces = [
        {"name": "eth0", "networkRef": {"name": "app"}, "addresses": ["10.1.77.7/16"]},
        {"name": "eth1", "networkRef": {"name": "db"}, "macAddress": "00:50:56:01:02:03"},
    ]
    body = machine(
        "whole",
        PROVIDER,
        classRef={"name": "medium"},
        tags={"team": "a"},
        network={"interfaces": interfaces},
        vsphere={"extraConfig": {"disk.EnableUUID": "TRUE", "sched.mem.pin": "TRUE", "svga.vramSize": "8388608"}},
        bootstrap={"cloudInit": {"sshAuthorizedKeys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ me"]}},
    )
    before = behind.last_call()
    home.apply(body)
    home.ready("whole", 60)
    status = eventually(lambda: home.status("whole") if len(home.status("whole").get("addresses") or ()) == 2 else None)
    row = only(behind, "whole")
    assert status["providerID"].endswith(row["id"])
    assert (row["power"], row["cpu"], row["memoryMiB"]) == ("poweredOn", 2, 1024)
    assert status["hardware"] == {"cpu": 2, "memory": "1Gi"}
    assert status["addresses"][0] == {"type": "InternalIP", "address": "10.1.77.7"}
    assert sorted(row["nics"].values()) == ["app", "db"]
    assert row["nics"]["00:50:56:01:02:03"] == "db"
    assert row["attributes"] == {"team": "a"}
    options = row["extraConfig"]
    assert options["disk.EnableUUID"] == "TRUE"
    assert options["hostwright.mark"].startswith("hw:")
    assert (options["sched.mem.pin"], options["svga.vramSize"]) == ("TRUE", "8388608")
    assert not [call for call in behind.calls(before) if call["method"] == "ReconfigVM_Task"], "the clone is whole"
    data = json.loads(base64.b64decode(options["guestinfo.metadata"]))
    assert data["local-hostname"] == "whole"
    assert b"ssh-ed25519" in base64.b64decode(options["guestinfo.userdata"])
    home.delete("whole")
    assert machines(behind, "whole") == []


def test_a_failure_domain_is_where_the_provider_says(home: World, behind: Control) -> None:
    home.apply(machine("there", PROVIDER, failureDomain="az2"), machine("moon", PROVIDER, failureDomain="az9"))
    body = home.ready("there", 60)
    assert body["status"]["failureDomain"] == "az2"
    domain = next(each for each in server.FAILURE_DOMAINS if each.name == "az2")
    row = only(behind, "there")
    assert (row["pool"], row["datastore"]) == (domain.pool, domain.datastore)
    home.patch("there", {"failureDomain": "az1"})
    (waits,) = eventually(lambda: home.status("there").get("pendingChanges"), 20)
    assert (waits["path"], waits["from"], waits["to"], waits["disruption"]) == (
        "/failureDomain",
        "az2",
        "az1",
        "Replace",
    )
    told = eventually(lambda: home.condition("moon", "Stalled"), 30)
    assert (told["reason"], "az1, az2" in told["message"]) == ("InvalidConfiguration", True)
    home.delete("there", "moon")


def test_switched_off_behind_our_back_is_seen_and_mended(home: World, behind: Control) -> None:
    home.apply(machine("watched", PROVIDER))
    home.ready("watched", 60)
    row = only(behind, "watched")
    behind.power(row["id"], "off")
    began = time.monotonic()
    eventually(lambda: home.condition("watched", "PowerStateSynced").get("status") == "False" or _on(behind), 10)
    eventually(lambda: _on(behind), 10)
    seen = time.monotonic() - began
    print(f"\nbar: a power-off behind our back on vcsim is seen and answered in {seen:.2f} s (2 s)")
    assert seen <= 2.0
    assert eventually(lambda: home.events("watched", "DriftDetected"), 10)
    home.ready("watched")
    home.delete("watched")


def _on(behind: Control) -> bool:
    return bool(only(behind, "watched")["power"] == "poweredOn")


def test_a_machine_that_is_only_observed_is_told_of_and_left(home: World, behind: Control) -> None:
    home.apply(machine("seen", PROVIDER, tags={"team": "a"}))
    home.ready("seen", 60)
    home.patch("seen", {"managementPolicy": "ObserveOnly"})
    home.ready("seen")
    item, before = only(behind, "seen")["id"], behind.last_call()
    behind.power(item, "off")
    behind.configure(item, attributes={"team": "stranger"})
    paths = {"/powerState", "/tags/team"}
    eventually(lambda: {row["path"] for row in home.status("seen").get("drift") or ()} == paths, 20, "the drift told")
    home.delete("seen")
    row = only(behind, "seen")
    assert (row["id"], row["power"], row["attributes"]) == (item, "poweredOff", {"team": "stranger"})
    assert [
        call["object"] for call in behind.calls(before) if call["object"] == item and call["method"].endswith("_Task")
    ] == []
    behind.destroy(item)


def test_power_off_asks_the_guest_and_switches_one_off_that_does_not_listen(home: World, behind: Control) -> None:
    deaf = {"powerOffMode": "TrySoft", "timeouts": {"powerOff": "2s"}}
    home.apply(
        machine("soft", PROVIDER), machine("deaf", PROVIDER, **deaf), machine("hard", PROVIDER, powerOffMode="Hard")
    )
    ids = {}
    for name in ("soft", "deaf", "hard"):
        home.ready(name, 60)
        ids[name] = only(behind, name)["id"]
        eventually(lambda name=name: home.status(name).get("addresses"), 20)  # VMware Tools run
    behind.guest(ids["deaf"], deaf=True)
    before = behind.last_call()
    for name in ids:
        home.patch(name, {"powerState": "PoweredOff"})
    for name in ids:
        eventually(lambda name=name: only(behind, name)["power"] == "poweredOff", 30, name)
        home.ready(name)
    calls = [(row["object"], row["method"]) for row in behind.calls(before)]
    wanted = {"soft": ["ShutdownGuest"], "deaf": ["ShutdownGuest", "PowerOffVM_Task"], "hard": ["PowerOffVM_Task"]}
    powers = ("ShutdownGuest", "PowerOffVM_Task")
    for name, methods in wanted.items():
        assert [method for item, method in calls if item == ids[name] and method in powers] == methods, name
    home.delete(*ids)


def test_restart_tags_drift_and_retain(home: World, behind: Control) -> None:
    home.apply(machine("kept", PROVIDER, tags={"team": "a", "tier": "web"}, deletionPolicy="Retain"))
    home.ready("kept", 60)
    row = only(behind, "kept")
    before = behind.last_call()
    home.patch("kept", {"restartedAt": "now", "tags": {"tier": None, "team": "b"}})
    eventually(lambda: home.events("kept", "Restarted"), 30)
    home.ready("kept")
    power = [call["method"] for call in behind.calls(before) if call["object"] == row["id"]]
    assert [method for method in power if method.startswith(("Shutdown", "PowerO"))] in (
        ["ShutdownGuest", "PowerOnVM_Task"],
        ["PowerOffVM_Task", "PowerOnVM_Task"],
    )
    behind.configure(
        row["id"], attributes={"team": "stranger", "theirs": "stays"}, extra_config={"hostwright.mark": ""}
    )
    eventually(lambda: only(behind, "kept")["attributes"].get("team") == "b", 20)
    eventually(lambda: only(behind, "kept")["extraConfig"].get("hostwright.mark"), 20)
    home.ready("kept")
    attributes = {key: value for key, value in only(behind, "kept")["attributes"].items() if value}
    assert attributes == {"team": "b", "theirs": "stays"}
    home.delete("kept")
    left = only(behind, "kept")
    assert (left["id"], left["power"]) == (row["id"], "poweredOn")
    assert "hostwright.mark" not in left["extraConfig"]
    behind.destroy(left["id"])


def test_a_persons_clone_of_our_machine_is_told_and_left_alone(home: World, behind: Control) -> None:
    home.apply(machine("cloned", PROVIDER))
    home.ready("cloned", 60)
    row = only(behind, "cloned")
    behind.clone(row["id"], "a-persons-copy")
    eventually(lambda: home.condition("cloned", "Ready").get("reason") == "OwnershipMismatch", 20)
    assert home.condition("cloned", "Ready")["status"] == "True"
    home.kubectl("delete", "hvm", "cloned", "--wait=false")
    eventually(lambda: machines(behind, "cloned") == [], 30)
    assert "/dc1/vm/hostwright/a-persons-copy" in behind.machines()
    behind.destroy("a-persons-copy")
    home.gone("cloned", 90)


def test_what_cannot_be_made_is_told_and_recovers(home: World, behind: Control) -> None:
    home.apply(
        machine("no-net", PROVIDER, network={"interfaces": [{"name": "eth0", "networkRef": {"name": "moon"}}]}),
        machine("no-pool", PROVIDER, vsphere={"resourcePool": "moon"}),
        machine("shut", PROVIDER, network=_shut()),
    )
    for name, reason in (
        ("no-net", "NetworkNotFound"),
        ("no-pool", "InvalidConfiguration"),
        ("shut", "SecurityGroupNotFound"),
    ):
        told = eventually(lambda name=name: home.condition(name, "Stalled"), 30, name)
        assert told["reason"] == reason
        assert told["message"].endswith("You must act.") or "You" in told["message"], told
    home.patch("no-pool", {"vsphere": None})
    home.ready("no-pool", 60)
    home.delete("no-net", "no-pool", "shut")


def _shut() -> dict[str, object]:
    return {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}, "securityGroups": ["x"]}]}


def test_no_room_is_told_and_waited_out(home: World, behind: Control) -> None:
    behind.rule("CloneVM_Task", "taskFault", fault="InsufficientResourcesFault", times=1)
    home.apply(machine("no-room", PROVIDER))
    told = eventually(lambda: home.condition("no-room", "Ready") or None, 30)
    eventually(lambda: home.condition("no-room", "Ready")["reason"] == "NoValidHost", 30)
    told = home.condition("no-room", "Ready")
    assert "insufficient resources" in told["message"]
    assert machines(behind, "no-room") == []
    home.delete("no-room")


def test_ended_sessions_are_renewed_once(home: World, behind: Control) -> None:
    home.apply(machine("lasting", PROVIDER))
    home.ready("lasting", 60)
    before = behind.last_call()
    assert behind.end_sessions() >= 1
    behind.power(only(behind, "lasting")["id"], "off")
    eventually(lambda: only(behind, "lasting")["power"] == "poweredOn", 20)
    logins = [row for row in behind.calls(before) if row["method"] == "Login"]
    assert len(logins) == 1
    assert len(behind.sessions()) == 1
    home.delete("lasting")
