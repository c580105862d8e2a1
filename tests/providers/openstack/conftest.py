"""The real services, lent to the tests of this folder that need more than the contract asks of every backend."""

from collections.abc import AsyncIterator

import pytest
from tests.contract.harness_openstack import OpenStackHarness
from tests.contract.watched import Watched, watching

from hostwright.sandbox.openstack.lab import LabFacts


@pytest.fixture
async def harness(openstack_lab: LabFacts) -> AsyncIterator[OpenStackHarness]:
    lent = OpenStackHarness(openstack_lab)
    lent.start()
    await lent.reset()
    yield lent
    await lent.reset()
    lent.stop()


@pytest.fixture
async def watched(harness: OpenStackHarness) -> AsyncIterator[Watched]:
    async with watching(harness) as opened:
        yield opened
