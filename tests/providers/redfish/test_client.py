"""The client against the real emulator: facts, power, settings, and what a failed request leaves."""

import time
from collections.abc import Callable

import pytest
from tests.fixtures_redfish import Rack

from hostwright.core import errors
from hostwright.providers.redfish.client import RedfishClient
from hostwright.providers.redfish.errors import of_read, of_write
from hostwright.providers.redfish.rows import (
    NoSuchSystem,
    Power,
    Refused,
    Unanswered,
    Unreadable,
)

Connect = Callable[..., RedfishClient]
OTHER = "11111111-2222-4333-8444-555555555555"


async def test_an_inspection_tells_all_that_the_emulator_has(rack: Rack, connect: Connect) -> None:
    seen = await connect(3).hardware()
    system = seen.system
    assert system.uuid == rack.facts["bmcs"][3]["systemId"]
    assert (system.manufacturer, system.model, system.serial_number) == ("Sushy Emulator", "Sandbox R1", "SBX00003")
    assert (system.power, system.health, system.cpus, system.memory_mib) == (Power.OFF, "OK", 16, 64 * 1024)
    assert [(drive.id, drive.size_bytes) for drive in seen.drives] == [("d0", 480 * 10**9), ("d1", 480 * 10**9)]
    assert [nic.mac for nic in seen.nics] == ["52:54:00:03:00:01", "52:54:00:03:00:02"]
    assert [bmc.firmware for bmc in seen.bmcs] == ["1.00"]
    assert [(medium.id, "CD" in medium.types, medium.inserted) for medium in seen.media] == [
        ("Cd", True, False),
        ("Floppy", False, False),
    ]
    assert seen.missing == ()


async def test_power_on_soft_and_hard(rack: Rack, connect: Connect) -> None:
    client = connect()
    system = await client.system()
    await client.reset(system, "On")
    assert (await client.system()).power is Power.ON
    rack.bmcs.set(0, deaf=True)
    await client.reset(system, "GracefulShutdown")
    assert (await client.system()).power is Power.ON
    rack.bmcs.set(0, power_seconds=0.5)
    await client.reset(system, "ForceOff")
    assert (await client.system()).power is Power.ON, "the BMC has taken it and shows nothing yet"
    deadline = time.monotonic() + 10
    while (await client.system()).power is not Power.OFF:
        assert time.monotonic() < deadline
    assert rack.bmcs.resets(0) == ["On", "GracefulShutdown", "ForceOff"]


async def test_a_power_switched_behind_our_back_is_seen(rack: Rack, connect: Connect) -> None:
    client = connect()
    assert (await client.system()).power is Power.OFF
    rack.bmcs.switch(0, "On")
    assert (await client.system()).power is Power.ON


@pytest.mark.parametrize(
    ("fault", "done"), [("LoseReply", True), ("Cut", False), ("Status", False), ("Slow", True), ("Garbage", True)]
)
async def test_a_reset_of_unknown_outcome_is_sent_once(rack: Rack, connect: Connect, fault: str, *, done: bool) -> None:
    client = connect(seconds=2 if fault == "Slow" else 20)
    system = await client.system()
    rack.bmcs.fault(0, fault, match="POST .*Reset", seconds=4.0)
    if fault == "Garbage":  # a body after a success is nobody's business
        await client.reset(system, "On")
    else:
        with pytest.raises((Unanswered, Refused)) as caught:
            await client.reset(system, "On")
        assert isinstance(of_write(caught.value), errors.Ambiguous), caught.value
    assert rack.bmcs.resets(0) == ["On"]
    assert (await client.system()).power is (Power.ON if done else Power.OFF)
    assert rack.bmcs.resets(0) == ["On"]


async def test_a_read_is_not_repeated_either(rack: Rack, connect: Connect) -> None:
    client = connect()
    await client.system()
    rack.bmcs.forget()
    rack.bmcs.fault(0, "Status", status=500)
    with pytest.raises(Refused) as caught:
        await client.system()
    assert isinstance(of_read(caught.value), errors.Transient)
    assert len(rack.bmcs.requests(0)) == 1


async def test_another_server_at_the_address_is_seen_by_its_uuid(rack: Rack, connect: Connect) -> None:
    client = connect()
    before = await client.system()
    rack.bmcs.set(0, overlay={before.path: {"UUID": OTHER.upper()}})
    assert (await client.system()).uuid == OTHER


async def test_a_system_is_chosen_and_never_guessed(rack: Rack, connect: Connect) -> None:
    mine = rack.facts["bmcs"][0]["systemId"]
    assert (await connect(system_id=mine).system()).uuid == mine
    with pytest.raises(NoSuchSystem, match=mine):
        await connect(system_id="nowhere").system()
    two = [{"@odata.id": f"/redfish/v1/Systems/{name}"} for name in (mine, "second")]
    rack.bmcs.set(0, overlay={"/redfish/v1/Systems": {"Members": two}})
    with pytest.raises(NoSuchSystem, match=r"2 Systems.*second") as caught:
        await connect().system()
    assert isinstance(of_read(caught.value), errors.InvalidConfiguration)
    assert (await connect(system_id=mine).system()).uuid == mine


async def test_a_missing_part_is_named_and_the_rest_is_there(rack: Rack, connect: Connect) -> None:
    rack.bmcs.fault(0, "Status", match="GET .*/Storage$", status=500, count=0)
    rack.bmcs.fault(0, "Garbage", match="GET .*/EthernetInterfaces/", count=0)
    seen = await connect().hardware()
    assert set(seen.missing) == {"disks", "nics"}
    assert (seen.drives, seen.nics) == ((), ())
    assert len(seen.media) == 2


async def test_no_missing_or_wrong_field_of_a_system_breaks_a_look(rack: Rack, connect: Connect) -> None:
    client = connect()
    before = await client.system()
    fields = ["Id", "Name", "UUID", "Manufacturer", "Model", "SerialNumber", "Status", "PowerState", "Boot", "Links"]
    fields += ["ProcessorSummary", "MemorySummary", "Actions", "IndicatorLED", "EthernetInterfaces", "Storage"]
    for wrong in (None, 7, "text", [None], False):
        for name in fields:
            rack.bmcs.set(0, overlay={before.path: {name: wrong}})
            assert (await client.system()).path == before.path
        rack.bmcs.set(0, overlay={before.path: dict.fromkeys(fields, wrong)})
        seen = await client.hardware()
        assert (seen.system.power, seen.system.cpus, seen.drives) == (Power.UNKNOWN, None, ())


async def test_an_answer_that_is_no_json_is_told(rack: Rack, connect: Connect) -> None:
    client = connect()
    await client.system()
    rack.bmcs.fault(0, "Garbage")
    with pytest.raises(Unreadable, match="not JSON") as caught:
        await client.system()
    assert isinstance(of_read(caught.value), errors.Transient)


async def test_indicator_and_boot_mode_are_set(connect: Connect) -> None:
    client = connect()
    system = await client.system()
    await client.set_indicator(system, "Blinking")
    assert (await client.system()).indicator == "Blinking"
    await client.set_indicator(system, "Off")
    assert (await client.system()).indicator == "Off"
    await client.set_boot_mode(system, "Legacy")
    assert (await client.system()).boot.mode == "Legacy"
    await client.set_boot_mode(system, "UEFI")
    assert (await client.system()).boot.mode == "UEFI"
