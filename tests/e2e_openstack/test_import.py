"""Machines that were there before their objects: found, bound once, observed, managed, let go, deleted; and kill -9."""

from tests.e2e.killed import FLAGS, Call, killed_when
from tests.e2e.sites import Cloud
from tests.e2e.world import World, eventually, machine
from tests.e2e_openstack.by_hand import ETH0, ETH1, PORT_WORDS, ByHand, drift, imported, ledger, marks


def test_one_is_observed_until_nothing_differs_then_managed_and_let_go_without_a_trace(
    home: World, cloud: Cloud, by_hand: ByHand
) -> None:
    data = by_hand.volume()
    held = {"boot_index": -1, "uuid": data, "source_type": "volume", "destination_type": "volume"}
    server = by_hand.server(
        "legacy-1", "app", "db", tags=("legacy", "team=old"), volumes=({**held, "delete_on_termination": True},)
    )
    before = by_hand.whole(server)
    spec = {"import": {"id": server}, "managementPolicy": "ObserveOnly", "tags": {"team": "shop"}}
    home.apply(imported("legacy", **spec))
    body = home.ready("legacy", 60)
    second = by_hand.ports[1]
    eventually(
        lambda: (
            drift(home, "legacy") == {"/classRef", "/tags/team", f"/network/interfaces/{second}", f"/dataDisks/{data}"}
        ),
        60,
        "the full difference",
    )
    assert body["status"]["providerID"].endswith(server)
    assert home.events("legacy", "Imported")
    own = {"name": "data", "source": {"existing": {"id": data}}}
    home.patch("legacy", {"network": {"interfaces": [ETH0, ETH1]}, "dataDisks": [own]})
    eventually(lambda: drift(home, "legacy") == {"/classRef", "/tags/team"}, 60, "what is written is not told any more")
    assert ledger(home, "legacy") == {
        "server": (server, "Adopted"),
        "port/eth0": (by_hand.ports[0], "Referenced"),
        "port/eth1": (second, "Referenced"),
        "volume/data": (data, "Referenced"),
    }
    assert by_hand.whole(server) == before, "nothing was written"
    assert "immutable once a machine is bound" in home.patch("legacy", {"import": {"id": "other"}}, fails=True)

    home.patch("legacy", {"managementPolicy": "Managed"})
    eventually(lambda: set(by_hand.row(server)["tags"]) >= {"legacy", "team=shop"}, 60, "the tag is set, live")
    body = home.ready("legacy", 60)
    assert len(marks(by_hand.row(server))) == 1
    (waiting,) = body["status"]["pendingChanges"]
    assert (waiting["path"], waiting["from"], waiting["to"]) == ("/classRef", "m1.nano", "small")
    assert by_hand.whole(server)[1:] == before[1:], "ports and volumes are as they were"

    home.patch("legacy", {"managementPolicy": "ObserveOnly"})
    home.ready("legacy", 30)
    cloud.user.compute.post(f"/servers/{server}/action", json={"os-stop": None})
    eventually(lambda: "/powerState" in drift(home, "legacy"), 60, "told, and left")
    home.patch("legacy", {"managementPolicy": "Managed", "powerState": "Unmanaged"})
    home.ready("legacy", 60)
    home.delete("legacy", seconds=60)
    row = by_hand.row(server)
    assert (row["status"], set(row["tags"]), row["metadata"]) == ("SHUTOFF", {"legacy", "team=shop"}, {"cost": "42"})
    assert by_hand.whole(server)[2] == before[2]
    assert [port["description"] for port in by_hand.whole(server)[1]] == [PORT_WORDS] * 2


def test_what_is_none_or_several_or_anothers_is_told_and_not_touched(
    home: World, cloud: Cloud, by_hand: ByHand
) -> None:
    one, other = by_hand.server("twin", tags=("shop",)), by_hand.server("twin")
    taken = by_hand.server("single")
    home.apply(machine("ours", "os-lab"))
    home.ready("ours", 60)
    (made,) = cloud.servers("ours")
    before = {item: by_hand.whole(item) for item in (one, other)}
    by_name = {"filter": {"name": "twin"}}
    home.apply(
        imported("several", **{"import": by_name}),
        imported("nowhere", **{"import": {"filter": {"name": "twin", "tags": ["shop", "gone"]}}}),
        imported("no-id", **{"import": {"id": "9b8a7c6d-0000-4000-8000-000000000000"}}),
        imported("anothers", **{"import": {"id": made.id}}),
        imported("first", **{"import": {"id": taken}}),
        imported("second", **{"import": {"filter": {"name": "single"}}}),
    )
    for name, reason, said in (
        ("several", "ImportAmbiguous", f"{one}"),
        ("nowhere", "ImportNotFound", "'twin' and the tags shop, gone"),
        ("no-id", "ImportNotFound", "9b8a7c6d"),
        ("anothers", "ImportConflict", "default/ours"),
    ):
        stalled = eventually(lambda name=name: home.condition(name, "Stalled"), 60, name)
        assert stalled["reason"] == reason
        assert said in stalled["message"]
    told = eventually(
        lambda: [name for name in ("first", "second") if home.condition(name, "Stalled")], 60, "one of the two is late"
    )
    assert "ImportConflict" in home.condition(told[0], "Stalled")["reason"]
    (winner,) = {"first", "second"} - set(told)
    home.ready(winner, 60)
    assert len(marks(by_hand.row(taken))) == 1
    assert {item: by_hand.whole(item) for item in (one, other)} == before
    home.patch("several", {"import": {"filter": {"name": "twin", "tags": ["shop"]}}})
    home.ready("several", 60)
    assert ledger(home, "several")["server"] == (one, "Adopted")
    home.delete("several", "nowhere", "no-id", "anothers", "first", "second", "ours", seconds=90)
    assert [marks(by_hand.row(item)) for item in (one, other, taken)] == [[], [], []]
    assert cloud.servers("ours") == []


