"""What several runs have shown, as one table."""

from pathlib import Path

from tests.faults.kept import counted, keep
from tests.faults.plan import Call, Fault, Plan
from tests.faults.trial import NOT_MET, Verdict

CREATE = Call("create", "nova", "POST servers")


def test_runs_add_up_to_one_table_with_what_was_wrong_below_it(tmp_path: Path) -> None:
    file = tmp_path / "kept.jsonl"
    lost, killed = Plan(CREATE, Fault.LOST), Plan(CREATE, Fault.KILLED_BEFORE)
    keep(file, "disks", [Verdict(lost, seconds=4.0), Verdict(killed, NOT_MET)])
    keep(file, "groups", [Verdict(lost)])
    keep(file, "disks", [Verdict(lost, "2 machines")])
    assert counted(file).splitlines() == [
        "trials / violations / not met",
        "",
        "| scenario | killed before | killed after | reply lost | 5xx | delayed | stale read | all |",
        "|---|---|---|---|---|---|---|---|",
        "| disks | 1 / 0 / 1 | | 2 / 1 / 0 | | | | 3 / 1 / 1 |",
        "| groups | | | 1 / 0 / 0 | | | | 1 / 0 / 0 |",
        "",
        "VIOLATION disks, create: nova POST servers, reply lost: 2 machines",
        "not met: disks, create: nova POST servers, killed before",
    ]


def test_what_broke_where_no_fault_was_is_kept_too(tmp_path: Path) -> None:
    file = tmp_path / "kept.jsonl"
    keep(file, "disks", [], ["delete fault-001-0: 1 machines"])
    assert counted(file).splitlines()[4:] == [
        "| disks | | | | | | | 0 / 1 / 0 |",
        "",
        "VIOLATION disks, delete fault-001-0: 1 machines",
    ]
