"""What this process knows of the groups of one Provider: ahead of its status, which it is read from at a start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hostwright.core.intent import Quiet
from hostwright.engine.ledger import moment, stamp
from hostwright.kinds.provider.groups import Group, GroupState

#: Seconds that a call may take: a creation, a deletion.
CREATE_SECONDS, REMOVE_SECONDS = 30.0, 20.0


@dataclass(slots=True)
class Book:
    """One pass at a time works on it."""

    uid: str  # of the Provider object
    rows: dict[str, Group]
    first_seen: dict[str, float] = field(default_factory=dict)  # word of an announced call → monotonic
    known: set[str] = field(default_factory=set)  # titles of creations whose outcome is known
    looked_at: dict[str, float] = field(default_factory=dict)  # name → monotonic, when it was seen last
    unseen: dict[str, int] = field(default_factory=dict)  # title → looks in a row that did not show it
    turn_at: float | None = None  # monotonic: when our token of the Provider's rate comes; None: none asked for
    failures: int = 0  # calls in a row that came to nothing

    def open(self, row: Group) -> bool:
        """Whether the outcome of its creation is unknown to us."""
        return row.state is GroupState.CREATING and bool(row.title) and row.title not in self.known

    def quiet(self, row: Group, lag: float, now: float) -> Quiet | None:
        """Until when the announced call may still be carried out or, with the lag, not be seen yet."""
        if row.state is GroupState.CREATED or not row.title:
            return None
        seconds = CREATE_SECONDS + lag if row.state is GroupState.CREATING else REMOVE_SECONDS
        return Quiet(self.first_seen.setdefault(f"{row.state}/{row.title}", now), seconds)


def book_of(uid: str, status: Mapping[str, Any]) -> Book:
    """A refused creation has made nothing: its next attempt is announced, or why it was refused."""
    rows = {raw["name"]: row_of(raw) for raw in status.get("groups") or ()}
    refused = {row.title for row in rows.values() if row.next_retry_at is not None}
    return Book(uid, rows, known=refused)


def row_of(raw: Mapping[str, Any]) -> Group:
    return Group(
        name=raw["name"],
        policy=raw["policy"],
        state=GroupState(raw["state"]),
        title=raw.get("title") or "",
        id=raw.get("id") or "",
        attempt=raw.get("attempt") or 0,
        started_at=moment(raw.get("startedAt")),
        deadline=moment(raw.get("deadline")),
        next_retry_at=moment(raw.get("nextRetryAt")),
        reason=raw.get("reason") or "",
        message=raw.get("message") or "",
    )


def row_to(row: Group) -> dict[str, Any]:
    raw = {
        "name": row.name,
        "policy": row.policy,
        "state": str(row.state),
        "id": row.id,
        "title": row.title,
        "attempt": row.attempt,
        "startedAt": stamp(row.started_at),
        "deadline": stamp(row.deadline),
        "nextRetryAt": stamp(row.next_retry_at),
        "reason": row.reason,
        "message": row.message,
    }
    return {name: value for name, value in raw.items() if value}


def rows_to(book: Book) -> list[dict[str, Any]] | None:
    """As `status.groups`, by name. One of which nothing was announced yet is not there."""
    return [row_to(row) for _, row in sorted(book.rows.items()) if row.title or row.reason] or None
