"""Where a request may go and how long it may take, against the real emulator and against hostile listeners."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fixtures_redfish import Rack
from tests.providers.redfish.listener import listening

from hostwright.core import errors
from hostwright.providers.redfish.client import RedfishClient
from hostwright.providers.redfish.errors import of_read, of_write
from hostwright.providers.redfish.rows import (
    NotSent,
    Outside,
    Power,
    Refused,
    Unanswered,
    Unreadable,
)

Connect = Callable[..., RedfishClient]
OTHER = "11111111-2222-4333-8444-555555555555"


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


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1"]
)
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
