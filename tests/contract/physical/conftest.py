"""Each case runs once for each harness_*.py of this folder."""

import importlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.contract.physical.desk import Desk, watching
from tests.contract.physical.harness import Harness

HARNESSES = sorted(path.stem for path in Path(__file__).parent.glob("harness_*.py"))


@pytest.fixture(scope="session", params=HARNESSES, ids=lambda stem: stem.removeprefix("harness_"))
def lent(request: pytest.FixtureRequest) -> Iterator[Harness]:
    harness: Harness = importlib.import_module(f"tests.contract.physical.{request.param}").make(request)
    harness.start()
    yield harness
    harness.stop()


@pytest.fixture
def harness(lent: Harness) -> Harness:
    lent.reset()
    return lent


@pytest.fixture
async def desk(harness: Harness) -> AsyncIterator[Desk]:
    async with watching(harness) as opened:
        yield opened


@pytest.fixture
async def slow_desk(harness: Harness) -> AsyncIterator[Desk]:
    """At rest it looks once an hour: what is seen sooner is seen for a reason."""
    async with watching(harness, poll="1h") as opened:
        yield opened
