"""What a linter does not hold: sizes, names, purity, and what nobody may write into this repository."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "operator" / "hostwright"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "inside" not in path.parts)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LINES, FUNCTION = 400, 60


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:  # an unpacked archive
        return [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_a_module_says_in_one_sentence_what_it_is_and_fits(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    said = ast.get_docstring(tree) or ""
    assert said or not text.strip(), "no module docstring"
    assert not said or said.split("\n")[0].endswith((".", ":", "…")), said.split("\n")[0]
    assert text.count("\n") <= LINES
    long = [node.name for node in functions(tree) if (node.end_lineno or 0) - node.lineno + 1 > FUNCTION]
    assert long == [], f"longer than {FUNCTION} lines"


def test_tests_fit_as_well() -> None:
    texts = {path.relative_to(ROOT).as_posix(): path.read_text() for path in TESTS}
    assert [name for name, text in texts.items() if text.count("\n") > LINES] == []
    long = [
        f"{name}: {node.name}"
        for name, text in texts.items()
        for node in functions(ast.parse(text))
        if (node.end_lineno or 0) - node.lineno + 1 > FUNCTION
    ]
    assert long == [], f"longer than {FUNCTION} lines"


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_no_class_is_named_for_doing_everything(path: Path) -> None:
    vague = re.compile(r"(Manager|Helper|Helpers|Util|Utils)$")
    classes = [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]
    assert [name for name in classes if vague.search(name)] == []
    assert not vague.search(path.stem.title())


def test_the_folder_operator_is_no_package() -> None:
    """It would hide the standard library's `operator`."""
    assert not (ROOT / "operator" / "__init__.py").exists()


@pytest.mark.parametrize("room", ["core", "kinds"])
def test_what_decides_reads_no_clock_and_no_chance(room: str) -> None:
    """import-linter keeps the modules out; `datetime.now` comes with a module that is allowed."""
    for path in (PACKAGE / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"now", "utcnow", "today"} or not _is_clock(node), f"{path}: {node.lineno}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"open", "input", "print"}, f"{path}: {node.lineno}"


def _is_clock(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in {"datetime", "date"}


def test_values_of_core_and_kinds_are_frozen() -> None:
    loose = []
    for path in [*(PACKAGE / "core").rglob("*.py"), *(PACKAGE / "kinds").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                marks = [ast.unparse(mark) for mark in node.decorator_list]
                loose += [f"{path.name}: {node.name}" for mark in marks if "dataclass" in mark and "frozen" not in mark]
    assert loose == []


def test_one_place_reads_the_clock() -> None:
    readers = [
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if re.search(r"\btime\.(monotonic|time)\(\)", path.read_text())
        and path.relative_to(PACKAGE).parts[0] in {"core", "kinds", "engine", "runtime", "providers"}
    ]
    site = {"providers/simulated/control.py", "providers/simulated/site.py"}  # the simulated site's own process
    assert set(readers) - site == {"runtime/clock.py"}


def test_only_the_report_makes_a_status_patch() -> None:
    """Every write of a status is a difference with its precondition: engine/report.py."""
    writers = [
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if re.search(r"\.patch_status\(", path.read_text()) and path.relative_to(PACKAGE).parts[0] == "engine"
    ]
    told = ("binding", "catalog", "groupcalls", "pools", "tell")
    assert sorted(writers) == [f"engine/{name}.py" for name in told]
    for name in writers:
        assert "status_patch(" in (PACKAGE / name).read_text()


def test_nothing_is_patched_in_and_no_test_sleeps() -> None:
    forbidden = re.compile(r"mock\.patch|monkeypatch\.setattr|MagicMock|time\.sleep\(")
    here = Path(__file__)
    found = [path.as_posix() for path in [*MODULES, *TESTS] if path != here and forbidden.search(path.read_text())]
    assert found == []


def test_no_path_of_a_machine_and_no_registry_is_written_down() -> None:
    """A clone elsewhere has neither."""
    home = re.compile(r"/(?:root|home/[a-z]+)/|/work/(?:main|shared)|/tmp/(?:me|wt-)")
    registry = re.compile(r"https?://(?:files\.pythonhosted|pypi\.org|proxy\.golang|registry\.npmjs|deb\.debian)")
    found = []
    for path in tracked():
        if path == Path(__file__) or path.suffix in {".gz", ".png", ".sum"}:
            continue
        text = path.read_text(errors="replace")
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in home.finditer(text)]
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in registry.finditer(text)]
    assert found == []


def test_decisions_are_numbered_without_a_hole() -> None:
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "operator" / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_provider_folder_has_the_same_rooms() -> None:
    """What is not in the schema yet, for want of its kind, is no backend and has no section."""
    folders = [path for path in (PACKAGE / "providers").iterdir() if (path / "section.py").exists()]
    assert {folder.name for folder in folders} >= {"openstack", "simulated"}
    for folder in folders:
        rooms = {path.stem for path in folder.glob("*.py")}
        assert {"session", "client", "inventory", "translate", "plan", "errors", "machines"} <= rooms
        assert "resolve" in rooms or folder.name == "redfish", "names are resolved where machines are made from them"
