"""The BMCs as anybody sees them over HTTPS, and each fault on the real emulator."""

import base64
import http.client
import json
import select
import socket
import ssl
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from tests.fixtures_redfish import Rack, start

from hostwright.kinds.physicalmachine.resource import PhysicalMachineSpec
from hostwright.sandbox import certificates, keeping, record
from hostwright.sandbox.failure import SandboxError
from hostwright.sandbox.redfish.bmc import Bmc, merged
from hostwright.sandbox.redfish.fleet import Fleet, server
from hostwright.sandbox.redfish.front import Front
from hostwright.sandbox.sites import catalog
from hostwright.sandbox.sites.redfish import Redfish
from hostwright.sandbox.sites.simulated import Simulated

RESET = "Actions/ComputerSystem.Reset"


class Browser:
    """Plain HTTPS with a user name and a password, or with a token."""

    def __init__(self, rack: Rack, number: int = 0, password: str | None = None, timeout: float = 10) -> None:
        self.bmc = rack.facts["bmcs"][number]
        self.system = f"/redfish/v1/Systems/{self.bmc['systemId']}"
        code = base64.b64encode(f"{rack.facts['username']}:{password or rack.facts['password']}".encode()).decode()
        self.basic = {"Authorization": f"Basic {code}"}
        self.tls = ssl.create_default_context(cafile=rack.facts["ca"])
        self.timeout = timeout

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], Any]:
        at = urlsplit(self.bmc["address"])
        line = http.client.HTTPSConnection(at.hostname or "", at.port, timeout=self.timeout, context=self.tls)
        try:
            line.request(method, path, None if body is None else json.dumps(body), self.basic | (headers or {}))
            answer = line.getresponse()
            text = answer.read()
        finally:
            line.close()
        return answer.status, dict(answer.headers), json.loads(text) if text else None

    def get(self, path: str) -> Any:
        status, _, document = self.ask("GET", path)
        assert status == 200, document
        return document

    def reset(self, kind: str) -> int:
        return self.ask("POST", f"{self.system}/{RESET}", {"ResetType": kind})[0]


def test_each_bmc_shows_its_own_server_only(rack: Rack) -> None:
    seen = set()
    for number in range(20):
        browser = Browser(rack, number)
        collection = browser.get("/redfish/v1/Systems")
        assert [member["@odata.id"] for member in collection["Members"]] == [browser.system]
        system = browser.get(browser.system)
        assert (system["UUID"], system["PowerState"]) == (browser.bmc["systemId"], "Off")
        assert system["ProcessorSummary"]["Count"] == 16
        assert system["MemorySummary"]["TotalSystemMemoryGiB"] == 64
        seen.add((system["UUID"], system["SerialNumber"]))
        other = rack.facts["bmcs"][(number + 1) % 20]["systemId"]
        assert browser.ask("GET", f"/redfish/v1/Systems/{other}")[0] == 404
    assert len(seen) == 20


def test_only_the_root_is_open_and_a_wrong_password_is_counted(rack: Rack) -> None:
    stranger = Browser(rack, password="wrong")
    assert stranger.ask("GET", "/redfish/v1/")[0] == 200
    status, _, document = stranger.ask("GET", stranger.system)
    assert (status, document["error"]["code"]) == (401, "Base.1.0.GeneralError")
    account = {"UserName": rack.facts["username"], "Password": "wrong"}
    assert stranger.ask("POST", "/redfish/v1/SessionService/Sessions", account)[0] == 401
    assert rack.bmcs.one(0)["loginsRefused"] == 2
    assert "wrong" not in json.dumps(rack.bmcs.requests(0))


