"""What is kept of the lists: how fresh it is, what an absence means, who is told."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.providers.openstack.cloud import Cloud, refused
from tests.providers.openstack.rows import ID, MARK, TRACE

from hostwright.providers.openstack.inventory import (
    HOT_FOR,
    MANY_PORTS,
    OVERLAP,
    PORTS_EVERY,
    REFUSED_FOR,
    SWEEP,
    Inventory,
)
from hostwright.providers.openstack.rows import VOLUME_MARK, Part, Port, Refused, Server, Volume

HEX = ID.replace("-", "")
LATER = OVERLAP + 5.0


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def inventory(cloud: Cloud) -> Inventory:
    return Inventory(cloud, cloud.monotonic, lambda: None)


async def read(cloud: Cloud, inventory: Inventory, after: float = 1.0) -> list[str]:
    """One read, so many seconds later; who is told."""
    cloud.now += after
    return list(await inventory.read())


async def settled(cloud: Cloud, inventory: Inventory) -> None:
    """One machine that Nova's list of changes shows no more."""
    cloud.put("s1", tags=(MARK, "team=a"))
    cloud.plugs["p1"] = Port(id="p1", description=MARK, device_id="s1")
    await read(cloud, inventory)
    cloud.now += LATER
    await read(cloud, inventory)
    cloud.asked.clear()


def tags(inventory: Inventory) -> tuple[str, ...]:
    return inventory.servers["s1"].row.tags


async def test_a_list_of_changes_says_nothing_of_a_row_that_it_leaves_out(cloud: Cloud, inventory: Inventory) -> None:
    await settled(cloud, inventory)
    before = inventory.as_of(inventory.gather(TRACE))
    cloud.tag("s1", MARK, "team=b")
    await read(cloud, inventory)
    assert cloud.asked[0] == "changes"
    assert tags(inventory) == (MARK, "team=a")
    assert inventory.as_of(inventory.gather(TRACE)) == before, "as old as its tags are"


async def test_a_row_that_we_touched_and_the_changes_leave_out_is_asked_for_by_id(
    cloud: Cloud, inventory: Inventory
) -> None:
    await settled(cloud, inventory)
    cloud.tag("s1", MARK, "team=b")
    inventory.touch("s1")
    receipt = cloud.now
    await read(cloud, inventory, 0.5)
    assert cloud.asked[:2] == ["changes", "s1"]
    assert tags(inventory) == (MARK, "team=b")
    assert inventory.as_of(inventory.gather(TRACE)) > receipt, "so that a plan that waits for it goes on"


async def test_what_the_changes_show_is_not_asked_for_once_more(cloud: Cloud, inventory: Inventory) -> None:
    await settled(cloud, inventory)
    cloud.put("s1", status="SHUTOFF")
    inventory.touch("s1")
    await read(cloud, inventory)
    assert cloud.asked == ["changes", "ports"]


async def test_a_touched_machine_is_told_with_each_read_and_then_no_more(cloud: Cloud, inventory: Inventory) -> None:
    await settled(cloud, inventory)
    inventory.touch("s1")
    told = [await read(cloud, inventory, HOT_FOR / 2) for _ in range(5)]
    assert told == [[HEX], [HEX], [], [], []]


async def test_a_read_that_failed_is_no_reason_to_look_away(cloud: Cloud, inventory: Inventory) -> None:
    await settled(cloud, inventory)
    cloud.tag("s1", MARK, "team=b")
    inventory.touch("s1")
    cloud.failing["s1"] = refused(503, "down")
    with pytest.raises(Refused):
        await read(cloud, inventory, 2 * HOT_FOR)
    cloud.failing.clear()
    assert await read(cloud, inventory) == [HEX]
    assert tags(inventory) == (MARK, "team=b")


async def test_one_server_that_nova_cannot_show_does_not_hide_the_others_for_ever(
    cloud: Cloud, inventory: Inventory
) -> None:
    await settled(cloud, inventory)
    inventory.touch("s1")
    cloud.failing["s1"] = refused(500, "Unexpected API Error.")
    cloud.put("s2")
    with pytest.raises(Refused):
        await read(cloud, inventory, REFUSED_FOR / 2)
    cloud.hidden = {"s1"}
    assert await read(cloud, inventory, REFUSED_FOR / 2) != []
    assert {"s1", "s2"} <= set(inventory.servers), "and what was known of it stays"


