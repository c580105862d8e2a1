"""What an import does where rows are written by hand, the manifest is corrected, or the operator dies as it binds."""

import base64
import json
from typing import Any

from tests.e2e.killed import FLAGS
from tests.e2e.manifests import platform
from tests.e2e.sites import Cloud, Row
from tests.e2e.world import PLURAL, World, eventually, machine
from tests.e2e_openstack.by_hand import ETH0, ETH1, PORT_WORDS, ByHand, drift, imported, ledger, marks

from hostwright.core.names import owner_mark

PAUSED = "compute.hostwright.dev/paused"


def row(name: str, item: str, ownership: str = "Adopted") -> Row:
    return {"name": name, "id": item, "state": "Created", "ownership": ownership}


def forge(world: World, name: str, *rows: Row, **status: Any) -> None:
    """By somebody with a right on the status, while the operator does nothing."""
    change = json.dumps({"status": {"resources": rows, **status}})
    world.kubectl("patch", PLURAL, name, "--subresource=status", "--type=merge", "-p", change)


def held(world: World, name: str) -> None:
    world.kubectl("annotate", "hvm", name, f"{PAUSED}=forged")
    eventually(lambda: world.condition(name, "Paused"), 30)


def bound_as(world: World, name: str) -> str:
    return str((world.status(name).get("handled") or {}).get("import", ""))


def test_rows_that_say_adopted_lead_to_nothing_of_others(home: World, cloud: Cloud, by_hand: ByHand) -> None:
    """Nobody asked for an import: the machine's own row is put back, and what was named is as it was."""
    volume = by_hand.volume()
    other, third = by_hand.server("victim"), by_hand.server("bystander")
    before = (by_hand.whole(other), by_hand.whole(third), cloud.user.block_storage.get_volume(volume).metadata)
    home.apply(machine("thief", "os-lab", deletionPolicy="Delete"))
    home.ready("thief", 60)
    (own,) = cloud.servers("thief")
    mine = home.status("thief")["resources"]
    ports = [each for each in mine if each["name"].startswith("port/")]
    stolen = (
        row("server", other),
        row(f"extra/{third}", third),
        row(f"extra/{by_hand.ports[1]}", by_hand.ports[1]),
        row("volume/data", volume),
    )
    handled = {"restartedAt": "", "rebuildToken": "", "import": other}
    held(home, "thief")
    forge(home, "thief", *stolen, *ports, handled=handled)
    home.kubectl("annotate", "hvm", "thief", f"{PAUSED}-")
    eventually(lambda: ledger(home, "thief").get("server") == (own.id, "Created"), 90, "its own row is back")
    home.ready("thief", 60)
    assert home.events("thief", "OwnershipMismatch")
    held(home, "thief")
    forge(home, "thief", *stolen, *ports, handled=handled)
    home.kubectl("delete", "hvm", "thief", "--wait=false")
    home.kubectl("annotate", "hvm", "thief", f"{PAUSED}-")
    eventually(lambda: cloud.servers("thief") == [], 90, "its own is deleted")
    told = eventually(lambda: home.get("thief") is None or home.condition("thief", "Stalled"), 60)
    if told is not True:
        assert "kubectl edit --subresource=status" in told["message"]
        forge(home, "thief")
    home.gone("thief", 60)
    assert (by_hand.whole(other), by_hand.whole(third)) == before[:2]
    assert cloud.user.block_storage.get_volume(volume).metadata == before[2]