def test_a_session_lives_until_it_is_deleted_or_ended(rack: Rack) -> None:
    browser = Browser(rack)
    browser.basic = {}
    sessions = browser.get("/redfish/v1/")["Links"]["Sessions"]["@odata.id"]
    account = {"UserName": rack.facts["username"], "Password": rack.facts["password"]}
    status, headers, _ = browser.ask("POST", sessions, account)
    token = {"X-Auth-Token": headers["X-Auth-Token"]}
    assert status == 201
    assert browser.ask("GET", browser.system, headers=token)[0] == 200
    assert browser.ask("DELETE", headers["Location"], headers=token)[0] == 204
    assert browser.ask("GET", browser.system, headers=token)[0] == 401
    _, headers, _ = browser.ask("POST", sessions, account)
    rack.bmcs.end_sessions(0)
    assert browser.ask("GET", browser.system, headers={"X-Auth-Token": headers["X-Auth-Token"]})[0] == 401


def test_power_goes_on_and_off_and_may_take_its_time(rack: Rack) -> None:
    browser = Browser(rack)
    assert browser.reset("On") == 204
    assert browser.get(browser.system)["PowerState"] == "On"
    rack.bmcs.set(0, power_seconds=0.8)
    began = time.monotonic()
    assert browser.reset("ForceOff") == 204
    assert browser.get(browser.system)["PowerState"] == "On"
    while browser.get(browser.system)["PowerState"] == "On":
        assert time.monotonic() - began < 10
    assert time.monotonic() - began >= 0.8
    assert rack.bmcs.resets(0) == ["On", "ForceOff"]


def test_a_deaf_server_ignores_a_soft_power_off(rack: Rack) -> None:
    browser = Browser(rack)
    rack.bmcs.switch(0, "On")
    rack.bmcs.set(0, deaf=True)
    assert browser.reset("GracefulShutdown") == 204
    assert browser.get(browser.system)["PowerState"] == "On"
    assert browser.reset("ForceOff") == 204
    assert browser.get(browser.system)["PowerState"] == "Off"


def test_a_lost_reply_was_applied_and_a_cut_request_was_not(rack: Rack) -> None:
    browser = Browser(rack)
    rack.bmcs.fault(0, "LoseReply", match="POST .*Reset")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        browser.reset("On")
    assert browser.get(browser.system)["PowerState"] == "On"
    rack.bmcs.fault(0, "Cut", match="POST .*Reset")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        browser.reset("ForceOff")
    assert browser.get(browser.system)["PowerState"] == "On"
    assert [(each["method"], each["status"]) for each in rack.bmcs.requests(0)] == [
        ("POST", None),
        ("GET", 200),
        ("POST", None),
        ("GET", 200),
    ]


def test_a_dead_bmc_accepts_and_says_nothing_and_a_refused_one_is_not_there(rack: Rack) -> None:
    rack.bmcs.set(0, line="Dead")
    port = urlsplit(rack.facts["bmcs"][0]["address"]).port
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(b"anything")
        assert select.select([line], [], [], 0.5)[0] == []
    with pytest.raises(TimeoutError):
        Browser(rack, timeout=0.5).get("/redfish/v1/")
    rack.bmcs.set(0, line="Refused")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    assert Browser(rack, 1).get("/redfish/v1/")["Id"] == "RedvirtService"
    rack.bmcs.set(0, line="Well")
    assert Browser(rack).get("/redfish/v1/")["Id"] == "RedvirtService"


def test_a_fault_is_counted_down_and_others_are_not_touched(rack: Rack) -> None:
    browser = Browser(rack)
    rack.bmcs.fault(0, "Status", status=503, count=2)
    assert [browser.ask("GET", browser.system)[0] for _ in range(3)] == [503, 503, 200]
    rack.bmcs.fault(0, "Slow", seconds=0.6)
    began = time.monotonic()
    browser.get(browser.system)
    assert time.monotonic() - began >= 0.6
    rack.bmcs.fault(0, "Garbage", count=0)
    for _ in range(3):
        with pytest.raises(json.JSONDecodeError):
            browser.get(browser.system)
    assert Browser(rack, 1).get("/redfish/v1/")
    with pytest.raises(SandboxError, match="Nonsense"):
        rack.bmcs.fault(0, "Nonsense")