async def test_a_first_sweep_that_ended_early_is_not_the_first_sweep(cloud: Cloud, inventory: Inventory) -> None:
    cloud.put("s1", tags=(MARK,))
    cloud.put("s2")
    cloud.whole, cloud.hidden = False, {"s2"}
    await read(cloud, inventory)
    assert not inventory.synced()
    cloud.hidden.clear()
    await read(cloud, inventory)
    assert not inventory.synced(), "it showed one that the first had missed"
    cloud.put("s3", status="BUILD")
    await read(cloud, inventory)
    assert inventory.synced(), "new is only what is being built"


async def test_a_whole_first_sweep_is_enough(cloud: Cloud, inventory: Inventory) -> None:
    assert not inventory.synced()
    await read(cloud, inventory)
    assert inventory.synced()


async def test_a_moving_machine_is_told_with_each_read(cloud: Cloud, inventory: Inventory) -> None:
    await settled(cloud, inventory)
    cloud.put("s1", task="powering-off")
    assert [await read(cloud, inventory) for _ in range(2)] == [[HEX], [HEX]]
    cloud.put("s1", task=None, status="SHUTOFF")
    assert [await read(cloud, inventory) for _ in range(3)] == [[HEX], [], []]


async def test_a_sweep_shows_the_tags_that_others_changed(cloud: Cloud, inventory: Inventory) -> None:
    await settled(cloud, inventory)
    cloud.tag("s1", MARK, "team=b")
    assert await read(cloud, inventory, SWEEP) == [HEX]
    assert tags(inventory) == (MARK, "team=b")


async def test_an_older_reading_reverts_nothing(cloud: Cloud, inventory: Inventory) -> None:
    await settled(cloud, inventory)
    row, age = inventory.servers["s1"].row, inventory.servers["s1"].as_of
    inventory.write_server(Server(id="s1", status="SHUTOFF"), age - 1)
    assert inventory.servers["s1"].row == row
    inventory.write_server(Server(id="s1", status="SHUTOFF"), age + 1)
    assert inventory.servers["s1"].row.status == "SHUTOFF"


async def test_a_cell_that_is_down_changes_nothing_that_is_known(cloud: Cloud, inventory: Inventory) -> None:
    await settled(cloud, inventory)
    cloud.put("s1", status="UNKNOWN", tags=())
    await read(cloud, inventory)
    assert inventory.servers["s1"].row.status == "ACTIVE"


async def test_two_sweeps_without_it_ask_for_it_by_id_and_only_a_404_removes_it(
    cloud: Cloud, inventory: Inventory
) -> None:
    await settled(cloud, inventory)
    cloud.hidden = {"s1", "p1"}
    for _ in range(4):
        await read(cloud, inventory, SWEEP)
        assert set(inventory.servers) | set(inventory.ports) == {"s1", "p1"}
    assert cloud.asked.count("s1") == cloud.asked.count("p1") == 2
    del cloud.rows["s1"], cloud.plugs["p1"]
    for _ in range(2):
        await read(cloud, inventory, SWEEP)
    assert not inventory.gather(TRACE)
    assert inventory.servers.gone_since("s1") is not None


async def test_a_404_that_does_not_name_it_is_a_proxys(cloud: Cloud, inventory: Inventory) -> None:
    await settled(cloud, inventory)
    cloud.failing["s1"] = refused(404, "no such backend")
    with pytest.raises(Refused):
        await inventory.prove("s1", Part.SERVER)
    assert "s1" in inventory.servers


async def test_what_is_gone_does_not_come_back_with_a_late_list(cloud: Cloud, inventory: Inventory) -> None:
    await settled(cloud, inventory)
    inventory.write_gone("s1", Part.SERVER, cloud.now)
    assert await read(cloud, inventory, SWEEP) == [HEX]
    assert "s1" not in inventory.servers, "the list still shows it"


