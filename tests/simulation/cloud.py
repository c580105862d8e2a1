"""OpenStack in the simulation: the real provider down to its transport, over a model of the cloud."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.model_openstack.cloud import Answer, Cloud
from tests.model_openstack.rows import PROJECT, REGION, USER, Server
from tests.simulation.bmcs import MetalProcess

from hostwright.core.names import MARK
from hostwright.kinds.provider.port import Backend, Context, Session
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.providers.openstack.client import SdkClient
from hostwright.providers.openstack.rows import LoginRefused, NotSent, Refused, Reply, Unanswered
from hostwright.providers.openstack.section import SECTIONS
from hostwright.providers.openstack.session import names_of, open_session
from hostwright.providers.openstack.transport import NEWEST
from hostwright.providers.simulated import rows as simulated
from hostwright.providers.simulated.client import Unanswered as NoAnswer

if TYPE_CHECKING:
    from tests.engine.wire import Wire
    from tests.simulation.world import World

PROVIDER = {
    "type": "OpenStack",
    "openstack": {"cloudName": "model"},
    "allowedNamespaces": {"from": "All"},
    "networks": [{"name": "app"}],
    "limits": {"pollInterval": "4s"},
}
#: Requests that change the cloud, as the judge and the trace call them.
NAMES: tuple[tuple[str, str], ...] = (
    (r"POST /servers$", "create"),
    (r"DELETE /servers/[^/]+$", "delete"),
    (rf"DELETE /servers/[^/]+/tags/{MARK}.*", "remove_mark"),
    (rf"PUT /servers/[^/]+/tags/{MARK}.*", "set_mark"),
    (r"POST /servers/[^/]+/action$", "action"),
    (r"\w+ /servers/[^/]+/(\S+?)(/.*)?$", r"\1"),
    (r"POST /v2.0/(\w+)s$", r"create_\1"),
    (r"PUT /v2.0/(\w+)s/.*", r"update_\1"),
    (r"DELETE /v2.0/(\w+)s/.*", r"delete_\1"),
    (r"POST /v3/\w+/volumes$", "create_volume"),
    (r"DELETE /v3/\w+/volumes/[^/]+$", "delete_volume"),
    (r"\w+ /v3/\w+/volumes/[^/]+/(\w+)(/.*)?", r"volume_\1"),
)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, and what it tells the judge."""

    answer: Answer
    date: str
    told: simulated.Machine | simulated.Page | None = None


@dataclass(frozen=True)
class Access:
    project_id: str = PROJECT
    user_id: str = USER
    application_credential_id: None = None


class SimTransport:
    """Stands where providers/openstack/transport.py does: its threads are no part of a story."""

    region = REGION

    def __init__(self, world: "World", wire: "Wire") -> None:
        self.world, self.wire, self.microversion = world, wire, NEWEST

    async def login(self) -> Access:
        try:
            await self._ask("identity", lambda: Said(Answer(201, b""), ""))
        except Refused as refusal:
            raise LoginRefused(f"Keystone answers {refusal.status}") from refusal
        return Access()

    def has(self, service: str) -> bool:
        return bool(service)

    async def get(self, service: str, path: str) -> tuple[Reply, str]:
        return await self.request(service, "GET", path, None, 30.0)

    async def request(
        self, service: str, method: str, path: str, body: Any, seconds: float, *, revision: int | None = None
    ) -> tuple[Reply, str]:
        def served() -> Said:
            return self._served(service, method, path, body, revision)

        if method == "GET":
            found = re.search(r"[?&]tags=([^&]+)", path)
            said = await self._ask(service, served, mark=found[1] if found else None)
        else:
            said = await self._send(service, name_of(method, path, body), served)
        return Reply(said.answer.status, said.answer.body), said.date

    async def close(self) -> None:
        """Nothing to close."""

    async def _ask(self, service: str, look: Any, mark: str | None = None) -> Said:
        def answer() -> Said:
            if self.world.cloud.down:
                raise NotSent("nobody listens")
            found: Said = look()
            return found

        try:
            return await self.wire.ask(answer, mark=mark)
        except (simulated.Refused, NoAnswer) as error:
            raise _in_their_words(service, error) from error

    async def _send(self, service: str, name: str, served: Any) -> Said:
        if self.world.cloud.down:
            raise NotSent("nobody listens")
        try:
            said: Said = await self.wire.carry(name, served, lost=Unanswered)
        except simulated.Refused as error:
            raise _in_their_words(service, error) from error
        return said

    def _served(self, service: str, method: str, path: str, body: Any, revision: int | None) -> Said:
        world = self.world
        if method != "GET":
            world.cloud.judge.asked(method, path)
        # through JSON, as on its way: what is kept is nobody else's
        answer = world.cloud.cloud.serve(method, path, json.loads(json.dumps(body)), revision)
        date = format_datetime(world.clock.now().replace(microsecond=0), usegmt=True)
        if answer.status >= 400:
            raise Refused(service, Reply(answer.status, answer.body))
        if method != "GET":
            world.cloud.judge.done(method, path, answer)
        return Said(answer, date, world.cloud.told(method, path, answer))


