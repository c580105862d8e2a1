"""One login: HTTP in the Provider's own threads, one renewal for all of them, nothing sent after its deadline.

Library retries are off: a repeated creating request makes a second server. keystoneauth would renew the token once for
each thread that met a 401, and would send a request however long the renewal took, so both are done here.
"""

import asyncio
import os
import re
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeVar

from keystoneauth1 import exceptions as ksa
from keystoneauth1.adapter import Adapter
from keystoneauth1.session import TCPKeepAliveAdapter
from openstack.config import OpenStackConfig
from openstack.exceptions import ConfigException

from hostwright.core.errors import CredentialsMissing
from hostwright.providers.openstack.clouds import chosen
from hostwright.providers.openstack.rows import LoginRefused, NoEndpoint, NotSent, Refused, Reply, Unanswered
from hostwright.providers.openstack.section import ProviderSection

#: Of Nova: what is used where it is to be had (Xena and newer: host names), and the oldest that is enough (Stein): the
#: owner mark in a server's creating request (2.52), flavors in servers (2.47), rows of a cell that is down (2.69).
NEWEST, FLOOR = (2, 90), (2, 72)
#: Of Cinder: a volume in use may be extended from 3.42 (Pike) on; from 3.31 on its lists take only the filters that
#: whoever runs the cloud has put into a file, and perhaps none (tried).
BLOCK_STORAGE = "block-storage"
VOLUME_MICROVERSION, VOLUME_READ_MICROVERSION = "3.42", "3.27"
#: Seconds for one read, and for a login; a write has its call's own deadline.
READ_TIMEOUT = 30.0
#: Connections kept for each service: the most that a Provider has under way (DESIGN section 9). More are thrown away.
POOL = 64
#: After a refused login, seconds until a request tries again; the Provider's own check always does.
ASK_AGAIN = (60.0, 120.0, 300.0, 900.0)
#: Seconds between two logins that are made because nobody listens where a service was.
SEEK_EVERY = 60.0
SERVICES = ("compute", "network", "image", "identity", BLOCK_STORAGE)
#: Endpoints may or may not end in the version, and Cinder's in the project too; the paths of this folder name both.
VERSIONED = re.compile(r"/v(2\.0|2|3)(/[^/]+)?$")
T = TypeVar("T")


