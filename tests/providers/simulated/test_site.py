"""The site as a process: durable, fast, and clear about what it cannot do."""

import asyncio
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from tests.providers.simulated.conftest import SERVE, Start

from hostwright.providers.simulated.client import HttpClient, Unanswered
from hostwright.providers.simulated.rows import Entry, Machine, MachineRequest, NicRequest, Refused, State, Table


def asked(name: str) -> MachineRequest:
    nic = NicRequest(name="eth0", network="network-app")
    return MachineRequest(name=name, image="image-tiny", cpu=1, memory_mib=512, interfaces=(nic,), mark=f"hw:0:{name}")


async def listed(client: HttpClient) -> dict[str, Machine]:
    page = await client.page()
    rows = list(page.machines)
    while page.more:
        page = await client.page(after=page.more)
        rows.extend(page.machines)
    return {row.name: row for row in rows}


async def test_a_killed_site_has_everything_it_answered(start: Start) -> None:
    """Killed in the midst of creations, tags and deletions; nothing answered is lost, nothing is there twice."""
    site = start("--build-seconds", "0")
    client = HttpClient(site.url, "")
    made: dict[str, Machine] = {}
    tagged: set[str] = set()
    deleted: set[str] = set()

    async def work(number: int) -> None:
        for turn in range(1000):
            name = f"m-{number}-{turn}"
            made[name] = await client.create(asked(name))
            await client.set_entry(made[name].id, Table.TAGS, Entry(key="turn", value=str(turn)))
            tagged.add(name)
            if turn % 3 == 0:
                await client.delete(made[name].id)
                deleted.add(name)

    workers = [asyncio.create_task(work(number)) for number in range(8)]
    while len(made) < 200:
        await asyncio.sleep(0.01)
    site.kill()
    ends = await asyncio.gather(*workers, return_exceptions=True)
    await client.close()
    assert all(isinstance(end, Exception) and not isinstance(end, AssertionError) for end in ends), ends

    again = HttpClient(start("--build-seconds", "0").url, "")
    await asyncio.sleep(0.3)  # deletions that were accepted end in this time
    there = await listed(again)
    lost = {name for name in made if name not in there and name not in deleted and not _may_be_deleted(name)}
    assert lost == set()
    assert {name for name in deleted if name in there} == set()
    assert all(there[name].id == made[name].id for name in there if name in made)
    assert all("turn" in there[name].tags for name in tagged if name in there)
    assert len({row.interfaces[0].addresses for row in there.values()}) == len(there)
    with pytest.raises(Refused, match="taken"):
        await again.create(asked(next(iter(there))))
    fresh = await again.create(asked("fresh"))
    assert fresh.revision > max(row.revision for row in made.values())
    assert fresh.id not in {row.id for row in made.values()}
    await again.close()


def _may_be_deleted(name: str) -> bool:
    """Its deletion may have been sent and done, and not answered."""
    return int(name.rpartition("-")[2]) % 3 == 0


async def test_a_site_is_the_same_after_a_restart(start: Start) -> None:
    first = start("--build-seconds", "0.2")
    client = HttpClient(first.url, "")
    before = await client.site()
    made = await client.create(asked("web"))
    gone = await client.create(asked("gone"))
    await client.delete(gone.id)
    await client.close()
    assert first.end() == 0
    client = HttpClient(start("--build-seconds", "0.2").url, "")
    try:
        assert (await client.site()).id == before.id
        await asyncio.sleep(0.3)
        machine = await client.machine(made.id)
        assert (machine.state, machine.powered_on) == (State.ACTIVE, True), "a build goes on over a restart"
        assert machine.interfaces == made.interfaces
        page = await client.page(since=before.revision)
        assert [item.id for item in page.gone] == [gone.id], "a list since before the restart tells the deletion"
    finally:
        await client.close()


