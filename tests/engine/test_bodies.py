"""Bodies come back as they were put, however small they are kept."""

import json
from collections import UserDict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hostwright.engine.bodies import RECENT, Bodies
from hostwright.engine.ports import Key

words = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)


def key(number: int, kind: str = "VirtualMachine") -> Key:
    return Key(kind, "team-a", f"web-{number}")


def settled(number: int) -> dict[str, Any]:
    """As long as a real one, and as like the next one."""
    rows = [
        {
            "type": name,
            "status": "True",
            "reason": "InSync",
            "lastTransitionTime": f"2026-01-01T00:00:{number % 60:02}Z",
        }
        for name in ("NetworkReady", "PowerStateSynced", "Provisioned", "Ready", "UpToDate")
    ]
    return {"metadata": {"name": f"web-{number}", "uid": f"{number:032x}"}, "status": {"conditions": rows}}


@given(st.lists(st.dictionaries(words, values, max_size=4), min_size=1, max_size=6))
def test_a_body_is_what_was_put(given_: list[dict[str, Any]]) -> None:
    kept = Bodies()
    for number, body in enumerate(given_):
        kept.put(key(number), body)
    kept._recent.clear()
    assert [kept[key(number)] for number in range(len(given_))] == given_


def test_words_are_of_one_kind_and_come_with_the_first_status() -> None:
    kept = Bodies()
    wished = {"metadata": {"name": "web-0"}, "spec": {"powerState": "PoweredOn"}}
    kept.put(key(0), wished)
    kept.put(key(1), settled(1))
    kept.put(key(1, "MachinePool"), settled(2))
    kept._recent.clear()
    assert kept[key(0)] == wished
    assert kept[key(1)] == settled(1)
    assert kept[key(1, "MachinePool")] == settled(2)


def test_all_but_the_recent_ones_are_small() -> None:
    kept, many = Bodies(), 2 * RECENT
    for number in range(many):
        kept.put(key(number), settled(number))
    assert len(kept) == many
    assert len(kept._recent) == RECENT
    small = sum(map(len, kept._small.values())) / many
    assert small < len(json.dumps(settled(7))) / 4
    assert kept[key(0)] is kept[key(0)]


def test_what_is_dropped_is_gone() -> None:
    kept = Bodies()
    kept.put(key(0), settled(0))
    kept.drop(key(0))
    kept.drop(key(0))
    assert (kept.get(key(0)), len(kept), [*kept]) == (None, 0, [])


def test_a_mapping_that_is_no_dict_is_kept_as_one() -> None:
    kept = Bodies()
    kept.put(key(0), {"metadata": UserDict(name="web-0")})
    kept._recent.clear()
    assert kept[key(0)] == {"metadata": {"name": "web-0"}}
