"""The sockets of one BMC: only to allowed addresses, closed in time, and known whether a request can have left.

Hooked in where urllib3 makes its connections, since only there the address is known that is really connected to: a
check of the name beforehand would believe a second answer of the DNS.
"""

import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from hostwright.providers.redfish.endpoint import Endpoint
from hostwright.providers.redfish.rows import NotSent, Outside

CONNECT_TIMEOUT = 5.0


class Wire:
    """The connection of the request under way; there is one at a time."""

    def __init__(self, endpoint: Endpoint, monotonic: Callable[[], float]) -> None:
        self._endpoint, self._monotonic = endpoint, monotonic
        self._lock = threading.Lock()
        self._deadline = float("-inf")
        self._socket: socket.socket | None = None
        self.over = False
        self.sent = False

    def begin(self, deadline: float) -> None:
        with self._lock:
            self._deadline, self._socket, self.over, self.sent = deadline, None, False, False

    def left(self) -> float:
        """Seconds; asked right before something is sent."""
        left = self._deadline - self._monotonic()
        if left <= 0 or self.over:
            raise NotSent("the request's time had passed before it could be sent")
        return left

    def cut(self) -> bool:
        """From another thread, when the time is over: nothing is sent any more. Whether something may have been."""
        with self._lock:
            self.over = True
            if self._socket is not None:
                try:
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # not SSLSocket's, which drops its own state
                except OSError:
                    return self.sent  # closed meanwhile
            return self.sent

    def connect(self, host: str, port: int) -> socket.socket:
        """A TCP connection to an allowed address of the host."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise NotSent(f"{host} has no address: {error.strerror or error}") from error
        inside = [each for each in found if self._endpoint.allows(str(each[4][0]))]
        if not inside:
            there = ", ".join(sorted({str(each[4][0]) for each in found}))
            raise Outside(f"{host} is {there}, which is not among the Provider's redfish.allowedAddresses")
        why = ""
        for family, kind, protocol, _, address in inside:
            line = socket.socket(family, kind, protocol)
            try:
                line.settimeout(min(CONNECT_TIMEOUT, self.left()))
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                line.connect(address)
            except OSError as error:
                line.close()
                why = f"no connection to {address[0]} port {port}: {error.strerror or error}"
            except NotSent:
                line.close()
                raise
            else:
                return line
        raise NotSent(why)

    def opened(self, line: socket.socket) -> None:
        """Connected, TLS included: from here on the request may have left."""
        with self._lock:
            if self.over:
                raise NotSent("the request's time had passed before it could be sent")
            self._socket, self.sent = line, True
        line.settimeout(self.left())


def pools(wire: Wire) -> dict[str, type[HTTPConnectionPool]]:
    """urllib3's, whose connections are this wire's."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return wire.connect(self.host, self.port)

        def connect(self) -> None:
            super().connect()
            wire.opened(self.sock)

    class Tls(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return wire.connect(self.host, self.port or 443)

        def connect(self) -> None:
            super().connect()
            wire.opened(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}


def context(endpoint: Endpoint) -> ssl.SSLContext:
    """Of the BMC's own authority alone where one is given."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if endpoint.insecure:
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    elif endpoint.ca:
        made.load_verify_locations(cadata=endpoint.ca)
    else:
        made.load_default_certs()
    return made


class Adapter(HTTPAdapter):  # type: ignore[misc]  # requests ships no types
    """requests' adapter over these pools. Its own trust in certifi is left out: the context says whom to trust."""

    def __init__(self, wire: Wire, tls: ssl.SSLContext) -> None:
        self._wire, self._tls = wire, tls
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more, ssl_context=self._tls)
        self.poolmanager.pool_classes_by_scheme = pools(self._wire)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Done by the context."""
