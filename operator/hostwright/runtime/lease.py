"""One writer: a Lease of 30 s, renewed every 5 s, no sending 20 s after the last renewal (PROTOCOLS section 8).

A holder is judged by our own monotonic clock: a Lease whose content has not moved for its whole duration is free.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hostwright.core.names import LEASE
from hostwright.engine.ports import (
    Clock,
    ClusterUnavailableError,
    LeaseLostError,
    ObjectGoneError,
    StaleBodyError,
    WriteRefusedError,
)
from hostwright.runtime.cluster import KubernetesCluster
from hostwright.runtime.logs import logger

DURATION = 30.0
RENEW_EVERY = 5.0
SEND_WITHIN = 20.0
STANDBY_EVERY = 2.0


class Lease:
    """Implements engine.ports.Gate."""

    def __init__(self, cluster: KubernetesCluster, namespace: str, identity: str, clock: Clock) -> None:
        self._cluster, self._identity, self._clock = cluster, identity, clock
        self._namespace = namespace
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._renewed = float("-inf")
        self._leading = False  # as told last
        self._seen: tuple[str, float] = ("", float("-inf"))  # content, monotonic first sight of it
        self._behind = ""  # the holder that was told last
        self._log = logger(lease=LEASE)
        self.on_turn: Callable[[bool], None] = lambda _: None

    def held(self) -> bool:
        return self._clock.monotonic() - self._renewed < SEND_WITHIN

    def check(self) -> None:
        if not self.held():
            raise LeaseLostError("the Lease is not ours now")

    async def run(self) -> None:
        """Take it when it is free, renew it, for ever."""
        while True:
            try:
                await self._try()
            except (ClusterUnavailableError, StaleBodyError, WriteRefusedError, ObjectGoneError) as error:
                self._log.warning("lease not renewed", error=str(error))
            self._turn()
            await asyncio.sleep(RENEW_EVERY if self._leading else STANDBY_EVERY)

    def _turn(self) -> None:
        if self.held() != self._leading:
            self._leading = self.held()
            self._log.info("leading" if self._leading else "standing by")
            self.on_turn(self._leading)

    def _renew(self, began: float) -> None:
        self._behind = ""
        self._turn()  # lost for a moment, while the API server was slow: told, or the keys dropped then were forgotten
        self._renewed = began

    async def release(self) -> None:
        """Let a successor take it at once. Only when no mutating call is in flight."""
        if not self.held():
            return
        self._renewed = float("-inf")
        try:
            try:
                await self._let_go()
            except StaleBodyError:  # our last renewal was still on its way
                await self._let_go()
        except (ClusterUnavailableError, StaleBodyError, WriteRefusedError, ObjectGoneError) as error:
            self._log.warning("lease not released", error=str(error))

    async def _let_go(self) -> None:
        lease = await self._cluster.raw("GET", f"{self._collection}/{LEASE}")
        if lease["spec"].get("holderIdentity") == self._identity:
            await self._cluster.raw("PUT", f"{self._collection}/{LEASE}", self._with(lease, holder=""))

    async def _try(self) -> None:
        began = self._clock.monotonic()
        try:
            lease: Any = await self._cluster.raw("GET", f"{self._collection}/{LEASE}")
        except ObjectGoneError:
            new = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": LEASE}, "spec": {}}
            await self._cluster.raw("POST", self._collection, self._with(new, holder=self._identity))
            self._renew(began)
            return
        holder = lease["spec"].get("holderIdentity") or ""
        if holder not in {"", self._identity} and not self._expired(lease, began):
            self._stand_by(holder)
            return
        await self._cluster.raw("PUT", f"{self._collection}/{LEASE}", self._with(lease, holder=self._identity))
        self._renew(began)

    def _stand_by(self, holder: str) -> None:
        """Told once for each holder: after a crash it is the dead process, and its Lease is waited out."""
        if holder != self._behind:
            self._behind = holder
            self._log.info("standing by", holder=holder, leads_after=f"{DURATION:.0f} s without a renewal")

    def _expired(self, lease: Any, now: float) -> bool:
        content = f"{lease['metadata']['uid']}/{lease['metadata']['resourceVersion']}"
        if self._seen[0] != content:
            self._seen = (content, self._clock.monotonic())  # it may have been renewed while our look was on its way
        return now - self._seen[1] > DURATION

    def _with(self, lease: Any, *, holder: str) -> Any:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = dict(lease["spec"])
        if spec.get("holderIdentity") != holder:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
        spec |= {"holderIdentity": holder, "leaseDurationSeconds": int(DURATION), "renewTime": now}
        return {**lease, "spec": spec}


class AlwaysHeld:
    """No Lease: for tests of two writers only."""

    on_turn: Callable[[bool], None] = staticmethod(lambda _: None)

    def held(self) -> bool:
        return True

    def check(self) -> None:
        return None

    async def run(self) -> None:
        self.on_turn(True)
        await asyncio.Event().wait()

    async def release(self) -> None:
        return None
