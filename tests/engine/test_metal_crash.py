"""Lost replies, deaths, refused logins, another server, outages: no Reset for what was carried out."""

from itertools import pairwise
from typing import Any

import pytest
from tests.engine.room import SECRET, SERVER, Room, spec
from tests.engine.virtual import run
from tests.engine.wire import Place, Wire

from hostwright.engine.ports import Key, Secret
from hostwright.kinds.physicalmachine.port import Power, Reset


async def life(room: Room) -> None:
    """Registered, powered on, restarted, switched off hard, let go powered off."""
    room.begin()
    room.apply(powerState="PoweredOn")
    await room.reach(room.ready, "on")
    assert room.bmc.power is Power.ON
    room.apply(powerState="PoweredOn", restartedAt="1")
    await room.reach(lambda: room.ready() and room.handled("restartedAt") == "1", "restarted")
    assert room.bmc.power is Power.ON
    room.apply(powerState="PoweredOff", powerOffMode="Hard", restartedAt="1", deletionPolicy="PowerOff")
    await room.reach(room.ready, "off")
    assert room.bmc.power is Power.OFF
    room.api.delete(SERVER)
    await room.reach(lambda: SERVER not in room.api.objects, "gone")
    assert room.bmc.power is Power.OFF
    room.end()


def requests(**bmc: Any) -> list[str]:
    """The mutating requests of an undisturbed life, to both sides, in order."""
    room = Room(Wire(), **bmc)
    run(life(room))
    assert room.bmc.resets == [Reset.ON, Reset.SOFT_OFF, Reset.ON, Reset.HARD_OFF]
    return room.wire.names


REQUESTS = requests()


def _struck(number: int, place: Place, **more: Any) -> Room:
    late = more.pop("late", 0.0)
    return Room(Wire(strikes={number: place}, late=late), **more)


@pytest.mark.parametrize("place", list(Place))
@pytest.mark.parametrize("number", range(len(REQUESTS)), ids=[f"{n}-{name}" for n, name in enumerate(REQUESTS)])
def test_a_life_struck_once_ends_the_same_with_no_reset_too_many(number: int, place: Place) -> None:
    room = _struck(number, place)
    run(life(room))
    sent = [name for name in room.wire.names if name.startswith("power/")]
    assert len(room.bmc.resets) == len(sent) - (place is Place.BEFORE and REQUESTS[number].startswith("power/"))


@pytest.mark.parametrize("takes", [0.5, 12.0])
@pytest.mark.parametrize(
    "number", [n for n, name in enumerate(REQUESTS) if name.startswith("power/")], ids=lambda n: REQUESTS[n]
)
def test_a_reset_of_a_dead_process_that_arrives_after_its_successor_began(number: int, takes: float) -> None:
    run(life(_struck(number, Place.SENT, late=4.0, takes=takes)))


@pytest.mark.parametrize("place", [Place.LOST, Place.ANSWERED, Place.SENT])
def test_a_soft_off_whose_reply_is_lost_is_not_asked_for_again_while_the_system_goes_down(place: Place) -> None:
    """A guest may take minutes, without a sign; asked twice, some reboot or drop their shutdown."""

    async def slow() -> None:
        room = Room(power=Power.ON, takes=100.0)
        room.begin()
        room.apply(powerState="PoweredOn")
        await room.reach(room.ready, "on")
        room.wire.next_of["power/soft"] = place
        room.apply(powerState="PoweredOff")
        await room.reach(room.ready, "off")
        assert room.bmc.resets == [Reset.SOFT_OFF]
        room.end()

    run(slow())


def test_a_soft_off_that_was_never_asked_for_is_no_reason_for_a_hard_one() -> None:
    """The intent is written and its reply lost, so nothing is sent: the system is asked then, and given its time."""

    async def unsure() -> None:
        room = Room(power=Power.ON)
        room.begin()
        room.apply(powerState="PoweredOn")
        await room.reach(room.ready, "on")
        began = room.clock.monotonic()
        room.wire.next_of["patch_status"] = Place.LOST
        room.apply(powerState="PoweredOff")
        await room.reach(room.ready, "off")
        assert room.wire.next_of == {}
        assert room.bmc.resets == [Reset.SOFT_OFF]
        assert room.clock.monotonic() - began < 15
        room.end()

    run(unsure())


def test_a_reset_that_was_taken_and_not_carried_out_is_sent_again_after_deadline_and_lag() -> None:
    async def deaf() -> None:
        room = Room(deaf=True)
        room.begin()
        room.apply(powerState="PoweredOn")
        await room.reach(lambda: room.bmc.resets == [Reset.ON], "asked")
        await room.seconds(24)
        assert room.bmc.resets == [Reset.ON]
        room.bmc.deaf = False
        await room.reach(room.ready, "on")
        assert room.bmc.resets == [Reset.ON, Reset.ON]
        room.end()

    run(deaf())


