"""The client against the real emulator: facts, power, logins, faults, and that nothing goes where it must not."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.fixtures_redfish import Rack, start
from tests.providers.redfish.conftest import client_of

from hostwright.core import errors
from hostwright.providers.redfish.client import RedfishClient
from hostwright.providers.redfish.errors import of_read, of_write
from hostwright.providers.redfish.rows import (
    LoginRefused,
    NoSuchSystem,
    NotSent,
    Outside,
    Power,
    Refused,
    Unanswered,
    Unreadable,
)
from hostwright.sandbox import keeping

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


async def test_one_login_serves_all_and_is_given_back(rack: Rack, connect: Connect) -> None:
    client = connect()
    for _ in range(5):
        await client.system()
    assert rack.bmcs.one(0)["sessions"] == 1
    asked = [(each["method"], each["path"].rpartition("/")[2]) for each in rack.bmcs.requests(0)]
    assert asked[:3] == [("GET", ""), ("POST", "Sessions"), ("GET", "Systems")]
    assert len(asked) == 3 + 5, "one request for each look"
    await client.close()
    assert rack.bmcs.one(0)["sessions"] == 0


async def test_an_ended_session_is_renewed_once(rack: Rack, connect: Connect) -> None:
    client = connect()
    system = await client.system()
    rack.bmcs.end_sessions(0)
    rack.bmcs.forget()
    await client.reset(system, "On")
    assert [each["status"] for each in rack.bmcs.requests(0)] == [401, 201, 204]
    assert (await client.system()).power is Power.ON


@pytest.mark.parametrize("sessions", [True, False])
async def test_a_refused_login_is_one_try(rack: Rack, connect: Connect, *, sessions: bool) -> None:
    rack.bmcs.set(0, session_service=sessions)
    with pytest.raises(LoginRefused) as caught:
        await connect(password="wrong").system()
    assert rack.bmcs.one(0)["loginsRefused"] == 1
    assert isinstance(of_read(caught.value), errors.CredentialsRejected)
    assert "wrong" not in str(caught.value)


async def test_a_password_changed_behind_us_costs_one_try(rack: Rack, connect: Connect) -> None:
    client = connect()
    await client.system()
    rack.bmcs.set(0, password="another")
    rack.bmcs.end_sessions(0)
    with pytest.raises(LoginRefused):
        await client.system()
    assert rack.bmcs.one(0)["loginsRefused"] == 1


async def test_a_session_that_opens_nothing_is_not_asked_for_again(rack: Rack, connect: Connect) -> None:
    rack.bmcs.fault(0, "Status", match="/Systems", status=401, count=0)
    client = connect()
    for logins in (1, 2):
        with pytest.raises(LoginRefused):
            await client.system()
        sent = [each for each in rack.bmcs.requests(0) if (each["method"], each["status"]) == ("POST", 201)]
        assert len(sent) == logins


async def test_a_bmc_without_sessions_is_asked_by_basic(rack: Rack, connect: Connect) -> None:
    rack.bmcs.set(0, session_service=False)
    assert (await connect().system()).power is Power.OFF
    assert [each["method"] for each in rack.bmcs.requests(0)] == ["GET"] * 3


@pytest.mark.parametrize("sessions", [True, False])
async def test_a_password_may_hold_any_letter(rack: Rack, connect: Connect, *, sessions: bool) -> None:
    rack.bmcs.set(0, session_service=sessions, password="pä€: ß")
    assert (await connect(password="pä€: ß").system()).power is Power.OFF


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


async def test_nothing_is_sent_to_an_untrusted_certificate(rack: Rack, connect: Connect, tmp_path: Path) -> None:
    from hostwright.sandbox import certificates  # noqa: PLC0415

    stranger = certificates.loopback(tmp_path / "pki").authority.read_text()
    with pytest.raises(NotSent, match="certificate is not trusted") as caught:
        await connect(ca=stranger).system()
    assert isinstance(of_write(caught.value), errors.Unreachable)
    with pytest.raises(NotSent, match="certificate is not trusted"):
        await connect(ca="").system()
    assert rack.bmcs.requests(0) == []
    assert (await connect(ca="", insecure=True, allow_insecure=True).system()).power is Power.OFF


@contextmanager
def listening(answer: Callable[[socket.socket], None] | None = None) -> Iterator[tuple[int, list[str]]]:
    """A server that notes who connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        came: list[str] = []

        def accept() -> None:
            while True:
                try:
                    line, peer = server.accept()
                except OSError:
                    return
                came.append(str(peer))
                with line:
                    if answer is not None:
                        answer(line)

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"])
async def test_an_address_outside_the_range_is_refused_before_connecting(connect: Connect, host: str) -> None:
    with listening() as (port, came):
        with pytest.raises(Outside, match="allowedAddresses") as caught:
            await connect(address=f"https://{host}:{port}", allowed_addresses=["10.0.0.0/8", "192.0.2.0/24"]).system()
        assert isinstance(of_read(caught.value), errors.InvalidConfiguration)
        with pytest.raises(NotSent):
            await connect(address=f"https://{host}:{port}").system()
        assert len(came) == 1, "only the second, which was allowed"


