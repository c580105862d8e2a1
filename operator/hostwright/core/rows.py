"""A backend's rows as last seen: kept by id, found by owner mark and by record, let go only when proven gone."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

from hostwright.core.index import Index

#: Deletions remembered, so that a look can say Missing, and a late list does not bring a row back.
GONE_REMEMBERED = 20_000
#: A row that so many complete lists did not show is to be asked for by id: a list alone proves no absence.
ABSENT = 2


class Aged(Protocol):
    @property
    def as_of(self) -> float:
        """Monotonic seconds: when the read began, or the reply ended, that carried the row."""
        ...


S = TypeVar("S", bound=Aged)
Record = tuple[str, str]


class Rows(Mapping[str, S]):
    """What is newer is for the caller to judge (by revision, by age): `put` replaces."""

    def __init__(self, marks: Callable[[S], Iterable[str]], record: Callable[[S], Record]) -> None:
        self._rows: dict[str, S] = {}
        self._by_mark: Index[str, str] = Index()
        self._by_record: Index[Record, str] = Index()
        self._gone: OrderedDict[str, float] = OrderedDict()
        self._unseen: dict[str, int] = {}
        self._marks, self._record = marks, record

    def __getitem__(self, item: str) -> S:
        return self._rows[item]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, item: str, seen: S) -> None:
        """It was shown. Whoever is gone stays gone: ids are never given twice."""
        if item in self._gone:
            raise ValueError(f"{item} is gone: ask gone_since before")
        before = self._rows.get(item)
        self._rows[item] = seen
        self._unseen.pop(item, None)
        if before is not None:
            self._unfind(item, before)
        for mark in self._marks(seen):
            self._by_mark.add(mark, item)
        self._by_record.add(self._record(seen), item)

    def drop(self, item: str, as_of: float) -> S | None:
        """It is proven gone."""
        before = self._rows.pop(item, None)
        self._unseen.pop(item, None)
        if before is not None:
            self._unfind(item, before)
        if item not in self._gone:
            self._gone[item] = as_of
            while len(self._gone) > GONE_REMEMBERED:
                self._gone.popitem(last=False)
        return before

    def back(self, item: str) -> None:
        """It was not shown because it was not ours to see; now it is."""
        self._gone.pop(item, None)

    def gone_since(self, item: str) -> float | None:
        """When its end was seen, monotonic seconds; None: as far as is known it is there, or never was."""
        return self._gone.get(item)

    def marked(self, mark: str) -> list[str]:
        """Ids of what bears this owner mark."""
        return sorted(self._by_mark.under(mark))

    def recorded(self, namespace: str, name: str) -> list[str]:
        """Ids of what says that it was made for this object."""
        return sorted(self._by_record.under((namespace, name)))

    def unlisted(self, listed: Collection[str], start: float) -> list[str]:
        """After a complete list that began at `start`: the ids to ask for, since two such lists left them out."""
        for item, seen in self._rows.items():
            if item not in listed and seen.as_of < start:
                self._unseen[item] = self._unseen.get(item, 0) + 1
        return [item for item, times in self._unseen.items() if times >= ABSENT]

    def _unfind(self, item: str, before: S) -> None:
        for mark in self._marks(before):
            self._by_mark.discard(mark, item)
        self._by_record.discard(self._record(before), item)
