"""What anybody does with machines, and what goes wrong: on the simulated site, and where it matters on OpenStack."""

from collections.abc import Iterator

import pytest
from tests.e2e.both_sites import cloud, home, provider, world
from tests.e2e.outage import Stories, stories

__all__ = ["cloud", "home", "provider", "world"]


@pytest.fixture(scope="session")
def long_stories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stories]:
    with stories(tmp_path_factory.mktemp("stories")) as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def _begin_long_stories(request: pytest.FixtureRequest) -> None:
    """They take minutes, so they begin before the first test, if there is one that asks for them."""
    if any("long_stories" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("long_stories")
