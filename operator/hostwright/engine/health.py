"""Whether a Provider answers: judged by each answered and failed read and login (PROTOCOLS section 7)."""

from collections.abc import Callable
from dataclasses import dataclass

from hostwright.core.errors import Bug, Denied, Failure, IdentityChanged, Unreachable
from hostwright.kinds.provider.port import Checked, Session

#: An outage that was told on machines ends after this many seconds of good answers.
GOOD_FOR = 30.0
TOLD_AFTER = 120.0
#: One failed read may be a blip.
BAD_READS = 2


@dataclass(slots=True)
class State:
    """What the rest of the engine reads of a connection; written by the connection only.

    `failure` stands in the way of every call. `refused` is a newer login that failed while the running session still
    works: told on the Provider, and no hindrance to its machines.
    """

    monotonic: Callable[[], float]
    turned: Callable[[], None]  # something that is told on the Provider or its machines changed
    bug: Callable[[BaseException], None]
    session: Session | None = None
    checked: Checked | None = None
    failure: Failure | None = None
    refused: Failure | None = None
    down_since: float | None = None
    good_since: float | None = None
    bad_reads: int = 0
    synced: bool = False  # the session's first full sweep was told

    def logged_in(self, session: Session, checked: Checked) -> None:
        """A new session took over: it has to look at everything once before its machines count on it.

        A login beside a session that did not answer is a good answer, and no more: where the outage was told, it ends
        as any other.
        """
        damped = self.session is not None and isinstance(self.failure, Unreachable) and self._was_told
        self.session, self.checked, self.synced = session, checked, False
        self.refused, self.bad_reads = None, 0
        if damped:
            self.good_since = self.monotonic()
        else:
            self.failure = self.down_since = self.good_since = None
        self.turned()

    def forget(self) -> None:
        """As before the first login."""
        self.session = self.checked = self.failure = self.refused = None
        self.down_since = self.good_since = None
        self.bad_reads, self.synced = 0, False

    def login_failed(self, failure: Failure) -> None:
        """The running session, if there is one, is used until it is refused; unless the place is another one."""
        if self.session is None or self.failure is not None or isinstance(failure, IdentityChanged):
            self.refused = None
            self._fail(failure)
            return
        turned = self.refused is None or self.refused.reason != failure.reason
        self.refused = failure
        if turned:
            self.turned()

    def answered(self, error: BaseException | None) -> None:
        """After every answered (None) or failed read of the backend."""
        if error is None:
            self._good()
        elif isinstance(error, Denied):
            self._fail(error)
        elif isinstance(error, Failure):
            self.bad_reads += 1
            if self.bad_reads >= BAD_READS:
                self._fail(error if isinstance(error, Unreachable) else Unreachable(error.message, code=error.code))
        else:
            self.bug(error)
            self._fail(Bug(f"{type(error).__name__} while reading the backend"))

    @property
    def _was_told(self) -> bool:
        return self.down_since is not None and self.monotonic() - self.down_since >= TOLD_AFTER

    @property
    def down_for(self) -> float | None:
        return None if self.down_since is None else self.monotonic() - self.down_since

    def _good(self) -> None:
        now = self.monotonic()
        self.bad_reads = 0
        if not self.synced and self.session is not None and self.session.synced():
            self.synced = True
            self.turned()  # machines waited for the first full look
        if self.failure is None or isinstance(self.failure, Denied):
            return  # a login that was refused, or leads elsewhere, is judged by the next login alone
        self.good_since = self.good_since if self.good_since is not None else now
        if not self._was_told or now - self.good_since >= GOOD_FOR:
            self.failure = self.down_since = self.good_since = None
            self.turned()

    def _fail(self, failure: Failure) -> None:
        self.good_since = None
        turned = self.failure is None or self.failure.reason != failure.reason
        if self.down_since is None:
            self.down_since = self.monotonic()
        self.failure = failure
        if turned:
            self.turned()
