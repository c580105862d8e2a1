"""What led to a server's trouble is asked for once; a change of power that came to nothing is known until it ends."""

import pytest
from tests.providers.openstack.cloud import Cloud, refused
from tests.providers.openstack.rows import MARK, TRACE

from hostwright.core.port import Present
from hostwright.kinds.virtualmachine.port import Found
from hostwright.providers.openstack import translate
from hostwright.providers.openstack.actions import AT_ONCE
from hostwright.providers.openstack.inventory import Inventory
from hostwright.providers.openstack.rows import Action, ActionEvent, Fault

BROKEN = ActionEvent("compute_stop_instance", "Error", None)


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
async def inventory(cloud: Cloud) -> Inventory:
    made = Inventory(cloud, cloud.monotonic, lambda: None)
    cloud.put("s1", name=TRACE.name, tags=(MARK,))
    await made.read()
    cloud.now += 1
    cloud.asked.clear()
    return made


async def read(cloud: Cloud, inventory: Inventory) -> Found:
    cloud.now += 1
    await inventory.read()
    look = Present(translate.found("R", inventory.gather(TRACE), TRACE), 0.0)
    return look.found


def asked(cloud: Cloud) -> list[str]:
    return [each for each in cloud.asked if each.startswith("action")]


async def test_who_paused_it_is_asked_once_and_forgotten_with_the_pause(cloud: Cloud, inventory: Inventory) -> None:
    cloud.actions["s1"] = Action("pause", "req-1")
    cloud.put("s1", status="PAUSED")
    assert (await read(cloud, inventory)).request_id == "req-1"
    assert (await read(cloud, inventory)).request_id == "req-1"
    assert asked(cloud) == ["action of s1: pause"]
    cloud.put("s1", status="ACTIVE")
    assert (await read(cloud, inventory)).request_id == ""
    cloud.put("s1", status="PAUSED")
    cloud.actions["s1"] = Action("pause", "req-2")
    assert (await read(cloud, inventory)).request_id == "req-2"


async def test_an_error_without_a_fault_is_told_by_the_record(cloud: Cloud, inventory: Inventory) -> None:
    cloud.actions["s1"] = Action("rebuild", "req-1", events=(ActionEvent("rebuild", "Error", "no such image"),))
    cloud.put("s1", status="ERROR")
    found = await read(cloud, inventory)
    assert (found.request_id, found.message) == ("req-1", "Nova's rebuild ended in an error (rebuild): no such image")
    cloud.put("s1", status="ERROR", fault=Fault("Build aborted", 500))
    assert (await read(cloud, inventory)).message == "Build aborted"


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_a_record_that_is_not_to_be_had_fails_no_read(cloud: Cloud, inventory: Inventory, status: int) -> None:
    cloud.failing["s1"] = refused(status, "no")
    cloud.put("s1", status="SHELVED_OFFLOADED")
    found = await read(cloud, inventory)
    assert (found.request_id, "somebody shelved" in found.message) == ("", True)
    await read(cloud, inventory)
    assert len(asked(cloud)) == 1


async def test_strangers_are_not_asked_about_and_many_not_at_once(cloud: Cloud, inventory: Inventory) -> None:
    cloud.put("stranger", status="ERROR")
    for number in range(AT_ONCE + 3):
        cloud.put(f"m{number}", tags=(MARK,), status="ERROR")
    await read(cloud, inventory)
    assert len(asked(cloud)) == AT_ONCE
    await read(cloud, inventory)
    assert len(asked(cloud)) == AT_ONCE + 3
    assert not any("stranger" in each for each in asked(cloud))


async def test_a_stop_that_bounced_is_known_until_the_server_moves_on(cloud: Cloud, inventory: Inventory) -> None:
    cloud.actions["s1"] = Action("stop", "req-1", events=(BROKEN,))
    inventory.actions.sent("s1", "stop", cloud.now)
    cloud.put("s1", task="powering-off")
    assert (await read(cloud, inventory)).power_failed == ""
    cloud.put("s1", task=None)
    found = await read(cloud, inventory)
    assert found.power_failed.startswith("Nova accepted the stop, and the server is ACTIVE again")
    assert (found.request_id, asked(cloud)) == ("req-1", ["action of s1: stop"])
    inventory.actions.sent("s1", "stop", cloud.now)  # tried again: it stays told until something comes of it
    assert (await read(cloud, inventory)).power_failed
    cloud.put("s1", status="SHUTOFF")
    assert (await read(cloud, inventory)).power_failed == ""
    cloud.put("s1", status="ACTIVE")
    assert (await read(cloud, inventory)).power_failed == "", "somebody started it: no stop of ours came to nothing"


async def test_whatever_else_is_done_with_the_server_ends_it(cloud: Cloud, inventory: Inventory) -> None:
    inventory.actions.sent("s1", "stop", cloud.now)
    assert (await read(cloud, inventory)).power_failed
    cloud.put("s1", status="REBUILD", task="rebuilding")
    await read(cloud, inventory)
    cloud.put("s1", status="ACTIVE", task=None)
    assert (await read(cloud, inventory)).power_failed == ""


async def test_also_what_was_over_between_two_reads(cloud: Cloud, inventory: Inventory) -> None:
    cloud.put("s1", updated="2026-08-24T10:00:00Z")
    inventory.actions.sent("s1", "stop", cloud.now)
    assert (await read(cloud, inventory)).power_failed
    assert (await read(cloud, inventory)).power_failed
    cloud.put("s1", updated="2026-08-24T10:00:07Z")
    assert (await read(cloud, inventory)).power_failed == ""
