"""HTTP to one BMC over sushy's connector: one login, no retry, no step to another host; blocking, for a thread.

Only `_op` of sushy's is replaced: it sends again what timed out (a Reset, too), and logs in anew for each 401.
"""

import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from sushy import exceptions as sushy_errors
from sushy.auth import AuthBase
from sushy.connector import Connector

from hostwright.core.errors import InvalidConfiguration
from hostwright.providers.redfish.endpoint import Endpoint
from hostwright.providers.redfish.rows import LoginRefused, NotSent, Outside, Refused, Unanswered, Unreadable
from hostwright.providers.redfish.translate import path_of, refusal
from hostwright.providers.redfish.wire import CONNECT_TIMEOUT, Adapter, Wire, context

ROOT = "/redfish/v1/"
MOVED = frozenset({301, 302, 307, 308})
STEPS = 3
#: No document of a BMC is near this; a body without an end is not read to the end.
BODY = 16 << 20
UNAUTHORIZED, NO_SESSIONS = 401, frozenset({404, 405, 501})


class NoOp(AuthBase):  # type: ignore[misc]  # sushy ships no types
    """For sushy's resources: the login is the transport's."""

    def _do_authenticate(self) -> None:
        """Nothing: see Transport."""

    def can_refresh_session(self) -> bool:
        return False


