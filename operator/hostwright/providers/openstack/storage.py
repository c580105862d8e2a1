"""Whether Cinder answers: while it does not, only the machines that have disks wait for it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from hostwright.core.errors import Failure, Transient, Unreachable
from hostwright.core.port import Trace
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.providers.openstack import errors
from hostwright.providers.openstack.rows import Refused

T = TypeVar("T")
_DISK, SERVERS_FAULT = "volume/", 500


class Storage:
    """Of one session."""

    def __init__(self, monotonic: Callable[[], float], turned: Callable[[], None]) -> None:
        self._monotonic, self._turned = monotonic, turned
        self.away: tuple[Failure, float] | None = None  # why, and since when (monotonic seconds)

    async def ask(self, asked: Awaitable[T]) -> T | None:
        """Its answer, or None while there is none: no connection, a 5xx. What it refuses is raised as ever."""
        try:
            answer = await asked
        except errors.RAISED as error:
            failure = errors.of_read(error)
            answered = isinstance(error, Refused) and error.status < SERVERS_FAULT
            if answered or not isinstance(failure, Transient):
                raise
            self._gone(failure)
            return None
        if self.away is not None:
            self.away = None
            self._turned()
        return answer

    def hinders(self, trace: Trace, spec: VirtualMachineSpec) -> tuple[Failure, float] | None:
        """What keeps a machine that has disks, or is to have some, from being looked at and changed."""
        wished = spec.root_disk is not None or bool(spec.data_disks)
        return self.away if wished or concerns(trace) else None

    @property
    def why(self) -> str:
        return self.away[0].message if self.away is not None else ""

    def _gone(self, failure: Failure) -> None:
        turned = self.away is None
        since = self._monotonic() if self.away is None else self.away[1]
        why = f"Cinder is away, and with it this machine's disks: {failure.message}"
        self.away = (Unreachable(why, code=failure.code), since)
        if turned:
            self._turned()


def concerns(trace: Trace) -> bool:
    """It has disks by its ledger, or by a call that is open; of one that was imported nobody knows."""
    return trace.imported or trace.making.startswith(_DISK) or any(row.name.startswith(_DISK) for row in trace.ledger)
