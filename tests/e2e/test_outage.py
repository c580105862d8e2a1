"""A backend that goes away and comes back, and logins that change: nothing is lost, and nobody restarts anything."""

from tests.e2e.outage import FLEET, Logins, Outage, Stories

#: The two stories are begun with the first end-to-end test (conftest.py) and may take this long, in seconds.
PATIENCE = 300


def test_an_unplugged_backend_is_told_at_once_and_its_machines_after_two_minutes(long_stories: Stories) -> None:
    seen: Outage = long_stories.outage.result(PATIENCE)
    print(f"\nbar: outage told on the Provider after {seen.told_after:.1f} s, on machines {seen.unknown_after:.0f} on")
    assert seen.told_after < 15
    assert seen.reachable["reason"] == "Unreachable"
    assert seen.ready_early == ["True"] * len(FLEET)
    assert 110 <= seen.unknown_after <= 150
    assert {row["reason"] for row in seen.unknown} == {"ProviderUnreachable"}
    assert all(
        "its state is not known" in row["message"] or "does not answer" in row["message"] for row in seen.unknown
    )


def test_what_is_asked_for_meanwhile_waits_and_says_so(long_stories: Stories) -> None:
    seen = long_stories.outage.result(PATIENCE)
    assert (seen.late["status"], seen.late["reason"]) == ("False", "Unreachable")
    assert "Nothing to do but wait." in seen.late["message"]
    assert "waiting for Provider 'sim'" in seen.leaving["message"]


def test_it_comes_back_by_itself_with_nothing_lost_and_nothing_twice(long_stories: Stories) -> None:
    seen = long_stories.outage.result(PATIENCE)
    print(f"\nbar: back after {seen.back_after:.0f} s of good answers (30 asked for)")
    assert 25 <= seen.back_after <= 60
    assert seen.after == seen.before  # not one call was made on them: a machine's revision counts its changes
    assert seen.machines == len(FLEET) + 1
    assert seen.events == seen.events_before  # an outage is told by one Event on the Provider
    assert seen.provider_events.count("Unreachable") == 1
    assert seen.provider_events.count("Ready") == 1


def test_a_wrong_login_stalls_the_provider_and_its_machine_until_the_secret_is_mended(long_stories: Stories) -> None:
    seen: Logins = long_stories.logins.result(PATIENCE)
    assert seen.stalled["reason"] == seen.machine["reason"] == "CredentialsRejected"
    assert "The platform team must act." in seen.machine["message"]
    assert seen.mended_after < 75


def test_a_login_that_was_rotated_badly_is_told_and_the_running_one_is_used_on(long_stories: Stories) -> None:
    seen = long_stories.logins.result(PATIENCE)
    assert seen.refused["reason"] == "CredentialsRejected"
    assert "the former login is used on" in seen.refused["message"]
    assert seen.refused_ready == "True"
    assert seen.worked
    assert seen.valid_after < 75


def test_a_rotated_login_is_taken_up_live(long_stories: Stories) -> None:
    seen = long_stories.logins.result(PATIENCE)
    print(f"\nbar: a rotated login is used {seen.rotated_after:.1f} s after the old one is refused")
    assert seen.rotated_after < 20  # the Secret is read again as soon as the old login is refused