async def test_what_nova_keeps_for_its_reclaim_interval_is_not_gone_and_may_be_restored(
    cloud: Cloud, inventory: Inventory
) -> None:
    await settled(cloud, inventory)
    cloud.put("s1", status="SOFT_DELETED")
    await read(cloud, inventory)
    assert inventory.servers.gone_since("s1") is None
    assert await inventory.prove("s1", Part.SERVER)
    assert inventory.servers["s1"].row.reclaimable
    cloud.put("s1", status="ACTIVE")
    await read(cloud, inventory)
    assert inventory.servers["s1"].row.status == "ACTIVE"


async def test_a_deletion_is_listed_once_and_told(cloud: Cloud, inventory: Inventory) -> None:
    await settled(cloud, inventory)
    cloud.remove("s1")
    assert await read(cloud, inventory) == [HEX]
    assert await read(cloud, inventory) == []


async def test_ports_are_read_with_each_read_only_while_something_moves(cloud: Cloud, inventory: Inventory) -> None:
    await settled(cloud, inventory)
    await read(cloud, inventory)
    assert "ports" not in cloud.asked
    cloud.put("s1", task="powering-off")
    await read(cloud, inventory)
    cloud.asked.clear()
    await read(cloud, inventory)
    assert "ports" in cloud.asked
    cloud.put("s1", task=None)
    await read(cloud, inventory)
    cloud.asked.clear()
    await read(cloud, inventory)
    assert "ports" not in cloud.asked
    await read(cloud, inventory, PORTS_EVERY)
    assert "ports" in cloud.asked


async def test_of_many_ports_only_those_of_moving_machines_are_read_each_time(
    cloud: Cloud, inventory: Inventory
) -> None:
    others = {f"o{number}": Port(id=f"o{number}", description=f"hw:x:{number}") for number in range(MANY_PORTS)}
    cloud.plugs.update(others)
    await settled(cloud, inventory)
    cloud.put("s1", task="powering-off")
    cloud.plugs["p1"] = msgspec.structs.replace(cloud.plugs["p1"], device_id="")
    await read(cloud, inventory)
    assert cloud.asked == ["changes", f"ports {MARK}"]
    assert inventory.ports["p1"].as_of == cloud.now
    assert inventory.ports["p1"].row.device_id == ""
    assert inventory.ports["o1"].as_of < cloud.now
    await read(cloud, inventory, PORTS_EVERY)
    assert "ports" in cloud.asked, "all of them once a minute"


EVENTS: dict[str, Callable[[Cloud, Inventory], None]] = {
    "stop": lambda cloud, _: cloud.put("s1", status="SHUTOFF") if "s1" in cloud.rows else None,
    "start": lambda cloud, _: cloud.put("s1", status="ACTIVE") if "s1" in cloud.rows else None,
    "task": lambda cloud, _: cloud.put("s1", task="powering-off") if "s1" in cloud.rows else None,
    "rest": lambda cloud, _: cloud.put("s1", task=None) if "s1" in cloud.rows else None,
    "tag": lambda cloud, _: cloud.tag("s1", MARK, f"n={cloud.now}") if "s1" in cloud.rows else None,
    "touch": lambda _, inventory: inventory.touch("s1"),
    "hide": lambda cloud, _: cloud.hidden.add("s1"),
    "show": lambda cloud, _: cloud.hidden.clear(),
    "remove": lambda cloud, _: cloud.remove("s1") if "s1" in cloud.rows else None,
}
STEPS = st.lists(st.tuples(st.sampled_from([*EVENTS, "read", "read"]), st.sampled_from([0.5, 2.0, 30.0, 65.0])))


@given(STEPS)
async def test_a_row_is_as_fresh_as_it_says_and_leaves_only_when_it_is_gone(steps: list[tuple[str, float]]) -> None:
    """Whatever happens there: what we say we saw at a time is what was there then; no absence without a proof."""
    cloud = Cloud()
    inventory = Inventory(cloud, cloud.monotonic, lambda: None)
    cloud.put("s1", tags=(MARK,))
    await inventory.read()
    history: list[tuple[float, Any]] = [(cloud.now, cloud.rows["s1"])]
    for name, seconds in steps:
        cloud.now += seconds
        if name == "read":
            await inventory.read()
        else:
            EVENTS[name](cloud, inventory)
            history.append((cloud.now, cloud.rows.get("s1")))
        seen = inventory.servers.get("s1")
        if seen is None:
            assert "s1" not in cloud.rows
        else:
            assert seen.row == [row for moment, row in history if moment <= seen.as_of][-1]


