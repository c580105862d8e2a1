"""Where the services are: followed when one moves, told when a region has none."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest
import yaml
from tests.providers.openstack.older import older
from tests.providers.openstack.site import Site, running

from hostwright.core import errors
from hostwright.providers.openstack.client import SdkClient
from hostwright.providers.openstack.errors import of_read
from hostwright.providers.openstack.rows import NoEndpoint, NotSent
from hostwright.providers.openstack.section import ProviderSection
from hostwright.providers.openstack.transport import SEEK_EVERY


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as started:
        yield started


@pytest.fixture
def clock() -> list[float]:
    """It stands still but for what a test adds."""
    return [100.0]


@asynccontextmanager
async def opened(
    site: Site, clock: list[float], *, region: str | None = None, written: str | None = "R"
) -> AsyncIterator[SdkClient]:
    """`region`: in the Provider's spec; `written`: in clouds.yaml."""
    cloud = {"auth": site.auth, **({"region_name": written} if written else {})}
    secret = {"clouds.yaml": yaml.safe_dump({"clouds": {"openstack": cloud}}).encode()}
    with ThreadPoolExecutor(4) as threads:
        client = SdkClient(ProviderSection(region=region), secret, threads, lambda: clock[0])
        yield client
        await client.close()


async def test_a_service_that_moved_is_found_by_the_catalog_of_a_new_login(site: Site, clock: list[float]) -> None:
    async with opened(site, clock) as client:
        with older(site.url, (2, 90)) as before:
            site.place = before.url
            await client.login()
            assert before.asked, "it is asked where it is"
        site.place = ""  # and nobody listens any more where it was
        with pytest.raises(NotSent):
            await client.servers(None)
        logins = site.logins
        assert (await client.servers(None))[0] == []
        assert site.logins == logins + 1


async def test_where_nobody_listens_no_login_storm_begins(site: Site, clock: list[float]) -> None:
    async with opened(site, clock) as client:
        with older(site.url, (2, 90)) as gone:
            site.place = gone.url
            await client.login()
        logins = site.logins
        for _ in range(5):
            with pytest.raises(NotSent):
                await client.servers(None)
        assert site.logins == logins + 1, "asked once where it is now"
        clock[0] += SEEK_EVERY
        with pytest.raises(NotSent):
            await client.servers(None)
        assert site.logins == logins + 2


async def test_where_keystone_is_away_as_well_the_former_login_is_used_on(site: Site, clock: list[float]) -> None:
    site.answer = lambda method, path: (200, {"servers": [], "ports": []})
    async with opened(site, clock) as client:
        with older(site.url, (2, 90)) as gone:
            site.place = gone.url
            await client.login()
        taken = site.logins
        site.refuse = True
        for _ in range(2):
            with pytest.raises(NotSent):
                await client.servers(None)
        assert site.logins == taken + 1, "it was asked for a new one"
        site.logins = taken  # which did not end the former
        assert await client.ports() == []


async def test_a_region_without_nova_is_told_by_its_name(site: Site, clock: list[float]) -> None:
    async with opened(site, clock, region="Elsewhere", written=None) as client:
        with pytest.raises(NoEndpoint) as caught:
            await client.login()
    failure = of_read(caught.value)
    assert type(failure) is errors.InvalidConfiguration
    assert "Elsewhere" in failure.message
    assert "spec.openstack" in failure.message


async def test_the_providers_region_goes_before_that_of_clouds_yaml(site: Site, clock: list[float]) -> None:
    async with opened(site, clock, region="R", written="Elsewhere") as client:
        assert (await client.login()).region == "R"