def name_of(method: str, path: str, body: Any) -> str:
    line = f"{method} {unquote(path)}"
    name = next(re.sub(pattern, name, line, count=1) for pattern, name in NAMES if re.fullmatch(pattern, line))
    if name != "action":
        return name
    (verb,) = body
    return "delete" if verb == "forceDelete" else str(verb).removeprefix("os-")


def _in_their_words(service: str, error: Exception) -> Exception:
    """What the wire says is in the simulated site's words."""
    if isinstance(error, simulated.Refused):
        return Refused(service, Reply(error.status, json.dumps({"error": {"message": str(error)}}).encode()))
    return Unanswered(str(error))


class SimClient(SdkClient):
    """The provider's own, over answers of this process."""

    def __init__(self, transport: SimTransport) -> None:
        self._transport, self._project = transport, ""  # type: ignore[assignment]
        self._types, self._no_volumes = None, False


@dataclass
class CloudBackend:
    """Keeps kinds.provider.port.Backend."""

    world: "World"
    wire: "Wire"
    sections = SECTIONS

    async def connect(self, spec: ProviderSpec, _secret: Mapping[str, bytes] | None, context: Context) -> Session:
        client = SimClient(SimTransport(self.world, self.wire))
        session: Session = await open_session(client, names_of(spec), context)
        return session


@dataclass
class CloudProcess(MetalProcess):
    """One operator over a cloud, and perhaps a rack."""

    def backends(self) -> Mapping[str, Backend]:
        return {**super().backends(), "OpenStack": CloudBackend(self.world, self.wire)}


@dataclass
class SimCloud:
    """Of one seed."""

    world: "World"
    cloud: Cloud
    down: bool = False
    judge: Any = None
    people: Any = None
    tokens: int = 0
    clones: set[str] = field(default_factory=set)
    _rows: tuple[tuple[int, float], dict[str, simulated.Machine]] = field(default_factory=lambda: ((-1, 0.0), {}))

    def machines(self) -> dict[str, simulated.Machine]:
        """As the judge and people know machines: by id, in the order of their creation."""
        state = self.cloud.state
        state.advance()
        at = (state.revision, 0.0)
        if self._rows[0] != at:
            self._rows = at, {item: machine(row) for item, row in state.servers.items()}
        return self._rows[1]

    def told(self, method: str, path: str, answer: Answer) -> simulated.Machine | simulated.Page | None:
        """Of an answer about servers."""
        there = self.machines()
        words = path.partition("?")[0].strip("/").split("/")
        if words[0] != "servers" or not answer.body:
            return None
        if words == ["servers"]:
            return there[json.loads(answer.body)["server"]["id"]] if method == "POST" else None
        if words[1] != "detail":
            return there.get(words[1])
        shown = [row["id"] for row in json.loads(answer.body)["servers"]]
        return simulated.Page(machines=tuple(there[item] for item in shown if item in there), revision=0)


def machine(row: Server) -> simulated.Machine:
    marks = [tag for tag in row.tags if tag.startswith(MARK)]
    state = {"BUILD": simulated.State.BUILDING, "ERROR": simulated.State.ERROR}.get(row.status, simulated.State.ACTIVE)
    task = simulated.Task.STARTING if row.task or row.status in {"RESIZE", "VERIFY_RESIZE"} else simulated.Task.NONE
    return simulated.Machine(
        id=row.id,
        number=row.number,
        name=row.name,
        mark=marks[0] if marks else "",
        namespace=row.metadata.get("hostwright.namespace", ""),
        object_name=row.metadata.get("hostwright.name", ""),
        hostname="",
        image=row.image,
        cpu=1,
        memory_mib=512,
        interfaces=(),
        state=simulated.State.DELETING if row.task == "deleting" else state,
        powered_on=row.status == "ACTIVE",
        task=task,
        tags=dict(tag.split("=", 1) for tag in row.tags if "=" in tag),
        metadata=dict(row.metadata),
        created_at=row.created,
        revision=0,
    )
