"""What the proxy does to a request, seen from both of its ends."""

import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.e2e.world import eventually
from tests.faults.calls import KUBE, Asked, named
from tests.faults.plan import ANY, Call, Fault, Plan, Strike
from tests.faults.proxy import Proxy, Side, proxy
from tests.faults.stage import Stage

NAME = "fault-001-0"


class Upstream(ThreadingHTTPServer):
    """Counts, and answers with the count."""

    count = 0


class Counting(BaseHTTPRequestHandler):
    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        assert isinstance(self.server, Upstream)
        self.server.count += self.command == "POST"
        body = json.dumps({"count": self.server.count}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815 - the library's names

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream(("127.0.0.1", 0), Counting)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def between(upstream: Upstream) -> Iterator[tuple[Proxy, int]]:
    stage = Stage()
    stage.cast(NAME)
    with proxy(stage) as made:
        yield made, made.open(Side("sim", f"http://127.0.0.1:{upstream.server_address[1]}"))


def ask(port: int, method: str = "POST", seconds: float = 10) -> tuple[int, int]:
    """(status, count) of the answer."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        line.request(method, "/v1/machines", json.dumps({"name": NAME}) if method == "POST" else None)
        answer = line.getresponse()
        return answer.status, json.loads(answer.read() if answer.status == 200 else b'{"count":0}')["count"]
    finally:
        line.close()


def struck(between: tuple[Proxy, int], fault: Fault) -> Strike:
    strike = Strike(Plan(Call("create", "sim", "POST machines"), fault), NAME)
    between[0].stage.begin("create", [strike], lambda _: True)
    return strike


@pytest.mark.parametrize(("fault", "carried_out"), [(Fault.KILLED_BEFORE, 0), (Fault.KILLED_AFTER, 1)])
def test_a_call_to_be_killed_in_is_held_until_its_caller_is_gone(
    between: tuple[Proxy, int], upstream: Upstream, fault: Fault, carried_out: int
) -> None:
    strike = struck(between, fault)
    with pytest.raises(TimeoutError):
        ask(between[1], seconds=0.3)
    assert strike.met.is_set()
    eventually(lambda: not strike.held, 5)
    assert upstream.count == carried_out
    assert ask(between[1]) == (200, carried_out + 1)  # once is enough


def test_a_lost_reply_is_of_a_call_that_was_carried_out(between: tuple[Proxy, int], upstream: Upstream) -> None:
    struck(between, Fault.LOST)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(between[1])
    assert upstream.count == 1


def test_5xx_is_the_answer_to_a_call_that_was_carried_out(between: tuple[Proxy, int], upstream: Upstream) -> None:
    struck(between, Fault.ERROR)
    assert ask(between[1])[0] == 503
    assert upstream.count == 1


def test_a_delayed_call_is_carried_out_after_its_caller_gave_it_up(
    between: tuple[Proxy, int], upstream: Upstream
) -> None:
    strike = struck(between, Fault.DELAYED)
    with pytest.raises(TimeoutError):
        ask(between[1], seconds=0.3)
    eventually(lambda: not strike.held, 5)
    assert upstream.count == 0
    eventually(lambda: upstream.count == 1, 5)


def test_what_was_before_is_read_for_a_while(between: tuple[Proxy, int]) -> None:
    assert ask(between[1], "GET") == (200, 0)
    strike = struck(between, Fault.STALE)
    assert ask(between[1]) == (200, 1)
    assert strike.met.is_set()
    assert ask(between[1], "GET") == (200, 0)
    eventually(lambda: ask(between[1], "GET") == (200, 1), 10)


def test_the_second_call_of_a_step_can_be_meant_whatever_it_is(between: tuple[Proxy, int], upstream: Upstream) -> None:
    strike = Strike(Plan(Call("create", ANY, ANY, 2), Fault.ERROR), NAME)
    between[0].stage.begin("create", [strike], lambda _: True)
    assert ask(between[1])[0] == 200
    assert ask(between[1])[0] == 503
    assert strike.call == Call("create", "sim", "POST machines", 2)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (Asked("sim", "POST", "/v1/machines/0a8f3c1e-2c64-4a0e-9a52-3f4f2c0e8f11/set-tag"), "POST machines/*/set-tag"),
        (Asked("nova", "PUT", "/v2.1/servers/0a8f3c1e-2c64-4a0e-9a52-3f4f2c0e8f11/tags/a=b"), "PUT servers/*/tags/*"),
        (Asked("nova", "POST", "/v2.1/servers/x/action", b'{"os-stop":null}'), "POST servers/x/action os-stop"),
        (
            Asked("cinder", "POST", f"/v3/{'0a' * 16}/volumes/7/action", b'{"os-extend":{}}'),
            "POST volumes/7/action os-extend",
        ),
        (Asked("nova", "GET", "/v2.1/servers"), ""),
        (Asked("vcenter", "POST", "/sdk", b'<s:Body>\n<PowerOnVM_Task xmlns="urn:vim25">'), "PowerOnVM_Task"),
        (Asked("vcenter", "POST", "/sdk", b'<s:Body>\n<RetrievePropertiesEx xmlns="urn:vim25">'), ""),
        (Asked(KUBE, "PUT", "/apis/coordination.k8s.io/v1/namespaces/s/leases/hostwright"), ""),
        (
            Asked(KUBE, "PATCH", "/apis/g/v1/namespaces/n/virtualmachines/a/status", b'{"status":{"resources":[]}}'),
            "PATCH virtualmachines/status ledger",
        ),
    ],
)
def test_a_call_is_named_without_what_is_another_each_time(asked: Asked, name: str) -> None:
    assert named(asked) == name


def test_two_reads_of_a_list_are_the_same_however_new_they_ask_it_to_be() -> None:
    assert Asked("sim", "GET", "/v1/machines?since=1").same == Asked("sim", "GET", "/v1/machines?since=7").same
    assert Asked("sim", "GET", "/v1/machines").same != Asked("sim", "GET", "/v1/machines?since=7").same