def test_a_wish_that_goes_to_and_fro_sends_nothing_that_is_on_its_way() -> None:
    async def to_and_fro() -> None:
        room = Room()
        room.begin()
        room.apply(powerState="PoweredOff")
        await room.reach(room.ready, "Ready")
        room.apply(powerState="PoweredOn")
        await room.reach(lambda: room.bmc.resets == [Reset.ON], "asked")
        room.apply(powerState="PoweredOff")
        await room.seconds(3.0)
        room.apply(powerState="PoweredOn")
        await room.reach(room.ready, "on")
        assert (room.bmc.resets[0], room.bmc.power) == (Reset.ON, Power.ON)
        room.end()

    run(to_and_fro())


@pytest.mark.parametrize("first", ["restart", "off"])
def test_what_goes_down_for_one_reason_is_not_asked_again_for_another(first: str) -> None:
    """A restart that is under way when the server is to be off, and the other way round."""

    async def both() -> None:
        room = Room(takes=60.0, power=Power.ON)
        room.begin()
        room.apply(powerState="PoweredOn")
        await room.reach(room.ready, "on")
        one, other = {"powerState": "PoweredOn", "restartedAt": "1"}, {"powerState": "PoweredOff"}
        room.apply(**(one if first == "restart" else other))
        await room.reach(lambda: room.bmc.resets == [Reset.SOFT_OFF], "asked")
        room.bmc.takes = 3.0  # what comes next
        room.apply(**(other if first == "restart" else one))
        await room.reach(room.ready, "as wished")
        assert all(one is not next_one for one, next_one in pairwise(room.bmc.resets)), room.bmc.resets
        assert room.bmc.power is (Power.ON if first == "off" else Power.OFF)
        room.end()

    run(both())


def test_a_server_whose_deletion_follows_its_start_is_seen_off() -> None:
    async def deleted() -> None:
        room = Room(takes=8.0)
        room.begin()
        room.apply(powerState="PoweredOn", deletionPolicy="PowerOff")
        await room.reach(lambda: room.bmc.resets == [Reset.ON], "asked")
        room.api.delete(SERVER)
        await room.reach(lambda: SERVER not in room.api.objects, "gone")
        await room.seconds(60)
        assert room.bmc.power is Power.OFF
        room.end()

    run(deleted())


def test_a_bmc_reset_whose_reply_is_lost_is_never_sent_again() -> None:
    async def reset() -> None:
        room = Room(power=Power.ON)
        room.begin()
        room.apply()
        await room.reach(room.ready, "Ready")
        room.wire.next_of["bmc/reset"] = Place.ANSWERED
        room.apply(requests={"bmcReset": "1"})
        await room.reach(lambda: room.ready() and room.handled("bmcReset") == "1", "reset")
        await room.seconds(300)
        assert room.bmc.bmc_resets == 1
        room.end()

    run(reset())


def test_a_refused_login_is_tried_twice_and_not_by_a_restart_either() -> None:
    async def refused() -> None:
        room = Room(password="another")
        room.begin()
        room.apply(powerState="PoweredOn")
        await room.reach(lambda: room.reason("Stalled") == "CredentialsRejected", "told")
        assert room.bmc.logins == 2
        await room.seconds(400)
        room.processes[-1].kill()
        room.begin()
        await room.seconds(400)
        assert room.bmc.logins == 2
        room.apply(powerState="PoweredOn", requests={"retry": "1"})
        await room.seconds(200)
        assert room.bmc.logins == 4
        room.api.secrets["r1-bmc"] = Secret("8", {"username": b"admin", "password": b"another"}, ())
        await room.reach(room.ready, "Ready")
        assert (room.bmc.logins, room.bmc.power) == (4, Power.ON)
        room.end()

    run(refused())


def test_a_changed_secret_is_taken_up_when_the_former_is_refused() -> None:
    async def rotated() -> None:
        room = Room(power=Power.ON)
        room.begin()
        room.apply()
        await room.reach(room.ready, "Ready")
        room.bmc.password = "new"
        room.api.secrets["r1-bmc"] = Secret("8", {"username": b"admin", "password": b"new"}, ())
        await room.seconds(200)
        assert room.ready()
        assert room.bmc.logins == 1
        assert room.api.status(SERVER)["credentials"] == {"resourceVersion": "8", "rejected": 0}
        room.end()

    run(rotated())


