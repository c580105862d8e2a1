"""Only the operator sets a server's claimRef, and a server that a claim has is not deleted; on the real API server."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.generated.conftest import Api, Body, path_of

from hostwright.core.names import FINALIZER

Make = Callable[[Body], Body]
Good = Callable[..., Body]
Bind = Callable[..., str]
REF = {"namespace": "default", "name": "web-2", "uid": "3f0e"}


def claimed(**ref: Any) -> Body:
    return {"spec": {"claimRef": {**REF, **ref}}}


FREE: Body = {"spec": {"claimRef": None}}


class TestClaimRef:
    @pytest.fixture
    def racks(
        self, api: Api, good: Good, bound: Bind, role: Callable[[str, list[Body]], str], eventually: Any
    ) -> Callable[..., str]:
        """A user who writes servers and reads their Secrets, as the API server knows by now."""
        secrets = role("reads-secrets", [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}])

        def user(*roles: str) -> str:
            name = bound("hostwright-edit", secrets, *roles)
            probe = good("PhysicalMachine", name="probe")
            eventually(lambda: api.create(probe, user=name, dryRun="All").status == 201)
            return name

        return user

    def test_a_user_cannot_bring_one(self, api: Api, good: Good, racks: Callable[..., str], eventually: Any) -> None:
        user, said = racks(), "spec.claimRef says which claim has the server; only the operator sets it"

        def refused() -> str:
            reply = api.create(good("PhysicalMachine", claimed()), user=user, dryRun="All")
            return reply.message if reply.status == 403 else ""

        message = eventually(refused)  # a policy is in force some time after it was written
        assert said in message
        assert "the verb claim on physicalmachines" in message

    @pytest.mark.parametrize("before", [None, claimed()])
    @pytest.mark.parametrize("other", [{"uid": "other"}, {"namespace": "kube-system"}, {"name": "db"}])
    def test_nor_set_or_change_it(
        self, api: Api, good: Good, made: Make, racks: Callable[..., str], before: Body | None, other: Body
    ) -> None:
        body = made(good("PhysicalMachine", before))
        reply = api.patch(body, claimed(**other), user=racks())
        assert reply.status == 403
        assert "only the operator sets it" in reply.message

    def test_anybody_may_remove_it_and_leave_it_as_it_is(
        self, api: Api, good: Good, made: Make, racks: Callable[..., str]
    ) -> None:
        body, user = made(good("PhysicalMachine", claimed())), racks()
        api.must(api.patch(body, {"spec": {"locator": "Lit"}}, user=user))
        api.must(api.patch(body, claimed(), user=user))
        api.must(api.patch(body, FREE, user=user))
        assert api.patch(body, claimed(), user=user).status == 403

    def test_whoever_has_the_verb_may(
        self,
        api: Api,
        good: Good,
        racks: Callable[..., str],
        role: Callable[[str, list[Body]], str],
        eventually: Any,
    ) -> None:
        rule = {"apiGroups": ["compute.hostwright.dev"], "resources": ["physicalmachines"], "verbs": ["claim"]}
        user = racks(role("claims", [rule]))
        eventually(lambda: api.create(good("PhysicalMachine", claimed()), user=user, dryRun="All").status == 201)

    def test_the_operator_sets_it_and_takes_it_off_with_the_version_it_saw(
        self, operator: Api, good: Good, made: Make
    ) -> None:
        body = made(good("PhysicalMachine"))
        metadata = operator.send("GET", path_of(body)).body["metadata"]
        seen = {"metadata": {name: metadata[name] for name in ("resourceVersion", "uid")}}
        bound = operator.must(operator.patch(body, {**seen, **claimed()}))
        assert bound["spec"]["claimRef"] == REF
        assert operator.patch(body, {**seen, **claimed(uid="other")}).status == 409
        assert "claimRef" not in operator.must(operator.patch(body, FREE))["spec"]


class TestClaimed:
    def test_a_server_that_a_claim_has_is_not_deleted_and_the_answer_says_what_to_do(
        self, api: Api, good: Good, made: Make
    ) -> None:
        body = made(good("PhysicalMachine", claimed()))
        reply = api.delete(body)
        assert reply.status == 403
        assert (
            "PhysicalMachine default/r12-u07 is claimed by default/web-2: "
            "delete that claim first, or remove spec.claimRef if it is gone"
        ) in reply.message
        api.must(api.patch(body, FREE))
        api.must(api.delete(body, dryRun="All"))

    def test_one_that_is_terminating_may_be_deleted_again_and_let_go(self, api: Api, good: Good, made: Make) -> None:
        body = made(good("PhysicalMachine", {"metadata": {"finalizers": [FINALIZER]}}))
        api.must(api.delete(body))
        api.must(api.patch(body, claimed()))
        api.must(api.delete(body))
        api.must(api.patch(body, {"metadata": {"finalizers": []}}))
        assert api.send("GET", path_of(body)).status == 404

    def test_a_protected_one_neither(self, api: Api, good: Good, made: Make) -> None:
        body = made(good("PhysicalMachine", {"spec": {"deletionProtection": True}}))
        assert "is protected" in api.delete(body).message


class TestBoundClaim:
    @pytest.fixture
    def bound_claim(self, api: Api, good: Good, made: Make) -> Body:
        body = made(good("PhysicalMachineClaim"))
        status = {"observedGeneration": 1, "machineRef": {"namespace": "racks", "name": "r12-u07"}}
        api.must(api.patch(body, {"status": status}, subresource="/status"))
        return body

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"selector": {"matchLabels": {"pool": "db"}}}, "selector"),
            ({"selector": None}, "selector"),
            ({"minimum": {"cpu": 64}}, "minimum"),
            ({"minimum": None}, "minimum"),
        ],
    )
    def test_what_chose_the_server_stays(self, api: Api, bound_claim: Body, change: Body, field: str) -> None:
        reply = api.patch(bound_claim, {"spec": change})
        assert reply.status == 422
        assert f"{field} is immutable once a server is bound: delete the claim and make another" in reply.message

    def test_the_wish_about_power_may_change(self, api: Api, bound_claim: Body) -> None:
        api.must(api.patch(bound_claim, {"spec": {"powerState": "PoweredOff", "restartedAt": "1"}}))

    def test_while_it_waits_all_may_change(self, api: Api, good: Good, made: Make) -> None:
        body = made(good("PhysicalMachineClaim"))
        api.must(api.patch(body, {"spec": {"selector": None, "minimum": {"cpu": 64}}}))
