"""What a settled OpenStack project costs in an hour, and how late drift is seen: the real engine in virtual time."""

import asyncio
import json
import random
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.bench.cluster import Tell
from tests.bench.figures import Row, percentile
from tests.bench.nova import Nova
from tests.engine.apiserver import ApiServer
from tests.engine.process import Gate, Process, site
from tests.engine.samples import CATALOG, SPEC, VM
from tests.engine.virtual import Clock, until
from tests.engine.virtual import run as in_virtual_time
from tests.engine.wire import Wire

from hostwright.core.names import owner_mark, provider_name
from hostwright.engine.ports import Key
from hostwright.kinds.provider.port import Backend, Context, Session
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.providers.openstack import translate
from hostwright.providers.openstack.client import SdkClient
from hostwright.providers.openstack.section import SECTIONS
from hostwright.providers.openstack.session import names_of, open_session

HOUR, SETTLE = 3600.0, 300.0
#: Machines, whether each has a data volume and a floating IP, and the bar.
FLEETS = ((1_000, False, 0.6), (1_000, True, 0.6), (10_000, False, 0.12))
SWITCHED = 120
STANDBY = 1_000
PROVIDER = {
    "type": "OpenStack",
    "openstack": {"cloudName": "lab"},
    "allowedNamespaces": {"from": "All"},
    "networks": [{"name": "app"}],
    "storageClasses": [{"name": "standard", "openstack": {"volumeType": "standard"}}],
}
#: With a data volume and a floating IP each.
FULL = {
    **SPEC,
    "network": {"interfaces": [{**SPEC["network"]["interfaces"][0], "floatingIP": {"pool": "public"}}]},  # type: ignore[index]
    "dataDisks": [{"name": "data", "size": "1Gi", "storageClass": "standard"}],
}


class OneClient(SdkClient):
    """The provider's own, over answers of this process."""

    def __init__(self, nova: Nova) -> None:
        self._transport, self._project = nova, ""  # type: ignore[assignment]


@dataclass(frozen=True)
class OpenStack:
    nova: Nova
    sections = SECTIONS

    async def connect(self, spec: ProviderSpec, secret: Mapping[str, bytes] | None, context: Context) -> Session:
        session: Session = await open_session(OneClient(self.nova), names_of(spec), context)
        return session


@dataclass
class Operator(Process):
    nova: Nova = None  # type: ignore[assignment]

    def backends(self) -> Mapping[str, Backend]:
        return {"OpenStack": OpenStack(self.nova)}


@dataclass(frozen=True)
class Hours:
    asked: Counter[str]  # in a quiet one
    written: int  # statuses, in the same
    passes: int
    called: tuple[float, ...]  # of another: from a guest's power-off to the call that starts it


async def run(tell: Tell) -> list[Row]:
    rows = []
    for size, full, bar in FLEETS:
        what = f"OpenStack, {size} settled" + (" with a volume and a floating IP each" if full else "")
        tell(f"two hours of {what}")
        hours = await asyncio.to_thread(in_virtual_time, two_hours(size, SWITCHED, FULL if full else SPEC), 1 << 60)
        rows += _rows(what, size, bar, hours)
    tell(f"an hour of a standby beside {STANDBY}")
    asked = await asyncio.to_thread(in_virtual_time, standing_by(STANDBY), 1 << 60)
    what = f"OpenStack, {STANDBY} settled: a standby's provider calls for each machine-hour ({_most(asked)})"
    return [*rows, Row(what, asked.total() / STANDBY)]


async def two_hours(size: int, switched: int, spec: Mapping[str, Any] = SPEC) -> Hours:
    """A quiet one, and one in which so many guests power themselves off."""
    clock, api, nova = await _settled(size, spec)
    second = Operator(api, site(), Wire(), clock, nova=nova).start()
    await asyncio.sleep(SETTLE)
    nova.asked.clear()
    api.status_writes.clear()
    passes, end = second.told.passes, clock.monotonic() + HOUR
    await until(lambda: clock.monotonic() >= end, 2 * HOUR)
    asked, written, passes = Counter(nova.asked), len(api.status_writes), second.told.passes - passes
    called = await _switched_off(clock, nova, switched)
    second.kill()
    if second.told.bugs:
        raise second.told.bugs[0]
    return Hours(asked, written, passes, tuple(called))


