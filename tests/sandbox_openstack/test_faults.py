"""Each kind of fault does what the README says, seen from the client and from the service."""

from typing import Any

import pytest
from keystoneauth1.exceptions import ConnectFailure, UnknownConnectionError

from hostwright.sandbox.openstack.faults_client import Faults, Guests
from hostwright.sandbox.openstack.record import LabFacts

CREATE = {"method": "POST", "path": "/servers$"}


def test_a_lost_answer_leaves_one_server(demo: Any, openstack_faults: Faults) -> None:
    rule = openstack_faults.add({**CREATE, "do": "lose", "count": 1})
    with pytest.raises(ConnectFailure):
        demo.post_server("lost")
    assert len(demo.called("lost")) == 1
    assert [hit["service"] for hit in openstack_faults.hits(rule)] == ["nova"]


def test_an_answer_may_break_off(demo: Any, openstack_faults: Faults) -> None:
    openstack_faults.add({**CREATE, "do": "lose", "partial": True, "count": 1})
    with pytest.raises(UnknownConnectionError):
        demo.post_server("broken-off")
    assert len(demo.called("broken-off")) == 1


def test_a_cut_connection_leaves_nothing(demo: Any, openstack_faults: Faults) -> None:
    rule = openstack_faults.add({**CREATE, "do": "cut", "count": 1})
    with pytest.raises(ConnectFailure):
        demo.post_server("cut")
    assert demo.called("cut") == []
    assert len(openstack_faults.hits(rule)) == 1


@pytest.mark.parametrize(("do", "made"), [("error", 0), ("error_after", 1)])
def test_an_error_says_nothing_of_what_was_done(demo: Any, openstack_faults: Faults, do: str, made: int) -> None:
    openstack_faults.add({**CREATE, "do": do, "status": 503, "count": 1})
    answer = demo.post_server(f"with-{do}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert len(demo.called(f"with-{do}")) == made


def test_a_late_answer_was_done_at_once(demo: Any, openstack_faults: Faults) -> None:
    openstack_faults.add({**CREATE, "do": "late", "seconds": 20, "count": 1})
    with pytest.raises(Exception, match="timed out"):
        demo.cloud.compute.post(
            "/servers",
            json={"server": {"name": "late", "imageRef": demo.image, "flavorRef": demo.flavor, "networks": "none"}},
            microversion="2.90",
            timeout=1,
        )
    assert len(demo.called("late")) == 1


def test_a_rule_may_look_at_the_body_and_counts(demo: Any, openstack_faults: Faults) -> None:
    rule = openstack_faults.add({**CREATE, "body": '"name": ?"marked"', "do": "error", "status": 500, "count": 1})
    assert demo.post_server("unmarked").status_code == 202
    assert demo.post_server("marked").status_code == 500
    openstack_faults.add({"path": "/no-such-path", "do": "error", "status": 500})  # the file is read anew
    assert demo.post_server("marked").status_code == 202, "a used rule must stay used"
    assert len(openstack_faults.hits(rule)) == 1


def test_the_hypervisor_fails_where_the_metadata_says_so(demo: Any) -> None:
    server = demo.post_server("aborted", metadata={"lab:spawn": "abort"}).json()["server"]["id"]
    demo.await_status(server, "ERROR")


def test_a_guest_that_powers_itself_off_is_seen(demo: Any, openstack_lab: LabFacts) -> None:
    server = demo.active_server("goes-off")
    Guests(openstack_lab.nova_url).off(server)
    demo.await_status(server, "SHUTOFF")


def test_a_rule_that_cannot_work_is_refused(tmp_path: Any) -> None:
    faults = Faults(tmp_path / "faults.json")
    for rule in ({"path": "/", "do": "explode"}, {"path": "/", "do": "error"}, {"do": "cut"}):
        with pytest.raises(ValueError, match="not a rule"):
            faults.add(rule)
    assert faults.rules() == []