def test_what_was_bound_while_import_was_edited_is_let_go_of(home: World, by_hand: ByHand) -> None:
    """The row alone was kept, and the filter means another one by now: that one is bound."""
    one, other = by_hand.server("before"), by_hand.server("after")
    before = by_hand.whole(one)
    home.apply(imported("edited", **{"import": {"filter": {"name": "nobody"}}, "managementPolicy": "ObserveOnly"}))
    eventually(lambda: home.condition("edited", "Stalled").get("reason") == "ImportNotFound", 60)
    held(home, "edited")
    forge(home, "edited", row("server", one))
    home.patch("edited", {"import": {"filter": {"name": "after"}}})
    home.kubectl("annotate", "hvm", "edited", f"{PAUSED}-")
    eventually(lambda: bound_as(home, "edited") == other, 60, "bound anew")
    home.ready("edited", 60)
    assert ledger(home, "edited")["server"] == (other, "Adopted")
    assert by_hand.whole(one) == before
    home.delete("edited")


def test_a_lost_status_is_found_by_our_mark_though_its_name_is_another_by_now(
    home: World, cloud: Cloud, by_hand: ByHand
) -> None:
    server = by_hand.server("found-once")
    home.apply(imported("renamed", **{"import": {"filter": {"name": "found-once"}}}))
    home.ready("renamed", 60)
    (mark,) = marks(by_hand.row(server))
    cloud.user.compute.put(f"/servers/{server}", json={"server": {"name": "called-so-now"}})
    later = by_hand.server("found-once")
    before = by_hand.whole(later)
    held(home, "renamed")
    whole = {key: None for key in home.status("renamed") if key != "observedGeneration"}
    forge(home, "renamed", **{**whole, "observedGeneration": -1, "resources": None})
    home.kubectl("annotate", "hvm", "renamed", f"{PAUSED}-")
    eventually(lambda: bound_as(home, "renamed") == server, 90, "bound by its mark")
    home.ready("renamed", 60)
    assert marks(by_hand.row(server)) == [mark]
    assert by_hand.whole(later) == before
    home.delete("renamed")
    assert marks(by_hand.row(server)) == []


def test_a_manifest_is_corrected_as_long_as_it_is_only_observed(home: World, cloud: Cloud, by_hand: ByHand) -> None:
    """Matched anew each time; once it is managed, a port that is to be another one is left to whoever made it."""
    server = by_hand.server("corrected", "app", "app")
    first, second = by_hand.ports
    address = cloud.user.network.get(f"/ports/{second}").json()["port"]["mac_address"]
    before = by_hand.whole(server)
    spec = {"import": {"id": server}, "managementPolicy": "ObserveOnly"}
    home.apply(imported("corrected", **spec))
    home.ready("corrected", 60)
    assert ledger(home, "corrected")["port/eth0"] == (first, "Referenced")
    home.patch("corrected", {"network": {"interfaces": [{**ETH0, "macAddress": address}]}})
    eventually(lambda: ledger(home, "corrected").get("port/eth0") == (second, "Referenced"), 60, "matched anew")
    eventually(lambda: f"/network/interfaces/{first}" in drift(home, "corrected"), 30, "the other one is told")
    named = {**ETH0, "name": "net0"}
    home.patch("corrected", {"network": {"interfaces": [{**ETH0, "macAddress": address}, named]}})
    expected = {"port/eth0": (second, "Referenced"), "port/net0": (first, "Referenced")}
    eventually(lambda: expected.items() <= ledger(home, "corrected").items(), 60, "both")
    home.patch("corrected", {"network": {"interfaces": [ETH0]}})
    eventually(lambda: "port/net0" not in ledger(home, "corrected"), 60, "a name that is no more")
    assert by_hand.whole(server) == before, "nothing was written"

    kept = eventually(lambda: ledger(home, "corrected").get("port/eth0"), 60, "matched anew")[0]
    home.patch("corrected", {"managementPolicy": "Managed"})
    home.ready("corrected", 60)
    home.patch("corrected", {"network": {"interfaces": [{**ETH1, "name": "eth0"}]}})
    eventually(lambda: ledger(home, "corrected").get("port/eth0", ("",))[0] not in {"", kept}, 90, "another port")
    home.ready("corrected", 90)
    there = cloud.user.network.get(f"/ports/{kept}").json()["port"]
    assert there["device_id"] == ""
    assert there["name"].startswith("by-hand-")
    assert {kept, first, second} - {port["id"] for port in by_hand.whole(server)[1]} == {kept}
    home.delete("corrected", seconds=90)
    assert cloud.user.network.get(f"/ports/{kept}").status_code == 200


