"""Each case runs once for each harness_*.py of this folder; what a harness cannot do is skipped with its reason."""

import importlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.contract.driver import Driver
from tests.contract.harness import Harness
from tests.contract.watched import Watched, new_machine, watching

HARNESSES = sorted(path.stem for path in Path(__file__).parent.glob("harness_*.py"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*needs): what a contract case asks of a harness (tests/contract)")


@pytest.fixture(scope="session", params=HARNESSES, ids=lambda stem: stem.removeprefix("harness_"))
def lent(request: pytest.FixtureRequest) -> Iterator[Harness]:
    harness: Harness = importlib.import_module(f"tests.contract.{request.param}").make(request)
    harness.start()
    yield harness
    harness.stop()


@pytest.fixture
async def harness(lent: Harness, request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    for marker in request.node.iter_markers("needs"):
        for need in marker.args:
            if need in lent.cannot:
                pytest.skip(f"{lent.name} cannot {need}: {lent.cannot[need]}")
    await lent.reset()
    yield lent
    await lent.reset()


@pytest.fixture
async def watched(harness: Harness) -> AsyncIterator[Watched]:
    async with watching(harness) as opened:
        yield opened


@pytest.fixture
def machine(harness: Harness, watched: Watched) -> Driver:
    """A machine that was not made yet."""
    return new_machine(harness, watched)


@pytest.fixture
def another(harness: Harness, watched: Watched) -> Driver:
    return new_machine(harness, watched)