async def test_a_name_is_connected_to_where_it_is_allowed(rack: Rack, connect: Connect) -> None:
    port = rack.facts["bmcs"][0]["address"].rpartition(":")[2]
    assert (await connect(address=f"https://localhost:{port}").system()).power is Power.OFF


async def test_a_redirect_leads_to_no_other_host(rack: Rack, connect: Connect) -> None:
    client = connect()
    system = await client.system()
    rack.bmcs.fault(0, "Redirect", match="GET", location=rack.facts["bmcs"][1]["address"] + system.path)
    with pytest.raises(Outside, match="sends us on to"):
        await client.system()
    rack.bmcs.fault(0, "Redirect", match="POST", location=system.path)
    with pytest.raises(Refused):
        await client.reset(system, "On")
    rack.bmcs.fault(0, "Redirect", match="GET", location=system.path)
    assert (await client.system()).uuid == system.uuid, "on the same host it is followed"
    rack.bmcs.fault(0, "Redirect", match="GET", location=system.path, count=0)
    with pytest.raises(Unreadable, match="circles"):
        await client.system()
    assert rack.bmcs.requests(1) == []
    assert rack.bmcs.resets(0) == ["On"]


async def test_an_answer_in_drops_ends_at_the_deadline(connect: Connect) -> None:
    over = threading.Event()

    def drip(line: socket.socket) -> None:
        try:
            line.sendall(b"HTTP/1.1 200 OK\r\n")
            while not over.wait(0.1):
                line.sendall(b"X-Drop: 1\r\n")
        except OSError:
            return

    with listening(drip) as (port, _came):
        client = connect(address=f"http://127.0.0.1:{port}", seconds=1.5, allow_insecure=True)
        began = time.monotonic()
        with pytest.raises(Unanswered):
            await client.system()
        over.set()
        assert time.monotonic() - began < 3.5


async def test_a_caller_that_gives_up_leaves_no_request_behind(rack: Rack, connect: Connect) -> None:
    client = connect()
    await client.system()
    rack.bmcs.fault(0, "Slow", seconds=5.0)
    looking = asyncio.create_task(client.system())
    deadline = time.monotonic() + 10
    while rack.bmcs.one(0)["inFlight"] == 0:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    began = time.monotonic()
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert (await client.system()).power is Power.OFF
    assert time.monotonic() - began < 3


async def test_requests_to_one_bmc_wait_for_each_other(rack: Rack, connect: Connect) -> None:
    client = connect()
    before = rack.bmcs.one(0)["sessions"]  # what an earlier client could not end
    rack.bmcs.fault(0, "Slow", seconds=0.05, count=0)
    await asyncio.gather(*(client.system() for _ in range(12)))
    seen = rack.bmcs.one(0)
    assert (seen["mostInFlight"], seen["sessions"] - before) == (1, 1)


async def test_a_reset_that_met_no_bmc_was_not_sent(rack: Rack, connect: Connect) -> None:
    client = connect(seconds=1)
    system = await client.system()
    for line in ("Dead", "Refused"):
        rack.bmcs.set(0, line=line)
        with pytest.raises(NotSent) as caught:
            await client.reset(system, "On")
        assert isinstance(of_write(caught.value), errors.Unreachable)
    rack.bmcs.set(0, line="Well")
    assert rack.bmcs.resets(0) == []


async def test_the_end_of_a_dead_bmc_is_not_waited_for_long(rack: Rack, connect: Connect) -> None:
    client = connect()
    await client.system()
    rack.bmcs.set(0, line="Dead")
    began = time.monotonic()
    await client.close()
    assert time.monotonic() - began < 8


async def test_200_bmcs_of_which_10_are_dead(tmp_path: Path) -> None:
    """Five accept a connection and say nothing, five are up to TLS and never answer."""
    rack = start(tmp_path / "box", 200)
    dead = range(0, 200, 20)
    for number in dead:
        if number % 40:
            rack.bmcs.set(number, line="Dead")
        else:
            rack.bmcs.fault(number, "Slow", seconds=120.0, count=0)
    with ThreadPoolExecutor(64) as executor:
        clients = [client_of(rack, executor, number) for number in range(200)]

        async def look(client: RedfishClient) -> float | None:
            try:
                await client.system()
            except (NotSent, Unanswered):
                return None
            return time.monotonic()

        began = time.monotonic()
        ended = await asyncio.gather(*(look(client) for client in clients))
        whole = time.monotonic() - began
        well = max(at for at in ended if at is not None) - began
        assert [number for number, at in enumerate(ended) if at is None] == list(dead)
        again = time.monotonic()
        await asyncio.gather(*(look(clients[number]) for number in range(200) if number not in dead))
        settled = time.monotonic() - again
        most = max(each["mostInFlight"] for each in rack.bmcs.all())
        await asyncio.gather(*(client.close() for client in clients))
    print(
        f"bar: 200 BMCs, 10 dead: a full look with login in {whole:.1f} s (bar 65 s), the 190 others in {well:.1f} s; "
        f"a settled look {settled:.1f} s; at most {most} request in flight for each"
    )
    assert whole < 65
    assert most == 1
    assert sum(each["sessions"] for each in rack.bmcs.all()) == 0
    keeping.stop(rack.directory)
