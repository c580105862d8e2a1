"""What nobody should do and somebody does: statuses written by hand, hasty edits, odd deletions, odd words."""

import base64
import gzip
import json
from typing import Any

import pytest
from tests.e2e.manifests import secret
from tests.e2e.sites import Cloud
from tests.e2e.world import PLURAL, World, eventually, machine


def say(world: World, name: str, **status: Any) -> None:
    """As somebody with a right on the status subresource."""
    change = json.dumps({"status": status})
    world.kubectl("patch", PLURAL, name, "--subresource=status", "--type=merge", "-p", change)


def test_a_status_written_by_hand_is_put_right_and_leads_to_no_other_machine(home: World) -> None:
    """B53: the ledger names a machine of somebody else; the owner mark on the site says whose it is."""
    home.apply(machine("mis-victim"), machine("mis-thief"))
    for name in ("mis-victim", "mis-thief"):
        home.ready(name, 30)
    victim, mine = home.sim.machine("mis-victim"), home.sim.machine("mis-thief")
    (row,) = home.status("mis-thief")["resources"]
    forged = {**row, "id": victim["id"]}
    say(home, "mis-thief", resources=[forged], phase="Failed", powerState="PoweredOff", providerID="simulated:///x")
    eventually(lambda: home.status("mis-thief").get("phase") != "Failed", 30, "what is told is put right")
    home.kubectl("delete", "hvm", "mis-thief", "--wait=false")
    home.gone("mis-thief", 60)
    assert home.sim.by_id(victim["id"]) == victim
    home.ready("mis-victim", 30)
    assert mine["id"] not in [each["id"] for each in home.sim.ask("GET", "/v1/machines?limit=1000")["machines"]]
    home.delete("mis-victim")


@pytest.mark.parametrize("row", ["server", "extra/{}"])
def test_a_row_written_by_hand_deletes_no_machine_of_another(home: World, row: str) -> None:
    """B53, where the thief has no machine of its own any more: only the mark on the site says whose it is."""
    home.apply(machine("mis-owner"), machine("mis-robber"))
    for name in ("mis-owner", "mis-robber"):
        home.ready(name, 30)
    victim, mine = home.sim.machine("mis-owner"), home.sim.machine("mis-robber")
    (own,) = home.status("mis-robber")["resources"]
    forged = {**own, "id": victim["id"], "name": row.format(victim["id"])}
    home.kubectl("annotate", "hvm", "mis-robber", "compute.hostwright.dev/paused=forged")
    home.sim.ask("DELETE", f"/control/machines/{mine['id']}")
    say(home, "mis-robber", resources=[forged])
    home.kubectl("delete", "hvm", "mis-robber", "--wait=false")
    home.kubectl("annotate", "hvm", "mis-robber", "compute.hostwright.dev/paused-")
    told = eventually(lambda: home.condition("mis-robber", "Stalled"), 60, "told")
    assert told["reason"] == "OwnershipMismatch"
    assert victim["id"] in told["message"]
    assert home.sim.by_id(victim["id"]) == victim
    home.patch("mis-robber", {"deletionPolicy": "Retain"})  # the way out that it names
    home.gone("mis-robber", 60)
    assert home.sim.by_id(victim["id"]) == victim
    home.ready("mis-owner", 30)
    home.delete("mis-owner")


def test_a_hundred_hasty_edits_of_the_power_end_as_the_last_one_says(home: World) -> None:
    """B51: whatever is skipped between, each call answers a wish that stood when it was sent."""
    home.apply(machine("mis-flips"))
    home.ready("mis-flips", 30)
    before = home.sim.calls()
    for number in range(100):
        home.eyes.edit("mis-flips", {"powerState": ("PoweredOff", "PoweredOn")[number % 2]})
    home.eyes.edit("mis-flips", {"powerState": "PoweredOff"})
    home.ready("mis-flips", 60)
    assert not home.sim.machine("mis-flips")["poweredOn"]
    now = home.sim.calls()
    sent = sum(now.get(verb, 0) - before.get(verb, 0) for verb in ("start", "stop"))
    assert 0 < sent <= 100
    print(f"\nbar: 100 edits of the power, one after the other: {sent} power calls, and rest as the last one says")
    home.delete("mis-flips")


