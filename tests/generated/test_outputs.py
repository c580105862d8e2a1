"""The files in the repository are what the models say, and what they say is complete."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from hostwright.core.drift import table
from hostwright.core.names import Condition, Disruption, Reason
from hostwright.generate import discover, words
from hostwright.generate.__main__ import main
from hostwright.generate.crds import schema_of
from hostwright.generate.outputs import FOLDERS, outputs, stale, write
from hostwright.generate.references import secrets
from hostwright.generate.schema import Schema
from hostwright.kinds.virtualmachine.port import MachineShape

ROOT = Path(__file__).parents[2]
KINDS = {kind.name: kind for kind in discover.kinds()}
SECTIONS = discover.sections()


def nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from nodes(each, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if inner in schema:
            yield from nodes(schema[inner], f"{path}[]")


def all_nodes() -> Iterator[tuple[str, Schema]]:
    for kind in KINDS.values():
        schema = schema_of(kind, SECTIONS)
        for part in ("spec", "status"):
            yield from ((f"{kind.name}.{part}{path}", node) for path, node in nodes(schema["properties"][part]))


def test_the_generated_files_are_fresh() -> None:
    assert stale(ROOT) == [], "run: make generate"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copytree(ROOT / "charts/machines", tmp_path / "charts/machines")
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


def test_a_changed_a_missing_and_a_left_over_file_are_found_and_put_right(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / "crds/virtualmachines.yaml").write_text("edited")
    (copy / "docs/reference/reasons.md").unlink()
    (copy / "crds/oldkind.yaml").touch()
    late = ["crds/oldkind.yaml", "crds/virtualmachines.yaml", "docs/reference/reasons.md"]
    assert main(["--check", "--root", str(copy)]) == 1
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("out of date")] == [
        f"out of date: {name}" for name in late
    ]
    assert write(copy) == late
    assert main(["--check", "--root", str(copy)]) == 0
    assert not (copy / "crds/oldkind.yaml").exists()


def test_what_is_printed_for_another_namespace_names_that_one_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--print", "--operator-namespace", "platform"]) == 0
    text = capsys.readouterr().out
    assert "hostwright-system" not in text
    printed = list(yaml.safe_load_all(text))
    role = next(each for each in printed if each["kind"] == "Role")
    assert role["metadata"]["namespace"] == "platform"
    kept = [
        document
        for name, file in outputs().items()
        if name.startswith("crds/")
        for document in yaml.safe_load_all(file)
    ]
    assert sorted((each["kind"], each["metadata"]["name"]) for each in printed) == sorted(
        (each["kind"], each["metadata"]["name"]) for each in kept
    )


def test_the_files_are_not_written_for_another_namespace(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--operator-namespace", "platform", "--root", str(copy)])
    assert "--print" in capsys.readouterr().err


def test_every_file_says_that_it_is_generated_and_names_no_place_outside_the_project() -> None:
    for name, text in outputs().items():
        assert "enerated by `make generate`" in "".join(text.splitlines()[:3]), name
        assert str(ROOT) not in text, name


def test_every_yaml_file_reads_back() -> None:
    for name, text in outputs().items():
        if name.endswith(".yaml"):
            assert all(each["kind"] for each in yaml.safe_load_all(text)), name


def test_every_string_list_and_map_is_bounded() -> None:
    for path, node in all_nodes():
        if node.get("x-kubernetes-int-or-string"):
            assert "maxLength" in node, path
            continue
        if node["type"] == "string" and "enum" not in node:
            assert "maxLength" in node, path
        if node["type"] == "array":
            assert "maxItems" in node, path
            assert "x-kubernetes-list-type" in node, path
        if "additionalProperties" in node:
            assert "maxProperties" in node, path
        if node["type"] == "integer" and ".spec" in path:
            assert {"minimum", "maximum"} <= set(node), path


def test_a_list_of_objects_in_a_spec_has_a_required_key() -> None:
    for path, node in all_nodes():
        if ".spec" in path and node.get("type") == "array" and node["items"]["type"] == "object":
            if path.endswith(".matchExpressions"):  # metav1.LabelSelector's own list, which is atomic there too
                continue
            assert node["x-kubernetes-list-type"] == "map", path
            assert set(node["x-kubernetes-list-map-keys"]) <= set(node["items"]["required"]), path


def test_no_pattern_uses_what_re2_has_not() -> None:
    for path, node in all_nodes():
        assert not re.search(r"\(\?[=!<]|\\[1-9]", node.get("pattern", "")), path


def test_enums_are_words_that_yaml_1_1_reads_as_text() -> None:
    for path, node in all_nodes():
        for word in node.get("enum", ()):
            assert yaml.safe_load(word) == word, path


def test_status_has_no_default_but_the_one_that_says_unseen() -> None:
    for kind in KINDS.values():
        status = schema_of(kind, SECTIONS)["properties"]["status"]
        assert status["default"] == {"observedGeneration": -1}
        assert [path for path, node in nodes(status) if path and "default" in node] == []


def test_every_field_of_spec_and_status_is_described() -> None:
    bare = [
        path
        for path, node in all_nodes()
        if (".spec" in path or ".status" in path) and not path.endswith("[]") and not node.get("description")
    ]
    assert bare == []


def test_every_word_is_explained() -> None:
    assert set(words.CONDITIONS) == set(Condition)
    assert set(words.REASONS) == set(Reason)
    assert set(words.DISRUPTIONS) == set(Disruption)


def test_every_failure_reason_is_in_the_table_with_who_must_act() -> None:
    text = outputs()["docs/reference/reasons.md"]
    for reason in ("QuotaExceeded", "OwnershipConflict", "Ambiguous", "CredentialsMissing"):
        assert re.search(rf"\| `{reason}` \| `\w+` \| (You|Platform|Wait) \| \w", text), reason


def test_every_path_of_the_shape_is_in_the_disruption_table() -> None:
    text = outputs()["docs/reference/disruption.md"]
    for path, disruption in table(MachineShape).items():
        assert f"| `{path}` | {disruption} |" in text


def test_the_fields_that_name_a_secret_are_found() -> None:
    assert ("bootstrap", "cloudInit", "userDataRef") in secrets(KINDS["VirtualMachine"], SECTIONS)
    assert ("credentialsRef",) in secrets(KINDS["Provider"], SECTIONS)


def test_every_printer_column_points_at_a_field_that_is_there() -> None:
    for kind in KINDS.values():
        schema = schema_of(kind, SECTIONS)
        for name, path, _type, _priority in kind.columns:
            node = schema
            for step in re.sub(r"\[[^]]*\]", "", path).strip(".").split("."):
                if node["type"] == "array":
                    node = node["items"]
                if step == "creationTimestamp":
                    break
                assert step in node["properties"], f"{kind.name}: column {name}"
                node = node["properties"][step]