@given(STEPS)
async def test_what_we_touched_is_known_after_the_next_read(steps: list[tuple[str, float]]) -> None:
    cloud = Cloud()
    inventory = Inventory(cloud, cloud.monotonic, lambda: None)
    cloud.put("s1", tags=(MARK,))
    await inventory.read()
    for name, seconds in steps:
        cloud.now += seconds
        if name == "read":
            await inventory.read()
        elif name != "remove":
            EVENTS[name](cloud, inventory)
    cloud.tag("s1", MARK, "last=1")
    inventory.touch("s1")
    cloud.now += 0.1
    await inventory.read()
    assert inventory.servers["s1"].row == cloud.rows["s1"]
    assert inventory.servers["s1"].as_of == cloud.now


async def test_that_nova_has_no_such_server_says_nothing_of_a_port(cloud: Cloud, inventory: Inventory) -> None:
    """An extra of the ledger is a server or a port; after a restart nobody knows which."""
    cloud.plugs["x1"] = Port(id="x1", description=MARK)
    assert not await inventory.prove("x1", Part.SERVER)
    assert await inventory.prove("x1", Part.PORT)
    assert [item.row.id for item in inventory.gather(TRACE).ports] == ["x1"]


async def test_a_fleet_without_disks_of_its_own_costs_cinder_nothing(cloud: Cloud, inventory: Inventory) -> None:
    cloud.disks["v1"] = Volume(id="v1", status="available")
    await settled(cloud, inventory)
    assert "volumes" not in cloud.asked
    inventory.want_volumes()
    assert not inventory.synced(), "until they were read once"
    await read(cloud, inventory)
    assert inventory.synced()
    assert inventory.volumes["v1"].row.status == "available"
    cloud.asked.clear()
    await read(cloud, inventory)
    assert "volumes" not in cloud.asked, "not again before they are due"


async def test_a_volume_that_comes_from_another_project_is_there_though_it_was_not(
    cloud: Cloud, inventory: Inventory
) -> None:
    inventory.want_volumes()
    inventory.name_volumes(["v9"])
    await settled(cloud, inventory)
    assert inventory.volumes.gone_since("v9") is not None
    cloud.disks["v9"] = Volume(id="v9", status="available")  # its transfer is accepted
    cloud.now += PORTS_EVERY
    await read(cloud, inventory)
    assert inventory.volumes.gone_since("v9") is None
    assert inventory.volumes["v9"].row.status == "available"


async def test_a_volume_in_motion_is_read_each_time_and_one_of_many_by_its_id(
    cloud: Cloud, inventory: Inventory
) -> None:
    cloud.disks["v1"] = Volume(id="v1", status="creating", metadata={VOLUME_MARK: MARK})
    inventory.want_volumes()
    await settled(cloud, inventory)
    assert inventory.moving()
    cloud.asked.clear()
    await read(cloud, inventory)
    assert "volumes" in cloud.asked
    cloud.disks |= {f"f{number}": Volume(id=f"f{number}", status="in-use") for number in range(MANY_PORTS)}
    cloud.now += PORTS_EVERY
    await read(cloud, inventory)
    cloud.asked.clear()
    cloud.disks["v1"] = Volume(id="v1", status="available", metadata={VOLUME_MARK: MARK})
    assert HEX in await read(cloud, inventory)
    assert "v1" in cloud.asked
    assert "volumes" not in cloud.asked
    assert [item.row.status for item in inventory.gather(TRACE).volumes] == ["available"]


async def test_a_volume_that_two_lists_leave_out_is_asked_for_by_id(cloud: Cloud, inventory: Inventory) -> None:
    cloud.disks["v1"] = Volume(id="v1", status="available", metadata={VOLUME_MARK: MARK})
    inventory.want_volumes()
    await settled(cloud, inventory)
    cloud.hidden.add("v1")
    for _ in range(3):
        cloud.now += PORTS_EVERY
        await read(cloud, inventory)
    assert "v1" in cloud.asked, "a list alone proves no absence"
    assert inventory.gather(TRACE).volumes
    del cloud.disks["v1"]
    cloud.now += PORTS_EVERY
    await read(cloud, inventory)
    assert not inventory.gather(TRACE).volumes