class Transport(Connector):  # type: ignore[misc]  # as above
    """One request at a time: its caller sees to it."""

    def __init__(self, endpoint: Endpoint, monotonic: Callable[[], float]) -> None:
        super().__init__(endpoint.base, verify=not endpoint.insecure, server_side_retries=1)
        try:
            tls = context(endpoint)
        except (ssl.SSLError, ValueError) as error:
            raise InvalidConfiguration(f"bmc.tls.caBundleRef holds no certificate in PEM: {error}.") from error
        self.wire = Wire(endpoint, monotonic)
        self._endpoint = endpoint
        self._session.trust_env = False  # no proxy, no .netrc: neither was asked for
        self._session.verify = not endpoint.insecure
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, Adapter(self.wire, tls))
        self._root: Mapping[str, Any] | None = None
        self._session_path = ""
        self._logged_in = False

    def document(self, path: str) -> Mapping[str, Any]:
        """One JSON object."""
        return self._object(self._op("GET", path))

    def root(self) -> Mapping[str, Any]:
        """Open to everybody; asked once."""
        if self._root is None:
            answer = self._once("GET", ROOT, None, {})
            if answer.status_code == UNAUTHORIZED:
                return {}  # against DSP0266, and so it shows no sessions either: Basic
            self._root = self._object(_good(answer))
        return self._root

    def leave(self) -> None:
        """Ends the session at the BMC, which has room for a few only."""
        path, self._session_path = self._session_path, ""
        if path:
            _good(self._once("DELETE", path, None, {}))

    def _op(
        self,
        method: str,
        path: str = "",
        data: Any = None,
        headers: Mapping[str, str | None] | None = None,
        **_unused: Any,
    ) -> Any:
        """What sushy's resources call, too. A 401 says for certain that nothing was done: one login, once more."""
        fresh = not self._logged_in
        if fresh:
            self._log_in()
        answer = self._once(method, path, data, headers or {})
        if answer.status_code == UNAUTHORIZED and "X-Auth-Token" in self._session.headers and not fresh:
            self._log_in()
            answer = self._once(method, path, data, headers or {})
        if answer.status_code == UNAUTHORIZED:
            self._logged_in = False
            raise LoginRefused(str(refusal(answer.status_code, answer.content, None)))
        return _good(answer)

    def _log_in(self) -> None:
        """By a session where the BMC has them, else Basic. One try: a few refusals lock an account."""
        self._logged_in = False
        self._session.headers.pop("X-Auth-Token", None)
        self._session.auth, self._session_path = None, ""
        root = self.root()
        links = root.get("Links")
        sessions = path_of(links if isinstance(links, dict) else {}, "Sessions")
        account = {"UserName": self._endpoint.username, "Password": self._endpoint.password}
        if sessions:
            answer = self._once("POST", sessions, account, {})
            if answer.status_code == UNAUTHORIZED:
                raise LoginRefused(str(refusal(answer.status_code, answer.content, None)))
            token = answer.headers.get("X-Auth-Token")
            if answer.status_code not in NO_SESSIONS:
                _good(answer)
                if not token:
                    raise Unreadable("a session without a token")
                self._session.headers["X-Auth-Token"] = token
                self._session_path = urlsplit(answer.headers.get("Location", "")).path
                self._logged_in = True
                return
        self._session.auth = (self._endpoint.username.encode(), self._endpoint.password.encode())  # RFC 7617: UTF-8
        self._logged_in = True

    def _once(self, method: str, path: str, data: Any, headers: Mapping[str, str | None]) -> Any:
        """One request and, for a read, at most STEPS redirects on the same host."""
        url = self._on_this_host(path)
        for _step in range(STEPS + 1):
            answer = self._send(method, url, data, headers)
            if answer.status_code not in MOVED:
                return answer
            url = self._on_this_host(urljoin(url, answer.headers.get("Location", "")))
            if method != "GET":
                raise Refused(answer.status_code, "", f"the BMC sends a {method} on to {urlsplit(url).path}")
        raise Unreadable("the BMC sends us around in circles")

    def _on_this_host(self, path: str) -> str:
        url = urljoin(self._endpoint.base, path)
        there = urlsplit(url)
        if _origin(there) != _origin(urlsplit(self._endpoint.base)):
            raise Outside(f"the BMC sends us on to {there.scheme}://{there.netloc}, which is not its own address")
        return url

    def _send(self, method: str, url: str, data: Any, headers: Mapping[str, str | None]) -> Any:
        wanted = {"OData-Version": "4.0", "Accept-Encoding": "identity", "Accept": "application/json", **headers}
        self.wire.sent = False
        try:
            answer = self._session.request(
                method,
                url,
                json=data,
                headers={name: value for name, value in wanted.items() if value is not None},
                timeout=(CONNECT_TIMEOUT, self.wire.left()),
                allow_redirects=False,
                stream=True,
            )
            answer._content = _body(answer)  # noqa: SLF001 - so that sushy finds it, and no more than BODY of it
        except requests.RequestException as error:
            words = _plain(error)
            raise (Unanswered(words) if self.wire.sent else NotSent(words)) from error
        if self.wire.over:  # cut in its headers, an answer looks whole and has no body
            raise Unanswered("no whole answer in time")
        return answer

    @staticmethod
    def _object(answer: Any) -> Mapping[str, Any]:
        try:
            document = answer.json()
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"the answer to {urlsplit(answer.url).path} is not JSON") from error
        if not isinstance(document, dict):
            raise Unreadable(f"the answer to {urlsplit(answer.url).path} is no JSON object")
        return document


def _origin(url: SplitResult) -> tuple[str, str | None, int]:
    return url.scheme, url.hostname, url.port or (443 if url.scheme == "https" else 80)


def _good(answer: Any) -> Any:
    """The answer, or what it refuses; as sushy's own exception where sushy itself goes on from there (412)."""
    if answer.status_code == 412:  # noqa: PLR2004
        raise sushy_errors.HTTPError(answer.request.method, answer.url, answer)
    if answer.status_code >= 400:  # noqa: PLR2004
        raise refusal(answer.status_code, answer.content, answer.headers.get("Retry-After"))
    return answer


def _body(answer: Any) -> bytes:
    read = bytearray()
    for chunk in answer.iter_content(64 << 10):
        read += chunk
        if len(read) > BODY:
            answer.close()
            raise Unreadable(f"more than {BODY >> 20} MiB in one answer")
    return bytes(read)


def _plain(error: BaseException) -> str:
    """urllib3's reason without its object's address."""
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate" in text:
        reason = text.partition("certificate verify failed: ")[2].partition(" (_ssl")[0]
        return f"its TLS certificate is not trusted: {reason or text[:200]}"
    return type(error).__name__ + ": " + text.rpartition(">: ")[2][:200]