class Transport:
    """Safe to use from several threads."""

    def __init__(
        self,
        spec: ProviderSection,
        secret: Mapping[str, bytes],
        executor: Executor,
        monotonic: Callable[[], float],
    ) -> None:
        self._executor, self._monotonic = executor, monotonic
        self._files: list[str] = []
        try:
            self._region = self._config(spec, secret)
        except (ConfigException, ksa.ClientException) as error:
            self._unlink()
            raise CredentialsMissing(f"clouds.yaml, cloud {spec.cloud_name!r}: {str(error).rstrip('.')}.") from error
        self._adapters: dict[str, Any] = {}
        self._placed_by = ""  # the token whose catalog the adapters follow
        self._lost = False  # where the catalog leads, nobody listens any more
        self._sought = float("-inf")
        self._lock = threading.Lock()  # of the login and what follows from it
        self._refusals = 0
        self._refused: LoginRefused | None = None
        self._ask_again = float("-inf")
        self.microversion = NEWEST  # of Nova; the login may find that it has to be an older one

    def _config(self, spec: ProviderSection, secret: Mapping[str, bytes]) -> Any:
        cloud = chosen(spec.cloud_name, secret)
        cloud.setdefault("api_timeout", READ_TIMEOUT)  # of the login, which has none of its own
        if "cacert" in secret:
            handle, path = tempfile.mkstemp(prefix="hostwright-ca-")
            with os.fdopen(handle, "wb") as file:
                file.write(secret["cacert"])
            self._files.append(path)
            cloud["cacert"] = path
        if spec.region and not cloud.get("regions"):  # where the cloud lists its regions, it must be one of them
            cloud["region_name"] = spec.region
        loader = OpenStackConfig(load_yaml_config=False, load_envvars=False)
        loader.cloud_config = {"clouds": {spec.cloud_name: cloud}}
        wanted = {"region_name": spec.region} if spec.region else {}
        return loader.get_one(cloud=spec.cloud_name, interface=str(spec.interface), **wanted)

    @property
    def region(self) -> str:
        return self._region.region_name or ""

    async def login(self) -> Any:
        """keystoneauth's record of the login. Asks even while a refusal is remembered."""

        def work() -> Any:
            self._token(self._monotonic() + READ_TIMEOUT, anyway=True)
            session = self._region.get_session()
            return session.auth.get_access(session)

        return await self._run(work)

    async def get(self, service: str, path: str) -> tuple[Reply, str]:
        """(answer, the service's Date)."""
        return await self.request(service, "GET", path, None, READ_TIMEOUT)

    async def request(
        self, service: str, method: str, path: str, body: Any, seconds: float, *, revision: int | None = None
    ) -> tuple[Reply, str]:
        """`revision`: of Neutron's thing, which somebody may have changed since it was read; then 412."""
        deadline = self._monotonic() + seconds
        condition = {} if revision is None else {"If-Match": f"revision_number={revision}"}
        options: dict[str, Any] = _version(service, method, self.microversion)
        if body is not None:
            options["json"] = body

        def work() -> tuple[Reply, str]:
            token = self._token(deadline)
            response = self._tried(service, method, path, {"X-Auth-Token": token, **condition}, deadline, options)
            if response.status_code == 401:  # noqa: PLR2004 - a definite refusal, so even a write may be sent again
                token = self._token(deadline, dead=token)
                response = self._tried(service, method, path, {"X-Auth-Token": token, **condition}, deadline, options)
            headers = response.headers
            reply = Reply(response.status_code, response.content, headers.get("x-openstack-request-id", ""))
            if response.status_code >= 400:  # noqa: PLR2004
                raise Refused(service, reply, _retry_after(headers.get("Retry-After")))
            return reply, headers.get("Date", "")

        return await self._run(work)

    def has(self, service: str) -> bool:
        """Whether the catalog names an endpoint of it; known after the login."""
        return bool(self._adapters) and self._adapters[service].endpoint_override is not None

    async def close(self) -> None:
        def work() -> None:
            if self._adapters:
                self._region.get_session().session.close()
            self._unlink()

        await self._run(work)

    def _unlink(self) -> None:
        for path in self._files:
            Path(path).unlink(missing_ok=True)

    def _tried(self, *request: Any) -> Any:
        """Sent; where nobody listens, the service may have moved."""
        try:
            return self._send(*request)
        except ksa.ConnectFailure as error:
            self._lost = self._lost or _never_sent(error)
            raise

    def _send(
        self,
        service: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        deadline: float,
        options: Mapping[str, Any],
    ) -> Any:
        """The token is given by hand: keystoneauth would wait for another thread's renewal, and send then."""
        adapter = self._adapters[service]

        def once() -> Any:
            return adapter.request(
                path,
                method,
                headers=dict(headers),
                authenticated=False,
                raise_exc=False,
                timeout=self._left(deadline),
                connect_retries=0,
                status_code_retries=0,
                **options,
            )

        try:
            return once()
        except (ksa.ConnectFailure, ksa.RetriableConnectionFailure) as error:
            # a kept connection that the service has closed; a late answer (ConnectTimeout) is not asked for once more
            if method != "GET" or isinstance(error, ksa.ConnectTimeout) or _never_sent(error):
                raise
            return once()

    def _left(self, deadline: float) -> float:
        """Seconds; asked right before something is sent."""
        left = deadline - self._monotonic()
        if left <= 0:
            raise NotSent("the request's time had passed before it could be sent")
        return left

    def _token(self, deadline: float, *, dead: str = "", anyway: bool = False) -> str:
        """A token that is not the dead one. One thread logs in, the others wait for it; a refusal is remembered."""
        with self._lock:
            self._left(deadline)
            if self._refused is not None and not anyway and self._monotonic() < self._ask_again:
                raise self._refused
            try:
                token = self._ask_for_token(dead)
            except ksa.ClientException as error:
                failure = in_our_words(error)
                if isinstance(failure, LoginRefused):
                    self._ask_again = self._monotonic() + ASK_AGAIN[min(self._refusals, len(ASK_AGAIN) - 1)]
                    self._refusals += 1
                    self._refused = failure
                raise failure from error
            self._refused, self._refusals = None, 0
            return token

    def _ask_for_token(self, dead: str) -> str:
        session = self._region.get_session()
        if not self._adapters:
            for scheme in ("http://", "https://"):
                session.session.mount(scheme, TCPKeepAliveAdapter(pool_connections=POOL, pool_maxsize=POOL))
        token = session.get_token()
        moved = self._lost and self._monotonic() - self._sought >= SEEK_EVERY
        if moved:
            self._sought, self._lost = self._monotonic(), False
        if dead and token == dead:
            session.auth.invalidate()
            token = session.get_token()
        elif moved:
            token = self._renewed(session) or token
        if token != self._placed_by:  # each token brings the catalog of its time
            self._adapters = {service: self._adapter(service) for service in SERVICES}
            self._placed_by = token
        return str(token)

    def _renewed(self, session: Any) -> str:
        """A token with the catalog of now; empty: Keystone gives none, and the services that are there take the old."""
        former = session.auth.auth_ref
        session.auth.invalidate()
        try:
            return str(session.get_token())
        except ksa.ClientException:
            session.auth.auth_ref = former
            return ""

    def _adapter(self, service: str) -> Any:
        adapter = Adapter(
            self._region.get_session(),
            service_type=self._region.get_service_type(service),
            interface=self._region.get_interface(service),
            region_name=self._region.get_region_name(service),
            endpoint_override=self._region.get_endpoint(service),
        )
        try:
            endpoint = (adapter.get_endpoint() or "").rstrip("/")
        except ksa.EndpointNotFound:
            if service != BLOCK_STORAGE:  # which a cloud need not have
                raise
            endpoint = ""
        if service != "compute":
            endpoint = VERSIONED.sub("", endpoint)
        adapter.endpoint_override = endpoint or None
        return adapter

    async def _run(self, work: Callable[[], T]) -> T:
        """In a thread of the Provider's; the libraries' exceptions in our rows' words."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except ksa.ClientException as error:
            raise in_our_words(error) from error


def dotted(version: tuple[int, int]) -> str:
    """As OpenStack writes it."""
    return f"{version[0]}.{version[1]}"


def _version(service: str, method: str, nova: tuple[int, int]) -> dict[str, Any]:
    if service == "compute":
        return {"microversion": dotted(nova)}
    if service == BLOCK_STORAGE:
        return {"microversion": VOLUME_READ_MICROVERSION if method == "GET" else VOLUME_MICROVERSION}
    return {}


def in_our_words(error: ksa.ClientException) -> Exception:
    """What happened, told by the class."""
    match error:
        case ksa.Unauthorized() | ksa.MissingRequiredOptions() | ksa.NoMatchingPlugin() | ksa.AuthorizationFailure():
            return LoginRefused(str(error))
        case ksa.ConnectFailure() | ksa.SSLError() | ksa.RetriableConnectionFailure() | ksa.DiscoveryFailure():
            if _never_sent(error):
                return NotSent("the connection is refused, or its name is not known")
            return Unanswered(_plain(error))
        case ksa.EndpointNotFound():
            return NoEndpoint(str(error))
        case ksa.HttpError(http_status=status) if status in {401, 403}:
            return LoginRefused(str(error))
        case ksa.HttpError(http_status=404) if "Application Credential" in str(error):
            # of a deleted one (tried): "Could not find Application Credential: <id>."; another 404 may be a proxy's
            return LoginRefused(str(error))
        case _:
            return Unanswered(_plain(error))


def _never_sent(error: BaseException) -> bool:
    """A refused connection or an unknown name; a cut or late answer is the same class in keystoneauth (tried)."""
    seen: BaseException | None = error
    text = ""
    while seen is not None:
        text += f" {type(seen).__name__} {seen}"
        seen = seen.__cause__ or seen.__context__
    return any(word in text for word in ("NewConnectionError", "Connection refused", "NameResolutionError"))


def _plain(error: BaseException) -> str:
    return type(error).__name__ + ": " + str(error).split("(Caused by")[0][:200]


def _retry_after(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None
