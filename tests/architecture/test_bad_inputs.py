"""The table of bad inputs is whole, and each test that it names is there."""

import re
from pathlib import Path

import pytest
from tests.architecture.bad_inputs import ROWS

TESTS = Path(__file__).parents[1]
NAMED = re.compile(r"(?P<file>[^:\[]+)(::(?P<test>\w+))?(\[(?P<case>.+)\])?")


def test_no_row_is_missing_and_each_has_its_tests_or_a_reason() -> None:
    assert list(ROWS) == list(range(1, 55))
    for number, row in ROWS.items():
        assert bool(row.tests) != bool(row.why_none), number
    print(f"\nbar: {sum(bool(row.tests) for row in ROWS.values())} of {len(ROWS)} rows of bad inputs are sent")


@pytest.mark.parametrize("named", sorted({test for row in ROWS.values() for test in row.tests}))
def test_what_it_names_is_there(named: str) -> None:
    found = NAMED.fullmatch(named)
    assert found is not None
    text = (TESTS / found["file"]).read_text()
    assert f"def {found['test'] or 'test_'}" in text
    assert found["case"] is None or found["case"] in text