async def test_five_thousand_machines_are_made_by_thirty_two_at_once_and_listed_whole(start: Start) -> None:
    client = HttpClient(start("--build-seconds", "0").url, "")
    number = 5000
    try:
        names = iter(range(number))

        async def work() -> None:
            for item in names:
                await client.create(asked(f"m-{item}"))

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(32)))
        rate = number / (time.perf_counter() - began)
        began = time.perf_counter()
        everything = await listed(client)
        sweep = time.perf_counter() - began
        began = time.perf_counter()
        page = await client.page(since=(await client.site()).revision)
        change = time.perf_counter() - began
    finally:
        await client.close()
    told = f"list of {len(everything)} {sweep * 1000:.0f} ms; no change {change * 1000:.1f} ms"
    print(f"bar: creations/s {rate:.0f} (300); {told}")
    assert len(everything) == number
    assert page.machines == ()


async def test_a_token_is_asked_for_and_can_be_changed(start: Start) -> None:
    site = start("--token", "first")
    first, none = HttpClient(site.url, "first"), HttpClient(site.url, "")
    await first.site()
    with pytest.raises(Refused) as refused:
        await none.site()
    assert refused.value.status == 401
    async with aiohttp.ClientSession() as http:
        await http.patch(f"{site.url}/control/settings", data='{"token": "second"}')
    with pytest.raises(Refused):
        await first.catalog()
    second = HttpClient(site.url, "second")
    await second.site()
    for client in (first, none, second):
        await client.close()


async def test_a_site_out_of_order_neither_answers_nor_does(start: Start) -> None:
    site = start()
    client = HttpClient(site.url, "")
    async with aiohttp.ClientSession() as http:
        await http.patch(f"{site.url}/control/settings", data='{"outage": "Hang"}')
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await client.create(asked("web"))
        waiting = asyncio.create_task(client.create(asked("web")))
        await asyncio.sleep(0.1)
        await http.patch(f"{site.url}/control/settings", data='{"outage": "Off"}')
        with pytest.raises(Unanswered):
            await waiting
        assert (await http.get(f"{site.url}/healthz")).status == 200
    assert await listed(client) == {}
    await client.close()


async def test_user_data_is_kept_as_size_and_hash_only(start: Start, tmp_path: Path) -> None:
    client = HttpClient(start().url, "")
    secret = b"#cloud-config\npassword: quarz-lemur-17\n"
    request = MachineRequest(name="web", image="image-tiny", cpu=1, memory_mib=512, user_data=secret)
    machine = await client.create(request)
    await client.close()
    assert machine.user_data_size == len(secret)
    assert len(machine.user_data_sha256) == 64
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    assert machine.user_data_sha256.encode() in kept
    assert b"quarz-lemur-17" not in kept


async def test_a_body_that_is_no_request_is_refused_with_words(start: Start) -> None:
    site = start()
    async with aiohttp.ClientSession() as http:
        for body in ("", "{", "[]", '{"name": 5}', '{"name": "x", "image": "no", "cpu": 1, "memoryMiB": 1}'):
            answer = await http.post(f"{site.url}/v1/machines", data=body)
            problem = await answer.json()
            assert (answer.status, problem["code"]) == (400, "Invalid"), problem
            assert problem["message"]
        answer = await http.get(f"{site.url}/v1/machines?since=x")
        assert answer.status == 400


def test_one_state_file_is_one_sites(start: Start, tmp_path: Path) -> None:
    start()
    second = subprocess.run(
        [*SERVE, "--state", str(tmp_path / "state.db")], capture_output=True, text=True, timeout=30, check=False
    )
    assert second.returncode != 0
    assert "--state" in second.stderr


def test_an_address_in_use_is_told_with_what_to_do(start: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [*SERVE, "--state", str(tmp_path / "other.db"), "--http", f"127.0.0.1:{port}"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert ended.returncode != 0
    assert "--http" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_port_file_names_the_port_and_sigint_ends_it(start: Start, tmp_path: Path) -> None:
    site = start("--port-file", str(tmp_path / "port"))
    assert int((tmp_path / "port").read_text()) == urlsplit(site.url).port
    site.process.send_signal(signal.SIGINT)
    assert site.process.wait(10) == 0
