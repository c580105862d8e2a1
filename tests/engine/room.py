"""One server in a rack, and operators over it that die and come back."""

from typing import Any

from tests.engine.apiserver import ApiServer
from tests.engine.bmcs import Bmc, Rack, RackProcess
from tests.engine.process import site
from tests.engine.virtual import Clock, until
from tests.engine.wire import Wire

from hostwright.engine.ports import Key, Secret

SERVER = Key("PhysicalMachine", "racks", "r1")
SECRET = Secret("7", {"username": b"admin", "password": b"right\n"}, ())
PROVIDER = {
    "type": "Redfish",
    "redfish": {"allowedAddresses": ["10.0.0.0/8"]},
    "allowedNamespaces": {"from": "All"},
    "limits": {"pollInterval": "60s"},
}


def spec(**more: Any) -> dict[str, Any]:
    return {
        "providerRef": {"name": "bmc-lab"},
        "bmc": {"address": "https://r1", "credentialsRef": {"name": "r1-bmc"}},
        **more,
    }


class Room:
    """One server, and operators that die and come back."""

    def __init__(self, wire: Wire | None = None, **bmc: Any) -> None:
        self.clock, self.wire = Clock(), wire or Wire()
        self.api = ApiServer(self.clock)
        self.rack = Rack(self.clock)
        self.bmc: Bmc = self.rack.add("r1", **bmc)
        self.api.secrets["r1-bmc"] = SECRET
        self.processes: list[RackProcess] = []
        self.wire.die = self.die

    def begin(self) -> RackProcess:
        if not self.processes:
            self.api.apply(Key("Namespace", "", "racks"), {})
            self.api.apply(Key("Provider", "", "bmc-lab"), PROVIDER)
        process = RackProcess(self.api, site(), self.wire, self.clock, 5.0, rack=self.rack)
        process.start()
        self.processes.append(process)
        return process

    def die(self) -> None:
        self.processes[-1].kill()

    def apply(self, **more: Any) -> None:
        self.api.apply(SERVER, spec(**more))

    def ready(self) -> bool:
        body = self.api.objects.get(SERVER)
        status = self.api.status(SERVER)
        fresh = body is not None and status.get("observedGeneration") == body["metadata"]["generation"]
        return fresh and self.condition("Ready") == "True" and not status.get("operation")

    def condition(self, kind: str) -> str:
        return str(self.api.condition(SERVER, kind).get("status", ""))

    def reason(self, kind: str) -> str:
        return str(self.api.condition(SERVER, kind).get("reason", ""))

    @property
    def spec(self) -> Any:
        return self.api.objects[SERVER]["spec"]

    def handled(self, key: str) -> str:
        return str((self.api.status(SERVER).get("handled") or {}).get(key, ""))

    def inspections(self) -> int:
        return sum(process.told.calls.count(("inspect", "ok")) for process in self.processes)

    async def reach(self, look: Any, what: str, seconds: float = 900) -> None:
        """With a new process two seconds after the present one died."""
        for _ in range(4):
            process = self.processes[-1]
            await until(lambda process=process: look() or process.queue._closed, seconds, what)  # type: ignore[misc]
            if look():
                return
            await self.seconds(2.0)
            self.begin()
        raise AssertionError(f"{what}: died too often")

    async def seconds(self, seconds: float) -> None:
        end = self.clock.monotonic() + seconds
        await until(lambda: self.clock.monotonic() >= end, seconds + 1)

    def end(self) -> None:
        assert self.bmc.breaches == []
        for process in self.processes:
            assert process.told.bugs == []
            process.kill()
