"""One login at a vCenter: calls in the Provider's own threads, one renewal for all of them, nothing sent too late.

pyVmomi's plain stub repeats nothing. A call that is refused for want of a session did nothing, so after one new login
it is sent once more, even a write. Several threads that meet the lost session wait for the first one's login.
"""

import asyncio
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any, TypeVar
from xml.parsers.expat import ExpatError

from pyVmomi import SoapStubAdapter, vim, vmodl
from pyVmomi.VmomiSupport import ManagedObject

from hostwright.core.errors import CredentialsMissing
from hostwright.providers.vsphere.rows import Fault, LoginRefused, NotSent, Unanswered, Untrusted
from hostwright.providers.vsphere.section import ProviderSection
from hostwright.providers.vsphere.trust import context

#: Of the API: vSphere 7.0. Every later vCenter speaks it, so nothing has to be negotiated.
VERSION = "vim.version.v7_0"
#: Seconds for one answer, and how long an idle connection is kept.
READ_TIMEOUT, IDLE = 30.0, 60
POOL = 64
#: After a refused login, seconds until a call tries again; the Provider's own check always does.
ASK_AGAIN = (60.0, 120.0, 300.0, 900.0)
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
        self._user, self._password = (_text(secret, key) for key in ("username", "password"))
        self._options = {
            "version": VERSION,
            "path": "/sdk",
            "connectionPoolTimeout": IDLE,
            "sslContext": context(spec, secret),
        }
        host, _, port = spec.server.partition(":")
        self._options |= {"host": host, "port": int(port or 443)}
        self._calls = SoapStubAdapter(poolSize=POOL, httpConnectionTimeout=READ_TIMEOUT, **self._options)
        self._lock = threading.Lock()  # of the login
        self.generation = 0  # of the session: whatever belongs to an older one is gone at the vCenter
        self._content: Any = None
        self._closed = False
        self._refused: LoginRefused | None = None
        self._refusals, self._ask_again = 0, float("-inf")

    @property
    def content(self) -> Any:
        """What the vCenter offers, as read at the last login."""
        return self._content

    def stub(self, seconds: float) -> Any:
        """A connection of its own in the same session, whose answers may take this long."""
        stub = SoapStubAdapter(poolSize=1, httpConnectionTimeout=seconds + READ_TIMEOUT, **self._options)
        stub.cookie = self._calls.cookie
        return stub

    async def login(self) -> Any:
        """The vCenter's content. Asks even while a refusal is remembered."""

        def work() -> Any:
            self._log_in(self.generation, anyway=True)
            return self._content

        return await self.run(work)

    async def call(self, work: Callable[[], T], seconds: float = READ_TIMEOUT) -> T:
        """`work` makes one request. In a thread of the Provider's; raises what rows.py names."""
        deadline = self._monotonic() + seconds

        def once() -> T:
            if self._monotonic() >= deadline:
                raise NotSent("the request's time had passed before it could be sent")
            return work()

        def renewed() -> T:
            if self._content is None:
                self._log_in(self.generation)
            before = self.generation
            try:
                return once()
            except vim.fault.NotAuthenticated:
                self._log_in(before)
                return once()

        return await self.run(renewed)

    async def run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except (
            vmodl.MethodFault,
            OSError,
            http.client.HTTPException,
            ExpatError,
        ) as error:
            raise in_our_words(error) from error

    async def close(self) -> None:
        def work() -> None:
            with self._lock:  # whoever still waits for an answer will miss the session, and must not make another
                self._closed = True
            try:
                if self._content is not None:
                    self._content.sessionManager.Logout()
            except vim.fault.NotAuthenticated:
                return  # it has ended already
            finally:
                self._calls.DropConnections()

        await self.run(work)

    def _log_in(self, seen: int, *, anyway: bool = False) -> None:
        """Only if nobody has since the session `seen`; a refusal is remembered for a while."""
        with self._lock:
            if self._closed:
                raise NotSent("the login was closed")
            if self.generation != seen:
                return
            if self._refused is not None and not anyway and self._monotonic() < self._ask_again:
                raise self._refused
            if self._works():
                return
            try:
                self._content = self._session()
            except vim.fault.InvalidLogin as error:
                self._refused = LoginRefused("the user name or the password is wrong")
                self._ask_again = self._monotonic() + ASK_AGAIN[min(self._refusals, len(ASK_AGAIN) - 1)]
                self._refusals += 1
                raise self._refused from error
            self._refused, self._refusals = None, 0
            self.generation += 1

    def _works(self) -> bool:
        """Whether there is a session that the vCenter still knows."""
        try:
            return self._content is not None and self._content.sessionManager.currentSession is not None
        except vim.fault.NotAuthenticated:
            return False

    def _session(self) -> Any:
        service: Any = vim.ServiceInstance("ServiceInstance", self._calls)
        content = service.RetrieveContent()
        content.sessionManager.Login(userName=self._user, password=self._password)
        return content


def in_our_words(error: Exception) -> Exception:
    """What happened, told by the class."""
    match error:
        case vim.fault.InvalidLogin():
            return LoginRefused("the user name or the password is wrong")
        case vmodl.MethodFault():
            return fault_of(error)
        case ssl.SSLCertVerificationError():
            return Untrusted(getattr(error, "verify_message", None) or str(error.args[0]))
        case ConnectionRefusedError():
            return NotSent("the connection is refused")
        case socket.gaierror():
            return NotSent("its name is not known")
        case _:
            return Unanswered(str(error) or type(error).__name__)


def fault_of(error: Any) -> Fault:
    """A fault's type, its words, and the object that it names."""
    item = getattr(error, "object", None) or getattr(error, "obj", None)
    return Fault(
        type(error).__name__.rpartition(".")[2],
        str(error.msg or ""),
        item=item._moId if isinstance(item, ManagedObject) else "",  # noqa: SLF001 - the SDK has no other word
        runtime=isinstance(error, vmodl.RuntimeFault),
    )


def _text(secret: Mapping[str, bytes], key: str) -> str:
    text = secret.get(key, b"").decode(errors="replace").strip("\n")
    if not text:
        raise CredentialsMissing(f"the Secret has no key {key!r}: a vSphere Provider logs in by username and password.")
    return text
