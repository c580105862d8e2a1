"""Whom a probe connects to: the machine's own addresses, and never what only the operator can reach."""

import ipaddress
from typing import Any

import pytest

from hostwright.engine.targets import refusal, target_of

REFUSED = [ipaddress.ip_network("10.96.0.0/12"), ipaddress.ip_network("fd00:10::/64")]
PROBE = {"probe": {"tcpSocket": {"port": 22}, "periodSeconds": 5}}
INSIDE = [{"type": "InternalIP", "address": f"10.0.0.{number}"} for number in range(1, 6)]
OUTSIDE = [{"type": "ExternalIP", "address": "203.0.113.7"}]


def body(*, annotations: Any = None, deleted: bool = False, readiness: Any = PROBE, **status: Any) -> dict[str, Any]:
    metadata = {"annotations": annotations, **({"deletionTimestamp": "x"} if deleted else {})}
    status = {"powerState": "PoweredOn", "addresses": [*OUTSIDE, *INSIDE], **status}
    return {"metadata": metadata, "spec": {"readiness": readiness}, "status": status}


def test_floating_addresses_are_tried_last_and_of_many_only_some() -> None:
    target = target_of(body())
    assert target is not None
    assert target.addresses == ("10.0.0.1", "10.0.0.2", "10.0.0.3", "203.0.113.7")
    assert (target.port, target.period) == (22, 5.0)


@pytest.mark.parametrize(
    "case",
    [
        body(readiness=None),
        body(readiness={"minReadySeconds": 5}),
        body(powerState="PoweredOff"),
        body(powerState=None),
        body(addresses=None),
        body(deleted=True),
        body(annotations={"compute.hostwright.dev/paused": "CHG-1"}),
    ],
)
def test_it_is_not_probed(case: dict[str, Any]) -> None:
    assert target_of(case) is None


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1", "loopback"),
        ("127.8.9.10", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("0.0.0.0", "no machine's address"),  # noqa: S104 - an address that is refused
        ("::", "no machine's address"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("224.0.0.1", "no unicast address"),
        ("255.255.255.255", "no unicast address"),
        ("240.0.0.1", "no unicast address"),
        ("ff02::1", "no unicast address"),
        ("10.96.0.1", "--refuse-probes"),
        ("::ffff:10.96.0.1", "--refuse-probes"),
        ("fd00:10::1", "--refuse-probes"),
        ("localhost", "no address"),
        ("10.0.0.1:22", "no address"),
        ("", "no address"),
    ],
)
def test_nothing_is_sent_there(address: str, words: str) -> None:
    assert words in refusal(address, REFUSED)


@pytest.mark.parametrize("address", ["10.0.0.7", "192.168.1.1", "203.0.113.7", "100.64.0.1", "fd00::7", "2001:db8::1"])
def test_machines_have_such_addresses(address: str) -> None:
    assert refusal(address, REFUSED) == ""
