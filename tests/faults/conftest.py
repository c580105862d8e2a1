"""One sandbox with the sites whose turn it is."""

from collections.abc import Iterator

import pytest
from tests.faults.stand import Stand, stand
from tests.faults.turn import sites


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with stand(tmp_path_factory.mktemp("faults") / "box", sites()) as made:
        yield made
        assert made.touched() == []
