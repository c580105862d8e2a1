"""What is made on a backend is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostwright.core.names import provider_name

ONE, OTHER = "3f0e1b52-6c1f-4f0e-9d0a-1c9a3f6d2b10", "3f0e1b52-6c1f-4f0e-9d0a-1c9a3f6d2b11"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("a", "b-c"), ("a-b", "c")),
        (("team", "x" * 62 + "a"), ("team", "x" * 62 + "b")),
        (("team", "web"), ("team", "web")),  # the second of this name, after the first was let go
    ],
    ids=["joined", "cut", "again"],
)
def test_names_that_are_equal_once_joined_or_cut_are_told_apart(
    first: tuple[str, str], second: tuple[str, str]
) -> None:
    assert provider_name(*first, ONE) != provider_name(*second, OTHER)


@given(st.text(max_size=80), st.text(max_size=300), st.uuids().map(str), st.sampled_from([15, 63, 80]))
def test_a_name_is_within_its_limit_and_always_the_same(namespace: str, name: str, identity: str, limit: int) -> None:
    made = provider_name(namespace, name, identity, limit)
    assert len(made) <= limit
    assert made == provider_name(namespace, name, identity, limit)
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
