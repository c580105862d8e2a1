"""Answers that no BMC should give: each is one error with words, and nothing is asked of others."""

import base64
import gzip
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.providers.redfish.listener import listening

from hostwright.core import errors
from hostwright.providers.redfish.client import RedfishClient
from hostwright.providers.redfish.errors import of_read
from hostwright.providers.redfish.rows import Outside, Refused, Unreadable

Connect = Callable[..., RedfishClient]
MIB = 1 << 20


def answering(body: bytes, *headers: str) -> Callable[[socket.socket], None]:
    """The same to whatever is asked, once for each connection."""
    head = "\r\n".join(("HTTP/1.1 200 OK", "Connection: close", f"Content-Length: {len(body)}", *headers))

    def answer(line: socket.socket) -> None:
        line.recv(64 << 10)
        try:
            line.sendall(head.encode() + b"\r\n\r\n" + body)
        except OSError:
            return  # it had enough

    return answer


def document(**more: Any) -> bytes:
    """What serves for a root, a collection and a system at once."""
    links = {"Systems": {"@odata.id": "/redfish/v1/Systems"}, "Members": [{"@odata.id": "/redfish/v1/Systems/1"}]}
    return json.dumps({"@odata.id": "/redfish/v1/", "RedfishVersion": "1.6.0", "UUID": "x", **links, **more}).encode()


HUGE = b'{"a": "' + b"a" * (17 * MIB) + b'"}'
DEEP = b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answering(HUGE), "more than 16 MiB"),
        (answering(gzip.compress(b"a" * (64 * MIB)), "Content-Encoding: gzip"), "more than 16 MiB"),
        (answering(DEEP), "is not JSON"),
        (answering(b"\xff\xfe{}"), "is not JSON"),
        (answering(b"[]"), "is no JSON object"),
    ],
    ids=["huge", "gzip bomb", "deep", "no text", "a list"],
)
async def test_an_answer_that_cannot_be_read_is_told(
    connect: Connect, answer: Callable[[socket.socket], None], said: str
) -> None:
    with listening(answer) as (port, _):
        client = connect(address=f"http://127.0.0.1:{port}", allow_insecure=True)
        with pytest.raises(Unreadable, match=said) as caught:
            await client.system()
        assert isinstance(of_read(caught.value), errors.Failure)
        await client.close()


async def test_a_link_to_another_host_is_not_followed(connect: Connect) -> None:
    """sushy follows absolute links: the login would go with them."""
    with listening() as (elsewhere, came):
        links = {"@odata.id": f"http://127.0.0.1:{elsewhere}/redfish/v1/Systems"}
        with listening(answering(document(Systems=links))) as (port, _):
            client = connect(address=f"http://127.0.0.1:{port}", allow_insecure=True)
            with pytest.raises(Outside, match="not its own address"):
                await client.system()
            await client.close()
        assert came == []


async def test_no_proxy_and_no_netrc_is_used(connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """B36: the process may have them for its clouds; a BMC's login is the Secret's, and its way is direct."""
    asked: list[bytes] = []

    def answer(line: socket.socket) -> None:
        asked.append(line.recv(64 << 10))
        line.sendall(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    (tmp_path / "netrc").write_text("machine 127.0.0.1 login stranger password other\n")
    with listening() as (proxy, came), listening(answer) as (port, _):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        client = connect(address=f"http://127.0.0.1:{port}", allow_insecure=True)
        with pytest.raises(Refused):
            await client.system()
        await client.close()
    assert came == []
    assert asked
    assert base64.b64encode(b"stranger:other") not in b"".join(asked)
