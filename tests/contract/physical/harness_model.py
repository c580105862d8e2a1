"""The model in memory."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.model_redfish import ModelBmc, ModelClient, Trouble

from hostwright.kinds.physicalmachine.port import Access
from hostwright.kinds.provider.port import Context, Session
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.providers.redfish.client import Client
from hostwright.providers.redfish.rows import Power
from hostwright.providers.redfish.session import open_session


def make(_request: pytest.FixtureRequest) -> "ModelHarness":
    return ModelHarness()


class ModelHarness:
    name = "model"
    patience = 20.0

    def __init__(self) -> None:
        self.bmcs: list[ModelBmc] = []
        self._executor = ThreadPoolExecutor(1)

    def start(self) -> None:
        self.reset()

    def stop(self) -> None:
        self._executor.shutdown()

    def reset(self) -> None:
        self.bmcs = [ModelBmc(f"00000000-0000-4000-8000-00000000000{number}") for number in range(4)]
        self._turns: dict[str, asyncio.Lock] = {}

    async def session(self, poll: str = "1s") -> Session:
        spec = ProviderSpec.model_validate(
            {"type": "Redfish", "allowedNamespaces": {"from": "All"}, "limits": {"pollInterval": poll}}
        )
        context = Context("lab", "c", self._executor, time.monotonic, lambda: datetime.now(UTC))

        def connect(access: Access) -> Client:
            bmc = self.bmcs[int(access.address.rpartition("-")[2])]
            turn = self._turns.setdefault(access.address, asyncio.Lock())
            return ModelClient(bmc, access, time.monotonic, seconds=3.0, turn=turn)

        return open_session(connect, spec, context)

    def access(self, number: int = 0, **more: Any) -> Access:
        return Access(**{"address": f"https://bmc-{number}", "username": "admin", "password": "right", **more})

    def uuid(self, number: int = 0) -> str:
        return self.bmcs[number].uuid

    def powered_on(self, number: int = 0) -> bool:
        self.bmcs[number].settle(time.monotonic())
        return self.bmcs[number].power is Power.ON

    def resets(self, number: int = 0) -> list[str]:
        return self.bmcs[number].resets

    def restarts(self, number: int = 0) -> int:
        return self.bmcs[number].restarts

    def requests(self, number: int = 0) -> int:
        return self.bmcs[number].requests

    def sessions(self, number: int = 0) -> int:
        return self.bmcs[number].sessions

    def logins_refused(self, number: int = 0) -> int:
        return self.bmcs[number].logins_refused

    def most_in_flight(self, number: int = 0) -> int:
        return self.bmcs[number].most_in_flight

    def switch(self, number: int = 0, *, on: bool) -> None:
        self.bmcs[number].switch(Power.ON if on else Power.OFF)

    def trouble(self, request: str, trouble: Trouble, number: int = 0, seconds: float = 0.0) -> None:
        self.bmcs[number].troubles.append((request, trouble, seconds))

    def takes(self, seconds: float, number: int = 0) -> None:
        self.bmcs[number].takes = seconds

    def deaf(self, number: int = 0) -> None:
        self.bmcs[number].deaf = True

    def dead(self, number: int = 0, *, dead: bool) -> None:
        self.bmcs[number].dead = dead

    def identity(self, uuid: str, number: int = 0) -> None:
        self.bmcs[number].uuid = uuid

    def lies(self, number: int = 0, *, on: bool) -> None:
        self.bmcs[number].shows = Power.ON if on else Power.OFF

    def ignores_settings(self, number: int = 0) -> None:
        self.bmcs[number].ignores_settings = True

    def password(self, password: str, number: int = 0) -> None:
        self.bmcs[number].password, self.bmcs[number].sessions = password, 0

    def away_for(self, seconds: float, number: int = 0) -> None:
        self.bmcs[number].restart_seconds = seconds
