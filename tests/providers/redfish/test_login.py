"""Logins against the real emulator: by a session or Basic, one try each, given back at the end."""

from collections.abc import Callable

import pytest
from tests.fixtures_redfish import Rack

from hostwright.core import errors
from hostwright.providers.redfish.client import RedfishClient
from hostwright.providers.redfish.errors import of_read
from hostwright.providers.redfish.rows import (
    LoginRefused,
    Power,
)

Connect = Callable[..., RedfishClient]
OTHER = "11111111-2222-4333-8444-555555555555"


async def test_one_login_serves_all_and_is_given_back(rack: Rack, connect: Connect) -> None:
    client = connect()
    for _ in range(5):
        await client.system()
    assert rack.bmcs.one(0)["sessions"] == 1
    asked = [(each["method"], each["path"].rpartition("/")[2]) for each in rack.bmcs.requests(0)]
    assert asked[:3] == [("GET", ""), ("POST", "Sessions"), ("GET", "Systems")]
    assert len(asked) == 3 + 5, "one request for each look"
    await client.close()
    assert rack.bmcs.one(0)["sessions"] == 0


async def test_an_ended_session_is_renewed_once(rack: Rack, connect: Connect) -> None:
    client = connect()
    system = await client.system()
    rack.bmcs.end_sessions(0)
    rack.bmcs.forget()
    await client.reset(system, "On")
    assert [each["status"] for each in rack.bmcs.requests(0)] == [401, 201, 204]
    assert (await client.system()).power is Power.ON


@pytest.mark.parametrize("sessions", [True, False])
async def test_a_refused_login_is_one_try(rack: Rack, connect: Connect, *, sessions: bool) -> None:
    rack.bmcs.set(0, session_service=sessions)
    with pytest.raises(LoginRefused) as caught:
        await connect(password="wrong").system()
    assert rack.bmcs.one(0)["loginsRefused"] == 1
    assert isinstance(of_read(caught.value), errors.CredentialsRejected)
    assert "wrong" not in str(caught.value)


async def test_a_password_changed_behind_us_costs_one_try(rack: Rack, connect: Connect) -> None:
    client = connect()
    await client.system()
    rack.bmcs.set(0, password="another")
    rack.bmcs.end_sessions(0)
    with pytest.raises(LoginRefused):
        await client.system()
    assert rack.bmcs.one(0)["loginsRefused"] == 1


async def test_a_session_that_opens_nothing_is_not_asked_for_again(rack: Rack, connect: Connect) -> None:
    rack.bmcs.fault(0, "Status", match="/Systems", status=401, count=0)
    client = connect()
    for logins in (1, 2):
        with pytest.raises(LoginRefused):
            await client.system()
        sent = [each for each in rack.bmcs.requests(0) if (each["method"], each["status"]) == ("POST", 201)]
        assert len(sent) == logins


async def test_a_bmc_without_sessions_is_asked_by_basic(rack: Rack, connect: Connect) -> None:
    rack.bmcs.set(0, session_service=False)
    assert (await connect().system()).power is Power.OFF
    assert [each["method"] for each in rack.bmcs.requests(0)] == ["GET"] * 3


@pytest.mark.parametrize("sessions", [True, False])
async def test_a_password_may_hold_any_letter(rack: Rack, connect: Connect, *, sessions: bool) -> None:
    rack.bmcs.set(0, session_service=sessions, password="pä€: ß")
    assert (await connect(password="pä€: ß").system()).power is Power.OFF