@pytest.mark.parametrize("how", ["background", "foreground", "orphan"])
def test_deleted_while_it_is_made_and_again_it_leaves_nothing(home: World, how: str) -> None:
    """B52."""
    name = f"mis-{how}"
    home.sim.set(buildSeconds=3.0)
    try:
        home.apply(machine(name))
        eventually(lambda: home.sim.machines(name), 30, "the creation was sent")
        for _ in range(2):
            home.kubectl("delete", "hvm", name, f"--cascade={how}", "--wait=false")
        home.gone(name, 60)
    finally:
        home.sim.set(buildSeconds=0.0)
    assert home.sim.machines(name) == []


def test_another_controllers_finalizer_holds_the_object_and_not_the_machine(home: World) -> None:
    """B43: and while it holds it, nothing is written and no machine comes back."""
    home.apply({**machine("mis-held"), "metadata": {"name": "mis-held", "finalizers": ["example.com/backup"]}})
    home.ready("mis-held", 30)
    home.kubectl("delete", "hvm", "mis-held", "--wait=false")
    eventually(lambda: not home.sim.machines("mis-held"), 30, "the machine is gone")
    ours = "compute.hostwright.dev/finalizer"
    held = eventually(lambda: _without(home, "mis-held", ours), 60, "our finalizer is gone")
    home.kubectl("label", "hvm", "mis-held", "touched=yes")
    home.patch("mis-held", {"powerState": "PoweredOff"})
    calls = home.sim.calls().get("create", 0)
    home.apply(machine("mis-next"))  # served after what was touched
    home.ready("mis-next", 30)
    assert home.sim.calls().get("create", 0) == calls + 1
    assert (home.get("mis-held") or {}).get("status") == held["status"]
    home.kubectl("patch", PLURAL, "mis-held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    home.gone("mis-held")
    home.delete("mis-next")


def _without(world: World, name: str, finalizer: str) -> dict[str, Any] | None:
    body = world.get(name) or {}
    return None if finalizer in body["metadata"].get("finalizers", ()) else body


def test_words_of_a_backend_cannot_forge_lines_of_the_log(home: World) -> None:
    """B54: an error with a newline, a colour and a line that looks like one of ours."""
    forged = 'no\n{"event": "leading", "level": "info"}\x1b[31m\u202e'
    home.sim.ask("POST", "/control/builds", {"count": 1, "message": forged})
    home.apply(machine("mis-words"))
    home.ready("mis-words", 90)
    lines = home.at_home().text().splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines if line.startswith("{"))
    assert '{"event": "leading", "level": "info"}' not in lines
    told = json.dumps(home.events("mis-words")) + "".join(lines)
    assert "\x1b" not in told
    assert "\u202e" not in "".join(lines)
    home.delete("mis-words")


OPAQUE = {
    "gzip": gzip.compress(b"#cloud-config\n", mtime=0),
    "mime": b'Content-Type: multipart/mixed; boundary="x"\n\n--x\n\n#!/bin/sh\n--x--\n',
    "jinja": b"## template: jinja\n#cloud-config\n# {{ v1.region }} ${x} %s\n",
    "binary": bytes(range(256)),
}


def test_user_data_reaches_nova_byte_for_byte(home: World, cloud: Cloud) -> None:
    """B15, B18: whatever it is, it is the guest's to read."""
    made = []
    for kind, data in OPAQUE.items():
        name = f"mis-{kind}"
        body = secret(name, "default")
        body.pop("stringData", None)
        home.apply({**body, "data": {"userData": base64.b64encode(data).decode()}})
        ref = {"cloudInit": {"userDataRef": {"name": name, "key": "userData"}}}
        home.apply(machine(name, "os-lab", bootstrap=ref))
        made.append(name)
    for name, data in zip(made, OPAQUE.values(), strict=True):
        home.ready(name, 90)
        (row,) = cloud.servers(name)
        kept = cloud.admin.compute.get(f"/servers/{row.id}", microversion="2.3").json()["server"]
        assert base64.b64decode(kept["OS-EXT-SRV-ATTR:user_data"]) == data
    home.delete(*made)


def test_a_name_that_is_a_pattern_is_a_name(home: World, cloud: Cloud) -> None:
    """B8: Nova's filters are patterns; no flavor, image or key pair is found by one."""
    there = {row.name for row in cloud.user.compute.flavors()}
    assert "m1.nano" in there
    body = machine("mis-pattern", "os-lab", openstack={"flavor": {"name": "m1.n.no"}})
    del body["spec"]["classRef"]
    home.apply(body)
    told = eventually(lambda: home.condition("mis-pattern", "Stalled"), 30)
    assert (told["reason"], cloud.servers("mis-pattern")) == ("FlavorNotFound", [])
    home.delete("mis-pattern")
