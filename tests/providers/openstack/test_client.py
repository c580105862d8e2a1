"""What a Secret must hold; one login for all threads; pages, deadlines and cut connections, over real HTTP."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml
from tests.providers.openstack.site import PROJECT, USER, Site, running

from hostwright.core import errors
from hostwright.providers.openstack.client import MARKS, SdkClient
from hostwright.providers.openstack.errors import of_read
from hostwright.providers.openstack.resolve import Names
from hostwright.providers.openstack.rows import LoginRefused, NotSent, Refused, Request, Unanswered
from hostwright.providers.openstack.section import ProviderSection
from hostwright.providers.openstack.transport import ASK_AGAIN

AUTH = {
    "auth_url": "http://127.0.0.1:1/v3",
    "username": "demo",
    "password": "hunter2",
    "project_name": "demo",
    "user_domain_id": "default",
    "project_domain_id": "default",
}


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


def secret(cloud: Any) -> dict[str, bytes]:
    return {"clouds.yaml": yaml.safe_dump({"clouds": {"openstack": cloud}}).encode()}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "no key clouds.yaml"),
        ({"clouds.yaml": b"{"}, "not YAML"),
        ({"clouds.yaml": b"\xff\xfe"}, "not YAML"),
        ({"clouds.yaml": b"clouds: []"}, "`clouds:` map"),
        ({"clouds.yaml": b"clouds: {prod: {}}"}, "it has: prod"),
        (secret(None), "auth_url"),
        (secret("text"), "auth_url"),
        (secret({"auth": "text"}), "auth_url"),
        (secret({"auth": {"username": "demo"}}), "auth_url"),
        (secret({"auth": {key: value for key, value in AUTH.items() if key != "password"}}), "`password`"),
        (secret({"auth_type": "nope", "auth": AUTH}), "nope"),
        (secret({"auth_type": "v3applicationcredential", "auth": {"auth_url": AUTH["auth_url"]}}), "credential ID"),
    ],
)
def test_what_is_missing_in_a_secret_is_told_and_no_password(
    executor: ThreadPoolExecutor, given: dict[str, bytes], words: str
) -> None:
    with pytest.raises(errors.CredentialsMissing) as caught:
        SdkClient(ProviderSection(), given, executor, time.monotonic)
    assert words in caught.value.message
    assert "hunter2" not in caught.value.message


async def test_where_nobody_listens_nothing_was_sent(executor: ThreadPoolExecutor) -> None:
    with socket.socket() as held:  # bound and not listening: every connection is refused
        held.bind(("127.0.0.1", 0))
        auth = {**AUTH, "auth_url": f"http://127.0.0.1:{held.getsockname()[1]}/v3"}
        client = SdkClient(ProviderSection(), secret({"auth": auth}), executor, time.monotonic)
        with pytest.raises(NotSent) as caught:
            await client.login()
        await client.close()
    failure = of_read(caught.value)
    assert type(failure) is errors.Unreachable
    assert "hunter2" not in failure.message


THREADS = 16
POST = Request("compute", "POST", "/servers", {})


class Clock:
    """Time stands still but for what a test adds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as started:
        yield started


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(site: Site, clock: Clock) -> AsyncIterator[SdkClient]:
    with ThreadPoolExecutor(THREADS) as threads:
        made = SdkClient(ProviderSection(), secret({"auth": site.auth, "region_name": "R"}), threads, clock)
        await made.login()
        site.requests.clear()
        yield made
        await made.close()


def revoke(site: Site) -> None:
    """The token that was handed out last is no longer good."""
    site.logins += 1


async def test_many_that_meet_one_dead_token_log_in_once(site: Site, client: SdkClient) -> None:
    revoke(site)
    before = site.logins
    await asyncio.gather(*(client.servers(None) for _ in range(THREADS)))
    assert site.logins == before + 1


