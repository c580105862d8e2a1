"""Server groups asked for, made and removed: what each answer means."""

import pytest
from tests.providers.openstack.cloud import Cloud, refused

from hostwright.core import errors
from hostwright.kinds.provider.port import GroupFact
from hostwright.providers.openstack.groups import POLICIES, Groups
from hostwright.providers.openstack.rows import NotSent, Refused, Reply, ServerGroup, Unanswered


@pytest.fixture
def cloud() -> Cloud:
    return Cloud(groups={"g1": ServerGroup("g1", "a/web", "anti-affinity", ("s1",))})


def groups(cloud: Cloud) -> Groups:
    return Groups(cloud, 1.0)


async def test_policies_are_ours_in_our_words_and_novas_in_novas(cloud: Cloud) -> None:
    for ours, theirs in POLICIES.items():
        cloud.answer = {"server_group": {"id": "g2", "name": "t", "policy": theirs, "members": []}}
        assert await groups(cloud).make("t", ours, 5.0) == GroupFact("g2", "t", ours, frozenset())
    cloud.groups["g9"] = ServerGroup("g9", "of a newer Nova", "by-rack")
    assert [fact.policy for fact in await groups(cloud).listed()] == ["AntiAffinity", "by-rack"]


async def test_only_a_404_of_its_id_says_that_one_is_gone(cloud: Cloud) -> None:
    assert await groups(cloud).one("g1") == GroupFact("g1", "a/web", "AntiAffinity", frozenset({"s1"}))
    assert await groups(cloud).one("g2") is None

    async def proxy(_: str) -> ServerGroup:
        raise Refused("compute", Reply(404, b"<html>not here</html>"))

    cloud.server_group = proxy  # type: ignore[method-assign] - a proxy in between
    with pytest.raises(errors.Transient):
        await groups(cloud).one("g1")


async def test_a_deletion_of_what_is_gone_is_done_and_others_are_not(cloud: Cloud) -> None:
    asked = groups(cloud)
    await asked.listed()
    cloud.answer = refused(404, "Instance group g1 could not be found.")
    await asked.remove("g1", 5.0)
    assert asked.seen == ()
    for answer in (refused(500, "oops"), Unanswered("cut"), refused(404, "not here"), refused(429, "slow down")):
        cloud.answer = answer
        with pytest.raises((errors.Ambiguous, errors.InvalidConfiguration)):
            await asked.remove("g1", 5.0)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (refused(403, "Quota exceeded, too many server groups.", kind="forbidden"), errors.GroupQuotaExceeded),
        (refused(500, "oops"), errors.Ambiguous),
        (refused(429, "slow down"), errors.Ambiguous),
        (Unanswered("cut"), errors.Ambiguous),
        (NotSent("refused"), errors.Unreachable),
        (
            refused(403, "Policy doesn't allow os_compute_api:os-server-groups:create", kind="forbidden"),
            errors.Rejected,
        ),
    ],
)
async def test_what_a_refused_creation_means(cloud: Cloud, answer: Exception, failure: type[errors.Failure]) -> None:
    cloud.answer = answer
    with pytest.raises(failure):
        await groups(cloud).make("t", "Affinity", 5.0)


async def test_a_policy_that_hides_groups_says_nothing_of_the_login(cloud: Cloud) -> None:
    async def hidden() -> list[ServerGroup]:
        raise refused(403, "Policy doesn't allow os_compute_api:os-server-groups:index", kind="forbidden")

    cloud.server_groups = hidden  # type: ignore[method-assign] - as the policy has it
    with pytest.raises(errors.InvalidConfiguration, match="may not use server groups"):
        await groups(cloud).listed()
