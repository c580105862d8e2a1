"""Server groups as the client lists them."""

import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml
from tests.providers.openstack.site import Site, running

from hostwright.providers.openstack.client import GROUP_PAGE, SdkClient
from hostwright.providers.openstack.rows import Unanswered
from hostwright.providers.openstack.section import ProviderSection


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as started:
        yield started


@pytest.fixture
async def client(site: Site) -> AsyncIterator[SdkClient]:
    login = {"clouds.yaml": yaml.safe_dump({"clouds": {"openstack": {"region_name": "R", "auth": site.auth}}}).encode()}
    with ThreadPoolExecutor(4) as threads:
        made = SdkClient(ProviderSection(), login, threads, time.monotonic)
        await made.login()
        yield made
        await made.close()


def listing(there: list[str], path: str) -> tuple[int, object]:
    start = int(path.rpartition("offset=")[2])
    page = [{"id": item, "name": item, "policy": "affinity", "members": ["s1"]} for item in there[start:][:GROUP_PAGE]]
    return 200, {"server_groups": page}


async def test_groups_are_listed_in_pages_that_overlap(site: Site, client: SdkClient) -> None:
    there = [f"g{number}" for number in range(2 * GROUP_PAGE)]
    site.answer = lambda method, path: listing(there, path)
    rows = await client.server_groups()
    assert [row.id for row in rows] == there
    assert rows[0].members == ("s1",)


async def test_a_list_from_which_one_went_meanwhile_is_no_answer(site: Site, client: SdkClient) -> None:
    """What stood behind it has moved up, so that one was never seen."""
    there = [f"g{number}" for number in range(GROUP_PAGE + 10)]

    def answer(method: str, path: str) -> tuple[int, object]:
        said = listing(there, path)
        there[:1] = []
        return said

    site.answer = answer
    with pytest.raises(Unanswered, match="changed while it was read"):
        await client.server_groups()


@pytest.mark.parametrize("status", [403, 404])
async def test_a_user_who_may_not_list_groups_has_a_catalog_all_the_same(
    site: Site, client: SdkClient, status: int
) -> None:
    names = ("flavors", "images", "networks", "subnets", "security_groups", "keypairs", "availabilityZoneInfo")
    empty = {name: [] for name in names}
    refused = {"forbidden": {"code": status, "message": "Policy doesn't allow it"}}
    site.answer = lambda method, path: (status, refused) if "os-server-groups" in path else (200, empty)
    assert (await client.catalog()).server_groups is None