def test_one_that_nobody_made_is_made_where_that_is_asked(home: World, cloud: Cloud, by_hand: ByHand) -> None:
    wish = {"filter": {"name": "not-there"}, "policy": "AdoptOrCreate"}
    home.apply(imported("made", **{"import": wish, "deletionPolicy": "Delete"}))
    home.ready("made", 60)
    (server,) = cloud.servers("made")
    assert ledger(home, "made")["server"] == (server.id, "Created")
    root = by_hand.volume(image_id=by_hand.image())
    boot = {"boot_index": 0, "uuid": root, "source_type": "volume", "destination_type": "volume"}
    there = by_hand.server("from-volume", volumes=({**boot, "delete_on_termination": False},))
    home.apply(
        imported(
            "booted",
            **{"import": {**wish, "filter": {"name": "from-volume"}}, "updatePolicy": {"maxDisruption": "None"}},
        )
    )
    body = home.ready("booted", 60)
    assert ledger(home, "booted")["volume/root"] == (root, "Referenced")
    assert [row["path"] for row in body["status"]["pendingChanges"]] == ["/classRef"], "its image is its root volume's"
    assert cloud.servers("booted") == []
    home.delete("made", "booted", seconds=60)
    assert cloud.servers("made") == []
    assert by_hand.row(there)["status"] == "ACTIVE"


def test_deleted_with_its_object_it_takes_nothing_of_others_along(home: World, cloud: Cloud, by_hand: ByHand) -> None:
    data = by_hand.volume()
    held = {"boot_index": -1, "uuid": data, "source_type": "volume", "destination_type": "volume"}
    server = by_hand.server("doomed", volumes=({**held, "delete_on_termination": True},))
    home.apply(imported("doomed", **{"import": {"id": server}, "deletionPolicy": "Delete"}))
    home.ready("doomed", 60)
    home.delete("doomed", seconds=90)
    assert by_hand.row(server) == {}
    eventually(lambda: cloud.user.block_storage.get_volume(data).status == "available", 30, "their data is there")
    port = cloud.user.network.get(f"/ports/{by_hand.ports[0]}").json()["port"]
    assert (port["device_id"], port["description"]) == ("", PORT_WORDS)


def test_killed_after_each_call_of_an_import_there_is_one_mark_and_then_none(
    world: World, cloud: Cloud, by_hand: ByHand
) -> None:
    data = by_hand.volume()
    held = {"boot_index": -1, "uuid": data, "source_type": "volume", "destination_type": "volume"}
    server = by_hand.server("crash", volumes=({**held, "delete_on_termination": True},))
    bystander = by_hand.server("bystander")
    before = by_hand.whole(bystander)
    spec = {"import": {"id": server}, "deletionPolicy": "Delete", "tags": {"team": "shop"}}
    marked = Call("PUT", "/v2.1/servers/{server}/tags/hw*")
    kept = Call("PUT", "/v2.1/servers/{server}/os-volume_attachments/*")
    gone = Call("DELETE", "/v2.1/servers/{server}")
    ids = {"server": server, "name": "crash"}
    rule = cloud.faults.add_first(marked.rule(**ids))
    with world.operator(*FLAGS) as operator:
        operator.leading()
        world.apply(imported("crash", **spec))
        killed_when(operator, cloud, [rule])
    with world.operator(*FLAGS) as operator:
        operator.leading()
        world.ready("crash", 90)
        assert len(marks(by_hand.row(server))) == 1
        assert "team=shop" in by_hand.row(server)["tags"]
        rule = cloud.faults.add_first(kept.rule(**ids))
        world.kubectl("delete", "hvm", "crash", "--wait=false")
        killed_when(operator, cloud, [rule])
    rule = cloud.faults.add_first(gone.rule(**ids))
    with world.operator(*FLAGS) as operator:
        operator.leading()
        killed_when(operator, cloud, [rule])
    with world.operator(*FLAGS) as operator:
        operator.leading()
        world.gone("crash", 90)
    assert by_hand.row(server) == {}
    eventually(lambda: cloud.user.block_storage.get_volume(data).status == "available", 30)
    assert by_hand.whole(bystander) == before