def test_a_document_is_changed_by_a_merge_patch(rack: Rack) -> None:
    browser = Browser(rack)
    other = "11111111-2222-4333-8444-555555555555"
    rack.bmcs.set(0, overlay={browser.system: {"UUID": other, "Model": None, "Status": {"Health": "Critical"}}})
    system = browser.get(browser.system)
    assert (system["UUID"], system["Status"]["Health"]) == (other, "Critical")
    assert system["Status"]["State"] == "Enabled"
    assert "Model" not in system
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"b": None}, "d": []}) == {"a": {"c": 2}, "d": []}


def test_servers_are_the_same_after_a_restart(tmp_path: Path) -> None:
    rack = start(tmp_path / "box", 3)
    assert Browser(rack, 1).reset("On") == 204
    before = [each["systemId"] for each in rack.facts["bmcs"]]
    again = rack.again(4)
    assert [each["systemId"] for each in again.facts["bmcs"]][:3] == before
    assert [each["power"] for each in again.bmcs.all()] == ["Off", "On", "Off", "Off"]
    keeping.stop(again.directory)


def test_200_bmcs_are_one_small_process(tmp_path: Path) -> None:
    began = time.monotonic()
    rack = start(tmp_path / "box", 200)
    took = time.monotonic() - began
    browser = Browser(rack, 199)
    assert browser.get(browser.system)["PowerState"] == "Off"
    kept = record.read(rack.directory)
    assert kept is not None
    number = kept.children["redfish"].process.pid
    (resident,) = [
        int(line.split()[1]) // 1024
        for line in Path(f"/proc/{number}/status").read_text().splitlines()
        if line.startswith("VmRSS")
    ]
    print(f"bar: 200 BMCs start in {took:.1f} s, {resident} MiB (bar 30 s, 200 MiB)")
    assert took < 30
    assert resident < 200
    keeping.stop(rack.directory)


def test_a_bmc_restarts_by_itself_and_its_server_runs_on(rack: Rack) -> None:
    browser = Browser(rack)
    manager = f"/redfish/v1/Managers/{browser.bmc['systemId']}"
    rack.bmcs.set(0, restart_seconds=2.0)
    rack.bmcs.switch(0, "On")
    target = browser.get(manager)["Actions"]["#Manager.Reset"]["target"]
    assert browser.ask("POST", target, {"ResetType": "GracefulRestart"})[0] == 204
    assert (rack.bmcs.one(0)["restarts"], rack.bmcs.one(0)["sessions"]) == (1, 0)
    with pytest.raises((http.client.HTTPException, OSError)):
        browser.get(manager)
    deadline = time.monotonic() + 20
    while True:
        assert time.monotonic() < deadline
        try:
            assert browser.get(browser.system)["PowerState"] == "On"
        except (http.client.HTTPException, OSError):
            select.select([], [], [], 0.1)
        else:
            break
    assert Browser(rack, 1).get(Browser(rack, 1).system)["PowerState"] == "Off"


def test_each_bmc_has_a_manifest_of_its_server(rack: Rack) -> None:
    machines = [
        PhysicalMachineSpec.model_validate(each["spec"])
        for each in yaml.safe_load_all(Path(rack.facts["machines"]).read_text())
    ]
    assert [machine.bmc.address for machine in machines] == [bmc["address"] for bmc in rack.facts["bmcs"]]


def test_a_site_without_images_is_no_source_of_one() -> None:
    kinds = {each["kind"] for each in catalog.manifests([Redfish()])}
    assert kinds == {"MachineClass"}
    image = next(each for each in catalog.manifests([Simulated(), Redfish()]) if each["kind"] == "MachineImage")
    assert [source["name"] for source in image["spec"]["sources"]] == [Simulated().provider]


async def test_a_port_that_was_taken_meanwhile_is_another_one(tmp_path: Path) -> None:
    served = certificates.loopback(tmp_path / "pki").server
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(served.certificate, served.key)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bmc = Bmc(0, "u", taken.getsockname()[1])
        front = Front(Fleet([server(0, "u")]), [bmc], tls, lambda: None)
        await front.start()
        assert bmc.port != taken.getsockname()[1]
        with socket.create_connection(("127.0.0.1", bmc.port), timeout=5):
            pass
        await front.stop()
