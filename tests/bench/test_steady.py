"""The bench's project of settled machines is one that the provider still knows how to read."""

from tests.bench.steady import standing_by, two_hours
from tests.engine.virtual import run


def test_a_settled_project_is_read_no_more_often_than_its_tempo_says() -> None:
    hours = run(two_hours(4, 3), 1 << 60)
    assert hours.written == 0
    assert len(hours.called) == 3
    assert max(hours.called) < 12.0
    # each 10 s the changes, each minute a sweep (its page and an empty one) and the ports, each 5 min the catalog
    assert 360 < hours.asked.total() < 360 + 60 + 60 + 12 * 10


def test_a_standby_reads_six_times_an_hour() -> None:
    asked = run(standing_by(4), 1 << 60)
    # each time a sweep (its page and an empty one) and the ports; its catalog is as old as its login
    assert set(asked) == {"GET /servers/detail", "GET /v2.0/ports"}
    assert asked["GET /v2.0/ports"] == 6
