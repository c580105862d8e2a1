"""The real services, lent to the tests of this folder that need more than the contract asks of every backend."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.contract.harness_openstack import OpenStackHarness
from tests.contract.watched import Watched, watching

from hostwright.sandbox.openstack.lab import LabFacts


@pytest.fixture(scope="session")
def lent(openstack_lab: LabFacts) -> Iterator[OpenStackHarness]:
    """One for all: its logins and networks took as long as many a test."""
    harness = OpenStackHarness(openstack_lab)
    harness.start()
    yield harness
    harness.stop()


@pytest.fixture
async def harness(lent: OpenStackHarness) -> AsyncIterator[OpenStackHarness]:
    await lent.reset()
    yield lent
    await lent.reset()


@pytest.fixture
async def watched(harness: OpenStackHarness) -> AsyncIterator[Watched]:
    async with watching(harness) as opened:
        yield opened