async def test_a_refused_login_is_remembered_and_asked_again_later_and_later(
    site: Site, client: SdkClient, clock: Clock
) -> None:
    revoke(site)
    site.refuse = True
    for wait in (*ASK_AGAIN, ASK_AGAIN[-1]):
        before = site.logins
        answers = await asyncio.gather(*(client.servers(None) for _ in range(THREADS)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {LoginRefused}
        assert site.logins == before + 1, "one login, whoever asks"
        clock.now += wait - 1
        with pytest.raises(LoginRefused):
            await client.servers(None)
        assert site.logins == before + 1, "no login storm"
        clock.now += 2
    site.refuse = False
    await client.servers(None)


async def test_the_providers_own_check_asks_at_once(site: Site, client: SdkClient) -> None:
    revoke(site)
    site.refuse = True
    with pytest.raises(LoginRefused):
        await client.servers(None)
    site.refuse = False
    await client.login()
    await client.servers(None)


async def test_a_write_whose_login_took_too_long_is_never_sent(site: Site, client: SdkClient, clock: Clock) -> None:
    revoke(site)
    site.hold.clear()
    before = site.logins
    sending = asyncio.create_task(client.send(POST, 30.0))
    while site.logins == before:
        await asyncio.sleep(0.01)
    waiting = [asyncio.create_task(client.send(POST, 30.0)) for _ in range(4)]  # for that one login
    await asyncio.sleep(0)  # until each has its deadline
    clock.now += 31.0
    site.hold.set()
    for answer in await asyncio.gather(sending, *waiting, return_exceptions=True):
        assert isinstance(answer, NotSent)
    sent = [request for request in site.requests if request == "POST /servers"]
    assert len(sent) <= 1 + len(waiting), "with the dead token, each at most once"
    site.requests.clear()
    await client.send(POST, 30.0)
    assert site.requests == ["POST /servers"]


async def test_a_read_whose_connection_was_cut_is_made_once_more(site: Site, client: SdkClient) -> None:
    site.drops = 1
    await client.servers(None)
    assert len(site.requests) == 2
    site.drops = 2
    with pytest.raises(Unanswered):
        await client.servers(None)
    assert len(site.requests) == 4


async def test_a_write_whose_connection_was_cut_is_not(site: Site, client: SdkClient) -> None:
    site.drops = 1
    with pytest.raises(Unanswered):
        await client.send(POST, 30.0)
    assert site.requests == ["POST /servers"]


async def test_connections_are_kept_for_every_thread(site: Site, client: SdkClient) -> None:
    for _ in range(5):
        await asyncio.gather(*(client.servers(None) for _ in range(THREADS)))
    assert site.connections <= THREADS + 1, "the one of the login may be another"


def pages(*sizes: int) -> tuple[list[str], Any]:
    """Ids, and an answer that lists them in pages of these sizes."""
    ids = [f"s{number}" for number in range(sum(sizes))]
    ends = [0]
    for size in sizes:
        ends.append(ends[-1] + size)

    def answer(method: str, path: str) -> tuple[int, Any]:
        marker = path.partition("marker=")[2]
        start = ids.index(marker) + 1 if marker else 0
        end = next((end for end in ends if end > start), start)
        return 200, {"servers": [{"id": item} for item in ids[start:end]]}

    return ids, answer


@pytest.mark.parametrize(
    ("sizes", "whole"),
    [
        ((), True),
        ((3,), True),
        ((500,), True),
        ((500, 500, 20), True),
        ((200, 200, 20), True),  # the service's own largest page is smaller than ours
        ((85, 328), False),  # as seen on the lab while servers were made
        ((500, 131, 222), False),
    ],
)
async def test_only_an_empty_page_is_the_end(
    site: Site, client: SdkClient, sizes: tuple[int, ...], whole: bool
) -> None:
    ids, site.answer = pages(*sizes)
    rows, _, said = await client.servers(None)
    assert [row.id for row in rows] == ids
    assert said is whole
    assert len(site.requests) == len(sizes) + 1


@pytest.mark.parametrize("answer", [{}, [], "text", {"servers": {}}, {"servers": [{"name": "no id"}]}, {"server": 1}])
async def test_an_answer_that_holds_something_else_is_no_answer(site: Site, client: SdkClient, answer: Any) -> None:
    """Of a proxy, say: an empty list would be read as `nothing is there`."""
    site.answer = lambda method, path: (200, answer)
    for ask in (
        lambda: client.servers(None),
        lambda: client.servers_tagged("hw:1:2"),
        lambda: client.server("s1"),
        client.ports,
        lambda: client.port("p1"),
        client.catalog,
    ):
        with pytest.raises(Unanswered):
            await ask()


async def test_a_marker_that_went_away_ends_the_list_and_says_so(site: Site, client: SdkClient) -> None:
    def answer(method: str, path: str) -> tuple[int, Any]:
        if "marker" in path:
            return 400, {"badRequest": {"code": 400, "message": "marker [s1] not found"}}
        return 200, {"servers": [{"id": "s1"}]}

    site.answer = answer
    rows, _, whole = await client.servers(None)
    assert ([row.id for row in rows], whole) == (["s1"], False)


async def test_ports_are_asked_for_by_project_and_only_what_is_read(site: Site, client: SdkClient) -> None:
    site.answer = lambda method, path: (200, {"ports": [{"id": "p1", "device_id": "s1"}]})
    assert [row.device_id for row in await client.ports(["hw:1:2"])] == ["s1"]
    path = site.requests[0]
    assert f"project_id={PROJECT}" in path
    assert "fields=device_id" in path
    assert "description=hw:1:2" in path


async def test_floating_ips_are_asked_for_by_mark_or_address(site: Site, client: SdkClient) -> None:
    site.answer = lambda method, path: (200, {"floatingips": [{"id": "f1", "port_id": None, "revision_number": 3}]})
    assert [(row.port_id, row.revision_number) for row in await client.floating_ips(mark="hw:1:2")] == [(None, 3)]
    assert "description=hw:1:2" in site.requests[0]
    await client.floating_ips(address="203.0.113.7")
    assert "floating_ip_address=203.0.113.7" in site.requests[-1]
    assert "description=" not in site.requests[-1].replace("fields=description", "")


@pytest.mark.parametrize("status", [403, 404])
async def test_a_cloud_without_floating_ips_has_none_and_is_no_outage(
    site: Site, client: SdkClient, status: int
) -> None:
    site.answer = lambda method, path: (status, {"NeutronError": {"type": "X", "message": "not here"}})
    assert await client.floating_ips() == []
    site.answer = lambda method, path: (503, {})
    with pytest.raises(Refused):
        await client.floating_ips()


@pytest.fixture
async def storing(site: Site, clock: Clock) -> AsyncIterator[SdkClient]:
    """Of a cloud whose catalog names a Cinder; `site.answer` answers for it."""
    site.services = (*site.services, "block-storage")
    with ThreadPoolExecutor(THREADS) as threads:
        made = SdkClient(ProviderSection(), secret({"auth": site.auth, "region_name": "R"}), threads, clock)
        await made.login()
        yield made
        await made.close()


def cinder(status: int, body: Any) -> Callable[[str, str], tuple[int, Any]]:
    """What else a catalog asks for is there, and empty."""
    empty = {
        name: []
        for name in ("flavors", "images", "networks", "subnets", "security_groups", "keypairs", "server_groups")
    }
    return lambda method, path: (
        (status, body) if path.startswith(f"/v3/{PROJECT}/") else (200, {**empty, "availabilityZoneInfo": []})
    )


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_user_who_may_not_use_cinder_has_no_block_storage_and_a_catalog_all_the_same(
    site: Site, storing: SdkClient, status: int
) -> None:
    """The access rules of an application credential may leave it out; no machine need have a disk."""
    site.answer = cinder(status, {"error": {"message": "not for you"}})
    assert (await storing.catalog()).volume_types is None
    assert await storing.volumes("hw:1:2") == []
    site.answer = cinder(200, {"volume_types": [{"name": "ssd"}], "volumes": [{"id": "v1"}]})
    assert (await storing.catalog()).volume_types == {"ssd"}
    assert [row.id for row in await storing.volumes()] == ["v1"]


async def test_a_cinder_that_is_down_takes_only_disks_away(site: Site, storing: SdkClient) -> None:
    site.answer = cinder(503, {"error": {"message": "away"}})
    away = await storing.catalog()
    assert (away.volume_types, away.storage_away) == (frozenset(), "Cinder says: away")
    with pytest.raises(errors.Transient, match="away"):
        Names(away, {}).volume_type(None)
    with pytest.raises(Refused):  # which proves nothing
        await storing.volumes()


async def test_a_long_list_of_ports_is_read_page_by_page(site: Site, client: SdkClient) -> None:
    pages = {"": ["p1", "p2"], "p2": ["p3"]}

    def answer(method: str, path: str) -> tuple[int, Any]:
        marker = path.partition("marker=")[2]
        more = {"ports_links": [{"rel": "next", "href": "elsewhere"}]} if not marker else {}
        return 200, {"ports": [{"id": item} for item in pages[marker]], **more}

    site.answer = answer
    assert [row.id for row in await client.ports()] == ["p1", "p2", "p3"]


async def test_many_marks_are_asked_for_in_several_lists(site: Site, client: SdkClient) -> None:
    site.answer = lambda method, path: (200, {"ports": []})
    marks = [f"hw:{'0' * 16}:{number:032x}" for number in range(MARKS + 1)]
    await client.ports(marks)
    assert [request.count("description=hw") for request in site.requests] == [MARKS, 1]
    assert max(len(request) for request in site.requests) < 4096


@pytest.mark.parametrize(
    ("answer", "expires"),
    [
        ((200, {"application_credential": {"expires_at": "2027-01-02T03:04:05.000000"}}), "2027-01-02T03:04:05+00:00"),
        ((200, {"application_credential": {"expires_at": None}}), None),
        ((403, {"error": {"message": "not allowed by its access rules"}}), None),
    ],
)
async def test_the_end_of_an_application_credential_is_told(
    site: Site, client: SdkClient, answer: tuple[int, Any], expires: str | None
) -> None:
    site.credential = {"id": "c1", "name": "robot", "restricted": True}
    revoke(site)
    own = f"/v3/users/{USER}/application_credentials/c1"
    site.answer = lambda method, path: answer if path == own else (200, {"servers": []})
    await client.servers(None)  # logs in again
    told = (await client.login()).expires_at
    assert (told.isoformat() if told else None) == expires
    assert f"GET {own}" in site.requests


async def test_a_password_needs_no_such_question(site: Site, client: SdkClient) -> None:
    assert (await client.login()).expires_at is None
    assert not any("application_credentials" in request for request in site.requests)
