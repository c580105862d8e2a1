"""What goes wrong on the way to a vCenter, on demand."""

import hashlib
import http.client
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from pyVim import connect
from pyVmomi import vim, vmodl

from hostwright.sandbox.vsphere.control import Control, ControlError
from hostwright.sandbox.vsphere.server import VCenter


def test_the_next_calls_of_a_method_fail_with_a_named_fault(user: Any, vcenter_control: Control) -> None:
    vcenter_control.rule("CloneVM_Task", "fault", fault="NoPermission", message="not you", times=2)
    for _ in range(2):
        with pytest.raises(vim.fault.NoPermission, match="not you"):
            user.clone("refused")
    assert user.done(user.clone("refused")).state == "success"


def test_a_task_fails_when_it_is_told_to(user: Any, vcenter_control: Control) -> None:
    vcenter_control.rule("CloneVM_Task", "taskFault", fault="InsufficientResourcesFault")
    assert isinstance(user.done(user.clone("full")).error, vim.fault.InsufficientResourcesFault)
    assert user.at(user.path("full")) is None
    machine = user.made("full", on=False)
    vcenter_control.rule("PowerOnVM_Task", "taskFault", fault="NoCompatibleHost", machine="full")
    assert isinstance(user.done(machine.PowerOn()).error, vim.fault.NoCompatibleHost)
    assert user.done(machine.PowerOn()).state == "success"


def test_a_lost_reply_is_of_a_call_that_was_carried_out(user: Any, vcenter_control: Control) -> None:
    vcenter_control.rule("CloneVM_Task", "lose")
    with pytest.raises((OSError, http.client.HTTPException)):
        user.clone("lost")
    user.eventually(lambda: user.at(user.path("lost")))


def test_a_dropped_call_is_not_carried_out(user: Any, vcenter_control: Control) -> None:
    machine = user.made("dropped")
    vcenter_control.rule("PowerOffVM_Task", "drop", machine="dropped")
    with pytest.raises((OSError, http.client.HTTPException)):
        machine.PowerOff()
    assert machine.runtime.powerState == "poweredOn"
    assert user.done(machine.PowerOff()).state == "success"


def test_a_slow_call_is_slow_before_and_a_slow_reply_after_it_is_done(user: Any, vcenter_control: Control) -> None:
    machine = user.made("slow")
    vcenter_control.rule("PowerOffVM_Task", "slow", seconds=0.5)
    begin = time.monotonic()
    caller = threading.Thread(target=machine.PowerOff)
    caller.start()
    assert vcenter_control.machines()[user.path("slow")]["power"] == "poweredOn"
    caller.join()
    assert time.monotonic() - begin > 0.5
    vcenter_control.rule("PowerOnVM_Task", "slowReply", seconds=1)
    caller = threading.Thread(target=machine.PowerOn)
    caller.start()
    user.eventually(lambda: vcenter_control.machines()[user.path("slow")]["power"] == "poweredOn")
    assert caller.is_alive()
    caller.join()


def test_every_call_is_remembered_with_its_outcome(user: Any, vcenter_control: Control) -> None:
    before = vcenter_control.last_call()
    vcenter_control.rule("CloneVM_Task", "lose")
    with pytest.raises((OSError, http.client.HTTPException)):
        user.clone("counted", on=False)
    machine = user.eventually(lambda: user.at(user.path("counted")))
    with pytest.raises(vim.fault.InvalidPowerState):
        machine.ShutdownGuest()
    user.done(machine.Destroy_Task())
    calls = vcenter_control.calls(before)
    changing = [call for call in calls if call["method"] not in ("Fetch", "FindByInventoryPath")]
    seen = [(call["method"], call["name"], call["outcome"]) for call in changing]
    assert seen == [
        ("CloneVM_Task", "counted", "lost"),
        ("ShutdownGuest", "counted", "InvalidPowerState"),
        ("Destroy_Task", "counted", "ok"),
    ]
    assert [call["object"] for call in changing] == [user.template._moId, machine._moId, machine._moId]
    assert [call["number"] for call in calls] == list(range(before + 1, before + 1 + len(calls)))


def test_all_sessions_end_at_once_and_so_does_waiting(
    user: Any, another: Callable[[], Any], vcenter_control: Control
) -> None:
    other = another()
    refused: list[BaseException] = []
    options = vmodl.query.PropertyCollector.WaitOptions(maxWaitSeconds=60)

    def wait() -> None:
        collector = user.content.propertyCollector
        version = collector.WaitForUpdatesEx("", options)
        try:
            collector.WaitForUpdatesEx(getattr(version, "version", "1"), options)
        except vim.fault.NotAuthenticated as error:
            refused.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    user.eventually(
        lambda: [call for call in vcenter_control.calls(method="WaitForUpdatesEx") if call["outcome"] == "running"]
    )
    assert vcenter_control.end_sessions() >= 2
    waiting.join(5)
    assert [type(each) for each in refused] == [vim.fault.NotAuthenticated]
    for one in (user, other):
        with pytest.raises(vim.fault.NotAuthenticated, match="not authenticated"):
            _ = one.template.name
        with pytest.raises(vim.fault.NotAuthenticated):
            one.clone("nobody")
    assert vcenter_control.sessions() == []
    assert another().template.name == "tiny"


def test_a_logout_leaves_no_session(another: Callable[[], Any], vcenter_control: Control) -> None:
    before = len(vcenter_control.sessions())
    one = another()
    assert len(vcenter_control.sessions()) == before + 1
    one.close()
    assert len(vcenter_control.sessions()) == before


def test_a_wrong_password_is_refused(vcenter: VCenter) -> None:
    context = ssl.create_default_context(cafile=str(vcenter.ca))
    with pytest.raises(vim.fault.InvalidLogin, match="incorrect user name or password"):
        connect.SmartConnect(host="127.0.0.1", port=vcenter.port, user=vcenter.username, pwd="no", sslContext=context)


def test_the_certificate_is_known_by_its_authority_and_by_its_thumbprint(vcenter: VCenter) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        connect.SmartConnect(
            host="127.0.0.1",
            port=vcenter.port,
            user=vcenter.username,
            pwd=vcenter.password,
            sslContext=ssl.create_default_context(),  # without one, pyvmomi verifies nothing on 127.0.0.1
        )
    trusting = ssl.create_default_context(cafile=str(vcenter.ca))
    line = http.client.HTTPSConnection("127.0.0.1", vcenter.port, context=trusting, timeout=5)
    line.connect()
    shown = hashlib.sha256(line.sock.getpeercert(binary_form=True)).hexdigest()
    line.close()
    assert vcenter.thumbprint.replace(":", "").lower() == shown


def test_what_cannot_be_done_is_said(vcenter_control: Control) -> None:
    with pytest.raises(ControlError, match='no fault "Nonsense"'):
        vcenter_control.rule("CloneVM_Task", "fault", fault="Nonsense")
    with pytest.raises(ControlError, match='2 machines are called "tiny"'):
        vcenter_control.power("tiny", "on")
    with pytest.raises(ControlError, match="InvalidState"):
        vcenter_control.power("/dc1/vm/templates/tiny", "on")
