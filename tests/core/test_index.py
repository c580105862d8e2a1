"""An index answers as sets of things would, whatever was added and taken away before."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from hostwright.core.index import Index

steps = st.lists(st.tuples(st.booleans(), st.sampled_from("ab"), st.integers(0, 3)), max_size=30)


@given(steps)
def test_it_answers_as_sets_would(taken: list[tuple[bool, str, int]]) -> None:
    index: Index[str, int] = Index()
    sets: defaultdict[str, set[int]] = defaultdict(set)
    for adds, word, thing in taken:
        if adds:
            index.add(word, thing)
            sets[word].add(thing)
        else:
            index.discard(word, thing)
            sets[word].discard(thing)
        assert [index.under(each) for each in "abc"] == [sets[each] for each in "abc"]
        assert [index.count(each) for each in "abc"] == [len(sets[each]) for each in "abc"]
    assert set(index._things) == {word for word, things in sets.items() if things}