async def standing_by(size: int) -> Counter[str]:
    """What one that never leads asks in an hour, its login apart."""
    clock, api, nova = await _settled(size, SPEC)
    standby = Operator(api, site(), Wire(), clock, nova=nova, gate=Gate(holds=False)).start()
    await asyncio.sleep(SETTLE)
    if standby.connections["sim"].state.session is None:
        raise RuntimeError("the standby has not logged in")
    nova.asked.clear()
    end = clock.monotonic() + HOUR
    await until(lambda: clock.monotonic() >= end, 2 * HOUR)
    standby.kill()
    return Counter(nova.asked)


async def _settled(size: int, spec: Mapping[str, Any]) -> tuple[Clock, ApiServer, Nova]:
    """So many machines like one that was made, and no operator."""
    clock = Clock()
    api, nova = ApiServer(clock), Nova(clock)
    image = {
        "allowedNamespaces": {"from": "All"},
        "sources": [{"name": "sim", "providerRef": {"name": "sim"}, "openstack": {"image": {"name": "tiny"}}}],
    }
    changed = {Key("Provider", "", "sim"): PROVIDER, Key("MachineImage", "", "tiny"): image}
    for key, each in {**CATALOG, **changed}.items():
        api.apply(key, each)
    first = Operator(api, site(), Wire(), clock, nova=nova).start()
    api.apply(VM, spec)
    await until(lambda: api.condition(VM, "Ready").get("status") == "True", 120, "the first machine Ready")
    await until(lambda: not api.status(VM).get("operation"), 120, "the first machine at rest")
    first.kill()
    _fill(api, nova, size)
    return clock, api, nova


def _fill(api: ApiServer, nova: Nova, size: int) -> None:
    """The first machine's object, server and port, so many times over, each with its own words."""
    (server,), (port,) = nova.servers.values(), nova.ports.values()
    body, tables = api.objects[VM], (nova.servers, nova.ports, nova.volumes, nova.floating_ips)
    rows = [row for table in tables for row in table.values()]
    texts = [json.dumps(each) for each in (body, *rows)]
    others = [row["id"] for row in rows]
    for number in range(1, size):
        name, identity = f"web-{number}", str(uuid.UUID(int=number + (1 << 100)))
        mine = {
            str(body["metadata"]["uid"]): identity,
            server["tags"][0]: owner_mark("c-1", identity),
            **{item: f"{item[0]}0000000-0000-4000-8000-{number:012x}" for item in others},
            server["name"]: provider_name(VM.namespace, name, identity),
            port["mac_address"]: translate.mac(identity, "eth0", 0),
            port["fixed_ips"][0]["ip_address"]: f"10.{number // 62500}.{number // 250 % 250}.{number % 250 + 1}",
            f'"{VM.name}"': f'"{name}"',
        }
        copies = [_replaced(text, mine) for text in texts]
        api.objects[Key(VM.kind, VM.namespace, name)] = copies[0]
        for table, copy in zip([table for table in tables if table], copies[1:], strict=True):
            table[copy["id"]] = copy
        nova.updated[copies[1]["id"]] = nova.updated[server["id"]]


def _replaced(text: str, words: Mapping[str, str]) -> Any:
    for old, new in words.items():
        text = text.replace(old, new)
    return json.loads(text)


async def _switched_off(clock: Clock, nova: Nova, switched: int) -> list[float]:
    """Guests power themselves off, at moments that no poll knows."""
    drawn = random.Random(5)  # noqa: S311 - the same moments in each run
    called: list[float] = []
    for server in drawn.sample(sorted(nova.servers), switched):
        wait = clock.monotonic() + drawn.uniform(20.0, 40.0)
        await until(lambda wait=wait: clock.monotonic() >= wait, 60.0)  # type: ignore[misc]
        off = clock.monotonic()
        nova.off(server)
        await until(lambda server=server: server in nova.started, 60.0, "the server started")  # type: ignore[misc]
        called.append(nova.started[server] - off)
    return called


def _rows(what: str, size: int, bar: float, hours: Hours) -> list[Row]:
    return [
        Row(
            f"{what}: provider calls for each machine-hour ({_most(hours.asked)})", hours.asked.total() / size, "", bar
        ),
        Row(f"{what}: status writes in that hour", hours.written, "", 0),
        Row(f"{what}: passes over objects in that hour", hours.passes),
        Row(f"{what}: power off → the call to start, p99 of {SWITCHED}", percentile(hours.called, 0.99), "s", 12),
        Row("the same, median", percentile(hours.called, 0.5), "s"),
    ]


def _most(asked: Counter[str]) -> str:
    return ", ".join(f"{count} {path}" for path, count in asked.most_common(7))
