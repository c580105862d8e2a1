"""Every loss of the Lease is told, also one that is over when the slow API server has answered."""

import asyncio
import selectors
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from hostwright.core.errors import Failure
from hostwright.engine.ports import ObjectGoneError, StaleBodyError
from hostwright.runtime.lease import RENEW_EVERY, SEND_WITHIN, STANDBY_EVERY, Lease

if TYPE_CHECKING:
    from hostwright.runtime.cluster import KubernetesCluster


@dataclass
class Clock:
    passed: float = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.passed


@dataclass
class SlowApi:
    """Answers each PUT after the next of these seconds; then it is cut off, which ends the test's Lease."""

    clock: Clock
    seconds: list[float]
    lease: dict[str, Any] | None = None
    held: list[bool] = field(default_factory=list)

    async def raw(self, method: str, path: str, body: Any = None) -> Any:
        if method == "GET":
            if self.lease is None:
                raise ObjectGoneError
            return self.lease
        if not self.seconds:
            raise Failure("cut off")
        self.clock.passed += self.seconds.pop(0)
        self.lease = {**body, "metadata": {"uid": "u", "resourceVersion": str(self.clock.passed)}}
        return self.lease


class Hasty(selectors.DefaultSelector):
    """Waits a hundredth of what it is asked to; the Lease's own clock does not see it."""

    def select(self, timeout: float | None = None) -> Any:
        return super().select(timeout and timeout / 100)


class HastyLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__(Hasty())

    def time(self) -> float:
        return super().time() * 100


async def _told(*seconds: float) -> list[bool]:
    clock = Clock()
    api = SlowApi(clock, list(seconds))
    lease = Lease(cast("KubernetesCluster", api), "here", "me", clock)
    lease.on_turn = api.held.append
    with pytest.raises(Failure):
        await asyncio.wait_for(lease.run(), 10 * RENEW_EVERY)
    return api.held


def test_a_lapse_during_a_slow_renewal_is_told_though_it_is_over() -> None:
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        assert runner.run(_told(0.0, 19.0, 5.0)) == [True, False, True]


async def _logged(capsys: pytest.CaptureFixture[str], holder: str) -> list[str]:
    clock = Clock()
    api = SlowApi(clock, [0.0], {"metadata": {"uid": "u", "resourceVersion": "1"}, "spec": {"holderIdentity": holder}})
    lease = Lease(cast("KubernetesCluster", api), "here", "me", clock)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(lease.run(), 3 * STANDBY_EVERY)
    return [line for line in capsys.readouterr().out.splitlines() if "standing by" in line]


def test_whoever_waits_for_another_holder_says_so_once_and_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        (line,) = runner.run(_logged(capsys, "killed_1"))
    assert "killed_1" in line
    assert "30 s" in line


@dataclass
class SlowToSee:
    """The holder renews while our first look at its Lease is on its way, and never again."""

    clock: Clock
    sent_until: float = 0.0
    taken_at: float = 0.0

    async def raw(self, method: str, path: str, body: Any = None) -> Any:
        if method == "PUT":
            self.taken_at = self.clock.passed
            raise Failure("cut off")
        if not self.sent_until:
            self.clock.passed += 14.0
            self.sent_until = self.clock.passed + SEND_WITHIN
        return {"metadata": {"uid": "u", "resourceVersion": "1"}, "spec": {"holderIdentity": "other"}}


async def _taken(clock: Clock) -> SlowToSee:
    api = SlowToSee(clock)
    lease = Lease(cast("KubernetesCluster", api), "here", "me", clock)
    running = asyncio.create_task(lease.run())
    while not running.done():
        await asyncio.sleep(0)
        clock.passed += 0.5
        await asyncio.sleep(0.5)
    with pytest.raises(Failure):
        running.result()
    return api


def test_a_holder_that_renewed_while_we_looked_is_not_overtaken_while_it_may_send() -> None:
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        api = runner.run(_taken(Clock()))
    assert api.taken_at >= api.sent_until


@dataclass
class StillRenewing:
    """Our last renewal is on its way when the Lease is let go of: it comes between the read and the write."""

    lease: dict[str, Any]
    renewed: bool = False

    async def raw(self, method: str, path: str, body: Any = None) -> Any:
        if method == "GET":
            return self.lease
        if not self.renewed:
            self.renewed = True
            self.lease = {**self.lease, "metadata": {"uid": "u", "resourceVersion": "3"}}
        if body["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise StaleBodyError("409")
        self.lease = body
        return body


async def test_a_renewal_that_is_still_on_its_way_does_not_keep_the_lease() -> None:
    api = StillRenewing({"metadata": {"uid": "u", "resourceVersion": "2"}, "spec": {"holderIdentity": "me"}})
    lease = Lease(cast("KubernetesCluster", api), "here", "me", Clock())
    lease._renewed = 0.0
    await lease.release()
    assert api.lease["spec"]["holderIdentity"] == ""