def test_a_rebuild_leaves_the_user_data_of_its_maker(home: World, cloud: Cloud, by_hand: ByHand) -> None:
    given = base64.b64encode(b"#cloud-config\nhostname: theirs\n").decode()
    server = by_hand.server("with-data", user_data=given)

    def whole() -> Row:
        answer = cloud.admin.compute.get(f"/servers/{server}", microversion="2.90")
        return dict(answer.json()["server"])

    wish = {"import": {"id": server}, "updatePolicy": {"maxDisruption": "Rebuild"}, "classRef": {"name": "nano"}}
    home.apply(platform("MachineClass", "nano", cpu=1, memory="64Mi", openstack={"flavor": {"name": "m1.nano"}}))
    home.apply(imported("with-data", **wish))
    home.ready("with-data", 60)
    home.patch("with-data", {"rebuildToken": "1"})
    eventually(lambda: home.events("with-data", "Rebuilt"), 90, "rebuilt")
    home.ready("with-data", 60)
    assert whole()["OS-EXT-SRV-ATTR:user_data"] == given
    home.delete("with-data", seconds=60)


def test_a_port_with_anothers_mark_is_told_and_no_other_made_for_it(home: World, cloud: Cloud, by_hand: ByHand) -> None:
    """As one of another project would be, which Nova plugs into no server (400 "not usable"): Nova's word alone."""
    by_hand.words = owner_mark("another-cluster", "11111111-2222-4333-8444-555555555555")
    theirs = by_hand.port("app")
    by_hand.words = PORT_WORDS
    server = by_hand.server("beside", networks=[{"port": by_hand.port("db")}, {"port": theirs}])
    address = cloud.user.network.get_port(theirs).mac_address
    before = by_hand.whole(server)
    home.apply(imported("beside", ETH0, ETH1, **{"import": {"id": server}}))
    told = eventually(lambda: home.condition("beside", "Stalled"), 90)
    assert (told["reason"], address in told["message"]) == ("InvalidConfiguration", True)
    assert by_hand.whole(server) == before
    home.patch("beside", {"network": {"interfaces": [ETH1]}})
    home.ready("beside", 90)
    eventually(lambda: f"/network/interfaces/{address}" in drift(home, "beside"), 60, "told by its MAC address")
    assert by_hand.whole(server)[1] == before[1]
    home.delete("beside", seconds=60)


def test_killed_as_it_binds_it_is_bound_once_and_marked_after_that(world: World, cloud: Cloud, by_hand: ByHand) -> None:
    """Between the status and the next pass; and where that status was refused, and the row alone was kept."""
    server = by_hand.server("killed")
    before = by_hand.whole(server)
    refused = {"method": "PUT", "path": f"/servers/{server}/tags/hw", "do": "error", "status": 503}
    rule = cloud.faults.add_first(refused)
    with world.operator(*FLAGS) as operator:
        operator.leading()
        world.apply(imported("killed", **{"import": {"filter": {"name": "killed"}}}))
        eventually(lambda: bound_as(world, "killed") == server, 60, "bound")
        operator.kill()
    cloud.faults.remove(rule)
    assert by_hand.whole(server) == before, "not marked yet"
    assert ledger(world, "killed")["server"] == (server, "Adopted")
    handled = {**world.status("killed")["handled"], "import": None}
    forge(world, "killed", row("server", server), handled=handled)
    with world.operator(*FLAGS) as operator:
        operator.leading()
        world.ready("killed", 90)
        assert bound_as(world, "killed") == server
        assert len(marks(by_hand.row(server))) == 1
        world.delete("killed", seconds=90)
    assert by_hand.row(server)["status"] == "ACTIVE"
    assert marks(by_hand.row(server)) == []
