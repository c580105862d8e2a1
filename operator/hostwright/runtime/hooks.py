"""The only kopf file: its low-level surface (event, startup, cleanup, login), nothing written on users' objects."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import aiohttp
import kopf

from hostwright.core.names import GROUP, KOPF_FINALIZER, VERSION
from hostwright.engine.ports import Body, Key
from hostwright.runtime.continued import Continued, Kept, Listed, nobody, nothing
from hostwright.runtime.refusal import StartRefusedError

#: A token file is read again this often: bound tokens are rotated by the kubelet.
RENEW_LOGIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Access:
    """How the API server is reached, as the Kubernetes client found it."""

    server: str
    ca_path: str | None = None
    insecure: bool = False
    token: str | None = field(default=None, repr=False)
    certificate_path: str | None = None
    private_key_path: str | None = None


Observe = Callable[[Key, str | None, Body], None]


class EndedError(Exception):
    """Our start or end failed; the cause says why."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Handlers bound to one operator. kopf closes its own sessions only after a cleanup that does not fail."""

    registry: kopf.OperatorRegistry
    failures: list[Exception]  # of our end, raised once kopf has ended too


class _NoDiffBase(kopf.DiffBaseStorage):
    """kopf keeps no copy of a spec, and compares nothing."""

    def build(self, *, body: Any, extra_fields: Any = None, ignored_fields: Any = None) -> Any:  # noqa: ARG002 - kopf's signature
        return {}

    def fetch(self, *, body: Any) -> Any:  # noqa: ARG002
        return None

    def store(self, *, body: Any, patch: Any, essence: Any) -> None:
        """Nothing is kept."""


class _NoProgress(kopf.ProgressStorage):
    """kopf keeps no handler's progress."""

    def fetch(self, *, key: Any, body: Any) -> Any:  # noqa: ARG002
        return None

    def store(self, *, key: Any, record: Any, body: Any, patch: Any) -> None:
        """Nothing is kept."""

    def purge(self, *, key: Any, body: Any, patch: Any) -> None:
        """Nothing is kept."""

    def touch(self, *, body: Any, patch: Any, value: Any) -> None:
        """Nothing is kept."""

    def clear(self, *, essence: Any) -> Any:
        return essence


class _Patient:
    """Waits between watch errors: 1 to 30 s, for 15 minutes; kopf iterates it anew for each outage."""

    def __iter__(self) -> Iterator[float]:
        wait, spent = 1.0, 0.0
        while spent < 900.0:  # noqa: PLR2004
            yield wait
            spent += wait
            wait = min(wait * 2, 30.0)


def registry(
    plurals: dict[str, str],
    observe: Observe,
    started: Callable[[], Awaitable[None]],
    stopping: Callable[[], Awaitable[None]],
    access: Callable[[], Awaitable[Access]],
    listed: Listed = nothing,
    kept: Kept = nobody,
) -> Bound:
    """Handlers bound to one operator; `plurals` is kind → plural of our group. Namespaces are watched too.

    What `listed` knows of a collection, kopf does not list: it watches from there. It is not shown what is `kept`.
    """
    bound = kopf.OperatorRegistry()
    failures: list[Exception] = []

    @kopf.on.startup(registry=bound, errors=kopf.ErrorsMode.PERMANENT)  # else kopf tries again after 60 s
    async def startup(settings: kopf.OperatorSettings, **_: Any) -> None:
        _configure(settings)
        try:
            await started()
        except StartRefusedError as refused:  # kopf tells its own PermanentError without a traceback
            raise kopf.PermanentError(str(refused)) from refused

    @kopf.on.cleanup(registry=bound, errors=kopf.ErrorsMode.PERMANENT)
    async def cleanup(**_: Any) -> None:
        try:
            await stopping()
        except Exception as error:  # noqa: BLE001 - raised by run()
            failures.append(error)

    @kopf.on.login(registry=bound)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return _session(await access(), listed, kept)

    def bind(kind: str, *selector: str) -> None:
        @kopf.on.event(*selector, registry=bound, id=f"observe-{kind.lower()}")
        async def on_event(event: Any, **_: Any) -> None:
            body = event["object"]
            metadata = body["metadata"]
            observe(Key(kind, metadata.get("namespace", ""), metadata["name"]), event["type"], {**body, "kind": kind})

    for kind, plural in plurals.items():
        bind(kind, GROUP, VERSION, plural)
    bind("Namespace", "", "v1", "namespaces")
    return Bound(bound, failures)


async def run(bound: Bound, identity: str, namespaces: tuple[str, ...], stop: asyncio.Event) -> None:
    """kopf in the foreground until `stop` is set or SIGTERM. Raises EndedError from what went wrong."""
    try:
        await kopf.operator(
            registry=bound.registry,
            # kopf would else name itself by the user's name, and in a Pod the user has none.
            identity=cast("Any", identity),
            standalone=True,
            clusterwide=not namespaces,
            namespaces=namespaces,
            stop_flag=stop,
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told and ends the process
        cause = error.__cause__ or error  # kopf wraps a failed start
        raise EndedError(str(error)) from (cause.__cause__ if isinstance(cause, kopf.PermanentError) else cause)
    for failure in bound.failures:
        raise EndedError(str(failure)) from failure


def watching() -> set[str]:
    """Names of kopf's watch tasks that are alive: a missing one is a deaf watch (nolar/kopf 1276)."""
    return {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("watcher for")}


def _session(found: Access, listed: Listed, kept: Kept) -> kopf.AiohttpSession:
    """As kopf would make it, and ours around it (kopf: "custom HTTP sessions")."""
    info = kopf.ConnectionInfo(
        server=found.server,
        ca_path=found.ca_path,
        insecure=found.insecure,
        token=found.token,
        certificate_path=found.certificate_path,
        private_key_path=found.private_key_path,
    )
    connector = aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context())
    session = aiohttp.ClientSession(connector=connector, headers=info.as_http_headers())
    return kopf.AiohttpSession(
        server=found.server,
        aiohttp_session=cast("aiohttp.ClientSession", Continued(session, found.server, listed, kept)),
        expiration=datetime.now(UTC) + RENEW_LOGIN,
    )


def _configure(settings: kopf.OperatorSettings) -> None:
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    settings.persistence.finalizer = KOPF_FINALIZER
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.chunk_size = 500
    settings.watching.server_timeout = 290
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = _Patient()
    settings.queueing.idle_timeout = 1
    settings.queueing.exit_timeout = 1
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
