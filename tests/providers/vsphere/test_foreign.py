"""What a ledger names as made by us, and is shown as another's or as nobody's: no call leads to it."""

from dataclasses import replace

import pytest
from tests.providers.vsphere.samples import LISTED, TRACE, machine

from hostwright.core import names
from hostwright.core.port import LedgerRow
from hostwright.providers.vsphere import rows
from hostwright.providers.vsphere.inventory import Seen
from hostwright.providers.vsphere.translate import sort_out

THEIRS = names.owner_mark("c", "99999999-2222-4333-8444-555555555555")
ROW = LedgerRow("server", "vm-9")


@pytest.mark.parametrize(
    ("mark", "name", "foreign"),
    [
        (TRACE.mark, TRACE.name, ()),
        (TRACE.mark, "renamed", ()),
        ("", TRACE.name, ()),
        (THEIRS, TRACE.name, (ROW,)),
        ("", "somebodys", (ROW,)),
    ],
)
def test_a_machine_says_whose_it_is(mark: str, name: str, foreign: tuple[LedgerRow, ...]) -> None:
    seen = Seen(replace(machine(options={rows.MARK: mark}), name=name), 10.0)
    ours, others = sort_out([seen], LISTED)
    assert (ours, others) == ([] if foreign else [seen], foreign)


def test_one_whose_config_cannot_be_read_yet_is_judged_later() -> None:
    seen = Seen(replace(machine(options={rows.MARK: ""}), name="somebodys", configured=False), 10.0)
    assert sort_out([seen], LISTED) == ([seen], ())


def test_what_no_ledger_names_is_judged_by_its_mark_alone() -> None:
    seen = Seen(replace(machine(), name="renamed"), 10.0)
    assert sort_out([seen], TRACE) == ([seen], ())
