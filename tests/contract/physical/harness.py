"""What a backend of PhysicalMachines must lend to the contract suite: BMCs, hands behind our back, and the truth."""

from typing import Any, Protocol

from tests.model_redfish import Trouble

from hostwright.core.port import Trace
from hostwright.kinds.physicalmachine.port import Access
from hostwright.kinds.provider.port import Session

OTHER = "11111111-2222-4333-8444-555555555555"


class Harness(Protocol):
    """BMCs have numbers, from 0 to 3 at least. All are well and their servers off when a case begins."""

    name: str
    patience: float

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def reset(self) -> None: ...

    async def session(self, poll: str = "1s") -> Session: ...

    def access(self, number: int = 0, **more: Any) -> Access: ...

    def uuid(self, number: int = 0) -> str: ...

    # -- the truth

    def powered_on(self, number: int = 0) -> bool: ...

    def resets(self, number: int = 0) -> list[str]: ...

    def restarts(self, number: int = 0) -> int: ...

    def requests(self, number: int = 0) -> int: ...

    def sessions(self, number: int = 0) -> int: ...

    def logins_refused(self, number: int = 0) -> int: ...

    def most_in_flight(self, number: int = 0) -> int: ...

    # -- hands behind our back

    def switch(self, number: int = 0, *, on: bool) -> None: ...

    def trouble(self, request: str, trouble: Trouble, number: int = 0, seconds: float = 0.0) -> None:
        """The next request of that word: system, reset."""
        ...

    def takes(self, seconds: float, number: int = 0) -> None: ...

    def deaf(self, number: int = 0) -> None: ...

    def dead(self, number: int = 0, *, dead: bool) -> None: ...

    def identity(self, uuid: str, number: int = 0) -> None: ...

    def lies(self, number: int = 0, *, on: bool) -> None:
        """The BMC shows this power, whatever it is."""
        ...

    def ignores_settings(self, number: int = 0) -> None: ...

    def password(self, password: str, number: int = 0) -> None:
        """Changed, and all sessions ended."""
        ...

    def away_for(self, seconds: float, number: int = 0) -> None:
        """After a restart of the BMC."""
        ...


def trace(number: int, uuid: str | None = None) -> Trace:
    machine_id = f"00000000-0000-4000-8000-{number:012d}"
    return Trace(machine_id, "", "", f"racks-r{number}", "racks", f"r{number}", provider_id=uuid)
