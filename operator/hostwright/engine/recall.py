"""What this process remembers of one object between passes; a restart may lose all of it."""

from dataclasses import dataclass, field, replace
from typing import Any

from hostwright.core.errors import Failure
from hostwright.core.intent import Quiet
from hostwright.core.port import LedgerRow, Operation, OperationType, Receipt, Window
from hostwright.engine.ledger import merge
from hostwright.engine.limits import Bucket

#: What is made last, with an intent of its own: when it comes, every part before it was answered.
SERVER = "server"


@dataclass(slots=True)
class Recall:
    """Mutable: one pass at a time works on it."""

    uid: str
    machine_id: str  # another one, another machine: nothing remembered is about it
    first_seen: dict[str, float] = field(default_factory=dict)  # operation key → monotonic first sight of the intent
    known: set[str] = field(default_factory=set)  # operation keys whose outcome we know
    unsent: str = ""  # key of the last operation for which nothing was sent
    receipts: dict[str, float] = field(default_factory=dict)  # ledger name → monotonic end of its last receipt
    made: dict[str, LedgerRow] = field(default_factory=dict)  # rows no patch has carried yet
    gone: set[str] = field(default_factory=set)
    unwritten_since: float | None = None
    behind: bool = False  # our last write of the status had no answer, or was refused: another one may stand there
    operation: Operation | None = None  # newer than the one in the body: what the next patch must say
    operation_changed: bool = False
    failures: int = 0  # calls in a row that failed
    unanswered: int = 0  # proofs in a row that failed: an answered one says nothing of a call that is refused again
    in_vain: bool = False  # the last call failed
    retry_at: float = float("-inf")  # monotonic: no call before
    ask_at: float = float("-inf")  # monotonic: no proof before
    verify_at: float = float("-inf")  # monotonic: a lost reply is not looked for before
    #: Monotonic, without the lag: until then a fenced call that has no intent of its own may still be carried out.
    late_until: float = float("-inf")
    unseen: int = 0  # looks for it in a row that showed nothing
    refusal: Failure | None = None  # why, in the words that stay until then
    turn_at: float | None = None  # monotonic: when our token of the Provider's rate comes; None: none asked for
    #: That nothing was ever made for it is known: at first sight nothing was, or the backend showed nothing of it, and
    #: no call was sent since.
    #: Without a row or an intent, only then does the status say `machineID`, by which a deletion knows it.
    looked: bool = False
    login: Any = None  # of a kind whose machines each have their own (engine.enrol.Login)
    wish: tuple[Any, ...] = ()  # generation, going, labels that are tags, as last looked at

    def wished(self, *wish: Any) -> None:
        """What was refused holds nothing back that is wished since: an edit or a deletion is tried at once."""
        if self.wish != wish:
            self.wish, self.retry_at, self.failures = wish, float("-inf"), 0
            self.unanswered, self.ask_at = 0, float("-inf")
            self.in_vain, self.refusal = False, None
            self.verify_at, self.unseen = float("-inf"), 0

    def turn(self, now: float, bucket: Bucket) -> float:
        """Seconds until our token of the Provider's rate comes; it is ours from the first asking on."""
        if self.turn_at is None:
            self.turn_at = now + bucket.wait()
        return max(0.0, self.turn_at - now)

    def ledger(self, rows: tuple[LedgerRow, ...]) -> tuple[LedgerRow, ...]:
        """The ledger as the status has it, and what no patch has carried yet."""
        return merge(rows, self.made.values(), self.gone)

    def keep(self, receipt: Receipt, window: Window | None, expect: str, ended: float) -> None:
        """A receipt is never dropped, but kept until a patch has carried it."""
        for row in merge((), receipt.made, (), window):
            self.made[row.name] = row
            self.gone.discard(row.name)
            self.receipts[row.name] = ended
        for name in receipt.gone:
            self.gone.add(name)
            self.made.pop(name, None)
        self.receipts[expect] = ended
        if (receipt.made or receipt.gone) and self.unwritten_since is None:
            self.unwritten_since = ended

    def goes_on(self, operation: Operation, task: str, now: float) -> None:
        """The backend makes it by a task of its own; until that ends the outcome is open."""
        self.operation, self.operation_changed = replace(operation, task=task), True
        if self.unwritten_since is None:
            self.unwritten_since = now

    def written(self) -> None:
        """A patch has carried everything."""
        self.made.clear()
        self.gone.clear()
        self.unwritten_since = None
        self.operation_changed = False

    def opened(self, operation: Operation, now: float) -> None:
        """Its intent was written just now; an earlier one may have borne the same words (a part made anew)."""
        self.first_seen[operation.key] = now
        self.known.discard(operation.key)
        self.verify_at, self.unseen = float("-inf"), 0

    def abandon(self, operation: Operation, first_seen: float) -> None:
        """Nothing was sent for it, so there is nothing to verify, whether its intent stands in the status or not."""
        self.first_seen[operation.key] = first_seen
        self.known.add(operation.key)
        self.unsent = operation.key

    def see(self, operation: Operation | None, now: float) -> None:
        """The quiet time runs from here. What another process sent after it, fenced, is in no intent."""
        if operation is None or operation.key in self.first_seen:
            return
        self.first_seen[operation.key] = now
        if operation.type is OperationType.CREATE and operation.part != SERVER and operation.next_retry_at is None:
            self.late_until = max(self.late_until, now + _length(operation))

    def open(self, operation: Operation | None, rows: tuple[LedgerRow, ...]) -> bool:
        """Whether the operation's outcome is unknown to us."""
        if operation is None or operation.key in self.known or operation.next_retry_at is not None:
            return False
        return not any(row.name == operation.part and not _older(row, operation) for row in rows)

    def quiet(self, operation: Operation, lag: float) -> Quiet:
        """Until when an open operation may still be applied or stay invisible."""
        return Quiet(self.first_seen[operation.key], _length(operation) + lag)


def _length(operation: Operation) -> float:
    """Seconds that its call may take."""
    if operation.started_at is None or operation.deadline is None:
        return 30.0
    return (operation.deadline - operation.started_at).total_seconds()


def _older(row: LedgerRow, operation: Operation) -> bool:
    """The row is of a part before this one (made anew under the same name): it does not answer for the operation."""
    ended = row.window.end if row.window is not None else None
    return ended is not None and operation.started_at is not None and ended < operation.started_at
