"""Laws of the translation from pydantic's JSON schema to a structural schema."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, StringConstraints

from hostwright.core.resource import Open, Words
from hostwright.generate.schema import NotStructuralError, cel_text, structural

Short = Annotated[str, StringConstraints(max_length=8)]


class Colour(StrEnum):
    RED = "Red"


class Inner(Words):
    name: Short = ""
    size: int = Field(default=3, gt=0, le=9)


class Everything(Open):
    plain: Short
    maybe: Short | None = Field(default=None, description="A\n   sentence.")
    colour: Colour = Colour.RED
    word: Literal["One"]
    inner: Inner = Inner()
    hollow: Inner | None = None
    rows: list[Inner] = Field(default_factory=list, max_length=4, json_schema_extra={"x-list-map-key": "name"})
    texts: list[Short] = Field(max_length=2)
    bag: set[Short] = Field(max_length=2)
    labels: dict[Annotated[str, StringConstraints(max_length=5, pattern="^[a-z']+$")], Short] = Field(max_length=3)


SCHEMA = structural(Everything)
PROPERTIES = SCHEMA["properties"]


def walk(node: dict[str, Any]) -> list[dict[str, Any]]:
    inside = [
        *node.get("properties", {}).values(),
        *(node[key] for key in ("items", "additionalProperties") if key in node),
    ]
    return [node, *(each for one in inside for each in walk(one))]


def test_nothing_is_referred_to_united_titled_or_null() -> None:
    for node in walk(SCHEMA):
        assert not {"$ref", "$defs", "anyOf", "allOf", "title", "const", "nullable"} & set(node)
        assert node["type"] != "null"
        assert not ("properties" in node and "additionalProperties" in node)


def test_a_field_without_default_is_required_and_one_that_may_be_null_is_not() -> None:
    assert set(SCHEMA["required"]) == {"plain", "word", "texts", "bag", "labels"}


def test_null_is_no_default_and_neither_is_an_object_of_nothing() -> None:
    assert "default" not in PROPERTIES["maybe"]
    assert PROPERTIES["inner"]["default"] == {"name": "", "size": 3}

    class Nothing(Words):
        text: Short | None = None

    class Outer(Words):
        inner: Nothing = Nothing()

    assert "default" not in structural(Outer)["properties"]["inner"]


def test_words_are_enums() -> None:
    assert PROPERTIES["colour"] == {"type": "string", "enum": ["Red"], "default": "Red"}
    assert PROPERTIES["word"]["enum"] == ["One"]


def test_an_open_interval_is_written_as_openapi_3_0_has_it() -> None:
    size = PROPERTIES["inner"]["properties"]["size"]
    assert (size["minimum"], size["exclusiveMinimum"], size["maximum"]) == (0, True, 9)


def test_a_list_of_objects_is_a_map_by_its_key_which_is_required_and_has_no_default() -> None:
    rows = PROPERTIES["rows"]
    assert (rows["x-kubernetes-list-type"], rows["x-kubernetes-list-map-keys"]) == ("map", ["name"])
    assert rows["items"]["required"] == ["name"]
    assert "default" not in rows["items"]["properties"]["name"]
    assert "default" in PROPERTIES["inner"]["properties"]["name"], "the same model elsewhere keeps it"


def test_other_lists_are_sets_or_atomic() -> None:
    assert PROPERTIES["texts"]["x-kubernetes-list-type"] == "atomic"
    assert PROPERTIES["bag"]["x-kubernetes-list-type"] == "set"


def test_what_is_asked_of_a_maps_keys_becomes_cel() -> None:
    labels = PROPERTIES["labels"]
    assert labels["additionalProperties"]["maxLength"] == 8
    rules = [rule["rule"] for rule in labels["x-kubernetes-validations"]]
    assert rules == ["self.all(k, size(k) >= 0 && size(k) <= 5)", "self.all(k, k.matches('^[a-z\\']+$'))"]


def test_a_description_is_one_line() -> None:
    assert PROPERTIES["maybe"]["description"] == "A sentence."


def test_rules_on_a_type_and_on_its_field_both_stay() -> None:
    rule = lambda text: {"x-kubernetes-validations": [{"rule": text}]}  # noqa: E731
    Ruled = Annotated[str, StringConstraints(max_length=5), Field(json_schema_extra=rule("a"))]  # noqa: N806

    class Both(Words):
        text: Ruled | None = Field(default=None, json_schema_extra=rule("b"))

    assert structural(Both)["properties"]["text"]["x-kubernetes-validations"] == [{"rule": "a"}, {"rule": "b"}]


class Loop(Words):
    again: "Loop | None" = None


@pytest.mark.parametrize(
    ("field", "said"),
    [
        (str, "no maxLength"),
        (list[Short], "no maxItems"),
        (dict[str, Short], "no maxProperties"),
        (int | Short, "a union"),
        (Loop, "no recursion"),
        (tuple[Short, int], "prefixItems"),
        (Annotated[list[Inner], Field(max_length=2, json_schema_extra={"x-list-map-key": "nme"})], "nme is no field"),
        (Any, "has no type"),
    ],
)
def test_what_has_no_structural_counterpart_is_refused_with_its_place(field: Any, said: str) -> None:
    model = type("Model", (Words,), {"__annotations__": {"there": field}})
    with pytest.raises(NotStructuralError, match=rf"Model\.there.*{said}"):
        structural(model)


@given(st.text())
def test_a_cel_literal_ends_where_it_should(text: str) -> None:
    literal = cel_text(text)
    inside = literal[1:-1]
    bare = inside.replace("\\\\", "").replace("\\'", "").replace("\\n", "")
    assert literal[0] == literal[-1] == "'"
    assert not {"'", "\n", "\\"} & set(bare)