@pytest.mark.parametrize("data", [None, {"username": b"admin"}])
def test_a_missing_or_incomplete_secret_is_told_and_taken_up_within_a_minute(data: dict[str, bytes] | None) -> None:
    async def missing() -> None:
        room = Room(power=Power.ON)
        del room.api.secrets["r1-bmc"]
        if data is not None:
            room.api.secrets["r1-bmc"] = Secret("3", data, ())
        room.begin()
        room.apply()
        await room.reach(lambda: room.reason("Stalled") == "CredentialsMissing", "told")
        assert room.api.status(SERVER)["phase"] == "Pending"
        room.api.secrets["r1-bmc"] = SECRET
        await room.reach(room.ready, "Ready", 70)
        room.end()

    run(missing())


def test_another_server_at_the_address_is_left_alone_until_it_is_accepted() -> None:
    async def swapped() -> None:
        room = Room(power=Power.ON)
        room.begin()
        room.apply(powerState="PoweredOn", requests={"acceptIdentity": "old"})
        await room.reach(room.ready, "Ready")
        room.bmc.uuid = "uuid-of-another"
        room.bmc.behind_our_back(Power.OFF)
        await room.reach(lambda: room.reason("Stalled") == "IdentityChanged", "told")
        room.apply(powerState="PoweredOn", requests={"acceptIdentity": "old"}, locator="Lit")
        await room.seconds(300)
        assert (room.bmc.resets, room.api.status(SERVER)["phase"]) == ([], "Failed")
        room.apply(powerState="PoweredOn", requests={"acceptIdentity": "new"})
        await room.reach(room.ready, "Ready")
        assert room.api.status(SERVER)["identity"]["uuid"] == "uuid-of-another"
        assert (room.bmc.power, room.inspections()) == (Power.ON, 2)
        room.end()

    run(swapped())


def test_of_two_objects_on_one_server_the_younger_is_told_and_does_nothing() -> None:
    async def twice() -> None:
        room = Room(power=Power.ON)
        room.begin()
        room.apply(powerState="PoweredOn")
        await room.reach(room.ready, "Ready")
        await room.seconds(5)
        second = Key("PhysicalMachine", "racks", "r1-again")
        room.rack.bmcs["https://r1-again"] = room.bmc
        again = {**spec(powerState="PoweredOff"), "bmc": {**spec()["bmc"], "address": "https://r1-again"}}
        room.api.apply(second, again)
        await room.reach(lambda: room.api.condition(second, "Stalled").get("reason") == "OwnershipConflict", "told")
        await room.seconds(300)
        assert room.bmc.resets == []
        room.api.delete(second)
        await room.reach(lambda: second not in room.api.objects, "gone")
        assert room.ready()
        room.end()

    run(twice())


def test_an_outage_is_told_at_once_and_turns_ready_unknown_after_two_minutes() -> None:
    async def outage() -> None:
        room = Room(power=Power.ON)
        room.begin()
        room.apply(powerState="PoweredOn")
        await room.reach(room.ready, "Ready")
        room.bmc.down = True
        await room.reach(lambda: room.condition("Reachable") == "False", "told", 90)
        assert room.condition("Ready") == "True"
        await room.seconds(100)
        assert room.condition("Ready") == "True"
        await room.reach(lambda: room.condition("Ready") == "Unknown", "unknown", 40)
        assert room.api.status(SERVER)["phase"] == "Unknown"
        writes = len(room.api.status_writes)
        await room.seconds(600)
        assert len(room.api.status_writes) == writes
        room.bmc.down = False
        await room.reach(room.ready, "back")
        assert [note.reason for note in room.api.events.values()].count("Unreachable") == 1
        assert room.bmc.resets == []
        room.end()

    run(outage())


def test_a_wish_during_an_outage_waits_for_its_end() -> None:
    async def outage() -> None:
        room = Room(power=Power.ON)
        room.begin()
        room.apply(powerState="PoweredOn")
        await room.reach(room.ready, "Ready")
        room.bmc.down = True
        room.apply(powerState="PoweredOff")
        await room.seconds(300)
        assert room.condition("Ready") != "True"
        room.bmc.down = False
        await room.reach(room.ready, "off")
        assert room.bmc.resets == [Reset.SOFT_OFF]
        room.end()

    run(outage())


def test_a_restarted_operator_says_nothing_of_a_settled_server_and_sends_nothing() -> None:
    async def restart() -> None:
        room = Room(power=Power.ON)
        room.begin()
        room.apply(powerState="PoweredOn", restartedAt="1", requests={"inspect": "1", "bmcReset": "1"})
        await room.reach(room.ready, "Ready")
        await room.seconds(10)
        writes, events = len(room.api.status_writes), len(room.api.events)
        room.processes[-1].kill()
        process = room.begin()
        await room.seconds(300)
        assert (len(room.api.status_writes), len(room.api.events)) == (writes, events)
        assert (process.told.calls, room.bmc.resets) == ([], [])
        room.end()

    run(restart())
