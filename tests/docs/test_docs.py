"""What the documentation says is there: links, manifests, reasons, commands, make targets."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from hostwright import sandbox
from hostwright.cli.main import main
from hostwright.generate import manifests
from hostwright.runtime.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = {".venv", "node_modules", ".pytest_cache"}
PAGES = sorted(
    page for page in ROOT.rglob("*.md") if not SKIPPED & set(page.relative_to(ROOT).parts) and ".git" not in page.parts
)
#: For users: what stands in them is typed by somebody.
TYPED = [
    page for page in PAGES if page.relative_to(ROOT).parts[0] in {"README.md", "CONTRIBUTING.md", "docs", "examples"}
]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4,}(\S.*)$", re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?<!\\)\[[^\[\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
REASON = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", page.read_text())


def _links(page: Path) -> list[str]:
    return [link[1] for link in LINK.finditer(INLINE.sub("", _prose(page)))]


def _typed(page: Path) -> Iterator[str]:
    """Every line of code in a page: fenced, indented or inline."""
    for block in FENCE.finditer(page.read_text()):
        yield from (line.strip() for line in block[2].splitlines())
    text = _prose(page)
    yield from (line[1] for line in INDENTED.finditer(text))
    yield from (code[1] for code in INLINE.finditer(text))


def _slug(heading: str) -> str:
    """An anchor as GitHub makes it."""
    words = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return words.strip().replace(" ", "-")


def _anchors(page: Path) -> set[str]:
    return {_slug(heading[1]) for heading in HEADING.finditer(_prose(page))}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in _links(page):
        address, _, anchor = link.partition("#")
        if "://" in address:
            continue
        target = (page.parent / address).resolve() if address else page
        assert target.exists(), f"{_name(page)}: {link}"
        assert not anchor or anchor in _anchors(target), f"{_name(page)}: {link}"


def test_every_page_of_the_docs_is_in_the_index() -> None:
    docs = ROOT / "docs"
    listed = {(docs / link).resolve() for link in _links(docs / "README.md")}
    pages = {page for page in docs.rglob("*.md") if "reference" not in page.parts} - {docs / "README.md"}
    assert pages <= listed, f"not in the index: {[_name(page) for page in pages - listed]}"


def test_every_reason_stands_in_troubleshooting() -> None:
    reasons = set(REASON.findall((ROOT / "docs/reference/reasons.md").read_text()))
    assert len(reasons) > 50, "the table of reasons could not be read"
    told = set(re.findall(r"`(\w+)`", (ROOT / "docs/troubleshooting.md").read_text()))
    assert not reasons - told, f"not told: {sorted(reasons - told)}"


def _command(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words lead to, and what is left of them."""
    found: click.Command = main
    while isinstance(found, click.Group) and words and words[0] in found.commands:
        found, words = found.commands[words[0]], words[1:]
    return found, words


def _parse(line: str) -> None:
    words = shlex.split(line.split(" #", maxsplit=1)[0].rstrip(" &").replace("[", "").replace("]", ""))
    command, left = _command(words[1:])
    context = click.Context(command, info_name=command.name)
    _, arguments, _ = command.make_parser(context).parse_args(left)
    assert not arguments, f"{line}: what is {arguments}?"


def test_every_hostwright_command_line_can_be_parsed() -> None:
    lines = [(page, line) for page in TYPED for line in _typed(page) if line.startswith("hostwright ")]
    assert len(lines) > 10, "the command lines could not be read"
    for page, line in lines:
        try:
            _parse(line)
        except click.UsageError as error:
            pytest.fail(f"{_name(page)}: {line}: {error.format_message()}")


def test_a_wrong_command_line_is_noticed() -> None:
    with pytest.raises(click.NoSuchOption):
        _parse("hostwright sandbox up --directory /tmp/box")
    with pytest.raises(AssertionError, match="what is"):
        _parse("hostwright sandbox upp")


def test_every_flag_of_the_operator_stands_in_install() -> None:
    told = (ROOT / "docs/install.md").read_text()
    flags = [option for each in main.commands["operator"].params for option in each.opts if option != "--help"]
    assert len(flags) > 5, "the flags could not be read"
    assert not [flag for flag in flags if f"`{flag}`" not in told]


def test_every_metric_stands_in_operations() -> None:
    told = (ROOT / "docs/operations.md").read_text()
    exported = {family.name + ("_total" if family.type == "counter" else "") for family in Metrics().registry.collect()}
    assert len(exported) > 5, "the metrics could not be read"
    named = set(re.findall(r"^\| `(hostwright_\w+)`", told, re.MULTILINE))
    assert named == exported


def test_every_make_target_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in TYPED:
        named = {word for line in _typed(page) for word in re.findall(r"^make ([a-z]+)", line)}
        assert named <= targets, f"{_name(page)}: {sorted(named - targets)}"


def _leaves(command: click.Command, words: tuple[str, ...] = ("hostwright",)) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from _leaves(each, (*words, name))
    else:
        yield " ".join(words), command


COMMANDS = list(_leaves(main))


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[words for words, _ in COMMANDS])
def test_help_shows_an_example_as_it_is_typed(words: str, command: click.Command) -> None:
    text = command.get_help(click.Context(command, info_name=words))
    assert "\\b" not in text
    assert re.search(rf"^ *(Example: )?{words}\b", text.partition("\n")[2], re.MULTILINE), text


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sandbox.Sandbox]:
    directory = tmp_path_factory.mktemp("docs") / "box"
    yield sandbox.up(directory, sites=(), manifests=manifests.install(), ephemeral=True, owner=os.getpid())
    sandbox.down(directory, wipe=True)


def _manifests() -> list[tuple[str, str]]:
    found = []
    for page in TYPED:
        blocks = [block[2] for block in FENCE.finditer(page.read_text()) if block[1] == "yaml"]
        found += [(f"{_name(page)}#{number}", block) for number, block in enumerate(blocks)]
    return found


def test_there_are_manifests_to_try() -> None:
    assert len(_manifests()) > 3


@pytest.mark.parametrize("block", [block for _, block in _manifests()], ids=[name for name, _ in _manifests()])
def test_the_api_server_accepts_every_manifest(box: sandbox.Sandbox, block: str) -> None:
    assert all(each["apiVersion"] and each["kind"] for each in yaml.safe_load_all(block))
    done = subprocess.run(
        [
            str(box.kubectl),
            f"--kubeconfig={box.kubeconfig}",
            "apply",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            "-",
        ],
        input=block,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
