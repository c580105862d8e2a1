"""sushy-tools' emulator in the sandbox, over HTTPS; its control port as the hands behind our back."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures_redfish import Rack, well
from tests.model_redfish import Trouble

from hostwright.kinds.physicalmachine.port import Access
from hostwright.kinds.provider.port import Context, Session
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.providers.redfish import BACKEND

FAULTS = {Trouble.FAIL: "Status", Trouble.LOSE_REPLY: "LoseReply", Trouble.CUT: "Cut", Trouble.SLOW: "Slow"}
REQUESTS = {"system": "GET .*/Systems/[^/]+$", "reset": "POST .*ComputerSystem.Reset"}


def make(request: pytest.FixtureRequest) -> "EmulatorHarness":
    return EmulatorHarness(request.getfixturevalue("shared_rack"))


class EmulatorHarness:
    name = "emulator"
    patience = 30.0

    def __init__(self, rack: Rack) -> None:
        self.rack, self.bmcs = rack, rack.bmcs
        self._executor = ThreadPoolExecutor(68)
        self._ca = Path(rack.facts["ca"]).read_bytes()

    def start(self) -> None: ...

    def stop(self) -> None:
        self._executor.shutdown()

    def reset(self) -> None:
        well(self.rack)
        for number in range(4):
            self.bmcs.end_sessions(number)

    async def session(self, poll: str = "1s") -> Session:
        spec = ProviderSpec.model_validate(
            {
                "type": "Redfish",
                "allowedNamespaces": {"from": "All"},
                "redfish": {"allowedAddresses": ["127.0.0.0/8"]},
                "limits": {"pollInterval": poll},
            }
        )
        context = Context("lab", "c", self._executor, time.monotonic, lambda: datetime.now(UTC))
        return await BACKEND.connect(spec, None, context)

    def access(self, number: int = 0, **more: Any) -> Access:
        facts = self.rack.facts
        login = {key: facts[key] for key in ("username", "password")}
        return Access(**{"address": facts["bmcs"][number]["address"], **login, "ca": self._ca, **more})

    def uuid(self, number: int = 0) -> str:
        return str(self.rack.facts["bmcs"][number]["systemId"])

    def powered_on(self, number: int = 0) -> bool:
        return bool(self._shown(number)["power"] == "On")

    def resets(self, number: int = 0) -> list[str]:
        return self.bmcs.resets(number)

    def restarts(self, number: int = 0) -> int:
        return int(self._shown(number)["restarts"])

    def requests(self, number: int = 0) -> int:
        return int(self._shown(number)["requests"])

    def sessions(self, number: int = 0) -> int:
        return int(self._shown(number)["sessions"])

    def logins_refused(self, number: int = 0) -> int:
        return int(self._shown(number)["loginsRefused"])

    def most_in_flight(self, number: int = 0) -> int:
        return int(self._shown(number)["mostInFlight"])

    def _shown(self, number: int) -> Mapping[str, Any]:
        return self.bmcs.one(number)

    def switch(self, number: int = 0, *, on: bool) -> None:
        self.bmcs.switch(number, "On" if on else "Off")

    def trouble(self, request: str, trouble: Trouble, number: int = 0, seconds: float = 0.0) -> None:
        more = {"status": 500} if trouble is Trouble.FAIL else {"seconds": seconds}
        self.bmcs.fault(number, FAULTS[trouble], match=REQUESTS[request], **more)

    def takes(self, seconds: float, number: int = 0) -> None:
        self.bmcs.set(number, power_seconds=seconds)

    def deaf(self, number: int = 0) -> None:
        self.bmcs.set(number, deaf=True)

    def dead(self, number: int = 0, *, dead: bool) -> None:
        self.bmcs.set(number, line="Dead" if dead else "Well")

    def identity(self, uuid: str, number: int = 0) -> None:
        self._overlay(number, UUID=uuid)

    def lies(self, number: int = 0, *, on: bool) -> None:
        self._overlay(number, PowerState="On" if on else "Off")

    def ignores_settings(self, number: int = 0) -> None:
        self._overlay(number, Boot={"BootSourceOverrideMode": "UEFI"}, IndicatorLED="Off")

    def password(self, password: str, number: int = 0) -> None:
        self.bmcs.set(number, password=password)
        self.bmcs.end_sessions(number)

    def away_for(self, seconds: float, number: int = 0) -> None:
        self.bmcs.set(number, restart_seconds=seconds)

    def _overlay(self, number: int, **fields: Any) -> None:
        self.bmcs.set(number, overlay={f"/Systems/{self.uuid(number)}": fields})
