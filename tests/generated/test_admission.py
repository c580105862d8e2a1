"""The admission policies, on the real API server and with no operator running."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.generated.conftest import Api, Body, path_of

from hostwright.core.names import ANNOTATION_MACHINE_ID, FINALIZER

Make = Callable[[Body], Body]
Good = Callable[..., Body]
Bind = Callable[..., str]
USER_DATA = {"bootstrap": {"cloudInit": {"userDataRef": {"name": "web-ud", "key": "userData"}}}}
ETH1 = {"network": {"interfaces": [{"name": "eth1", "networkRef": {"name": "db"}}]}}
ANOTHER_KEY = {"openstack": {"keyPair": "new"}, "updatePolicy": {"maxDisruption": "Replace"}}
MADE = {"observedGeneration": 1, "resources": [{"name": "server", "id": "s"}]}


@pytest.fixture(scope="module")
def identifier(role: Callable[[str, list[Body]], str]) -> str:
    rule = {"apiGroups": ["compute.hostwright.dev"], "resources": ["virtualmachines"], "verbs": ["identify"]}
    return role("identifies", [rule])


@pytest.fixture(scope="module")
def importer(role: Callable[[str, list[Body]], str]) -> str:
    rule = {"apiGroups": ["compute.hostwright.dev"], "resources": ["virtualmachines"], "verbs": ["import"]}
    return role("imports", [rule])


def annotated(value: str | None) -> Body:
    return {"metadata": {"annotations": {ANNOTATION_MACHINE_ID: value}}}


class TestImport:
    def test_whoever_may_not_import_takes_over_no_machine(
        self, api: Api, good: Good, made: Make, bound: Bind, importer: str
    ) -> None:
        user, wish = bound("hostwright-edit"), {"spec": {"import": {"id": "5f0c7c0e-7f0b-4c55-9e2b-5b4a5b1c9a10"}}}
        reply = api.create(good("VirtualMachine", wish), user=user, dryRun="All")
        assert reply.status == 403
        assert "the verb import on virtualmachines" in reply.message
        body = made(good("VirtualMachine"))
        assert api.patch(body, wish, user=user).status == 403
        body = made(good("VirtualMachine", wish, name="imported"))
        api.must(api.patch(body, {"spec": {"powerState": "PoweredOff"}}, user=user))
        api.must(api.patch(body, {"spec": {"import": None}}, user=user, dryRun="All"))
        api.must(api.create(good("VirtualMachine", wish, name="web-2"), user=bound("hostwright-edit", importer)))

    @pytest.mark.parametrize("told", [{"providerID": "openstack:///R/1"}, {"handled": {"import": "1"}}])
    def test_it_stays_as_it_is_from_when_a_machine_is_bound(
        self, api: Api, good: Good, made: Make, told: dict[str, object]
    ) -> None:
        body = made(good("VirtualMachine", {"spec": {"import": {"filter": {"name": "legacy-1"}}}}))
        api.must(api.patch(body, {"spec": {"import": {"filter": {"tags": ["legacy"]}}}}))
        api.must(api.patch(body, {"status": told}, subresource="/status"))
        for change in ({"filter": {"name": "other"}}, None):
            reply = api.patch(body, {"spec": {"import": change}})
            assert reply.status == 422
            assert "immutable once a machine is bound" in reply.message
        api.must(api.patch(body, {"spec": {"managementPolicy": "ObserveOnly"}}))


class TestDeletionProtection:
    def test_a_protected_machine_is_not_deleted_and_the_answer_says_what_to_do(
        self, api: Api, good: Good, made: Make
    ) -> None:
        body = made(good("VirtualMachine", {"spec": {"deletionProtection": True}}, name="kept"))
        reply = api.delete(body)
        assert reply.status == 403
        assert "VirtualMachine default/kept is protected: set spec.deletionProtection to false first" in reply.message
        api.must(api.patch(body, {"spec": {"deletionProtection": False}}))
        api.must(api.delete(body, dryRun="All"))

    def test_nor_with_all_others(self, api: Api, good: Good, made: Make) -> None:
        body = made(good("VirtualMachine", {"spec": {"deletionProtection": True}}, name="kept"))
        assert api.send("DELETE", path_of(body).rpartition("/")[0]).status == 403
        api.must(api.send("GET", path_of(body)))

    def test_nor_with_its_namespace(self, api: Api, good: Good, eventually: Any) -> None:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "doomed"}}
        api.must(api.create(namespace))
        change = {"metadata": {"namespace": "doomed"}, "spec": {"deletionProtection": True}}
        body = good("VirtualMachine", change)
        api.must(api.create(body))
        api.must(api.send("DELETE", "/api/v1/namespaces/doomed"))

        def told() -> bool:
            conditions = api.send("GET", "/api/v1/namespaces/doomed").body["status"].get("conditions", [])
            return any("is protected" in each["message"] for each in conditions)

        eventually(told)
        api.must(api.send("GET", path_of(body)))
        api.must(api.patch(body, {"spec": {"deletionProtection": False}}))
        eventually(lambda: api.send("GET", "/api/v1/namespaces/doomed").status == 404, 60)

    def test_a_terminating_one_may_be_deleted_again_and_let_go(self, api: Api, good: Good, made: Make) -> None:
        body = made(good("VirtualMachine", {"metadata": {"finalizers": [FINALIZER]}}, name="going"))
        api.must(api.delete(body))
        api.must(api.patch(body, {"spec": {"deletionProtection": True}}))
        api.must(api.delete(body))
        api.must(api.patch(body, {"metadata": {"finalizers": []}}))
        assert api.send("GET", path_of(body)).status == 404


class TestMachineId:
    def test_a_user_cannot_bring_one(self, api: Api, good: Good, bound: Bind) -> None:
        user = bound("hostwright-edit")
        reply = api.create(good("VirtualMachine", annotated("3f0e")), user=user, dryRun="All")
        assert reply.status == 403
        assert "says which machine this is; only the operator sets it. Remove it" in reply.message
        assert "the verb identify on virtualmachines" in reply.message

    @pytest.mark.parametrize("before", [None, "3f0e"])
    @pytest.mark.parametrize("after", ["other", ""])
    def test_nor_set_or_change_it(
        self, api: Api, good: Good, made: Make, bound: Bind, before: str | None, after: str
    ) -> None:
        body = made(good("VirtualMachine", annotated(before) if before else None))
        user = bound("hostwright-edit")
        assert api.patch(body, annotated(after), user=user).status == 403

    def test_anybody_may_remove_it_and_leave_it_as_it_is(self, api: Api, good: Good, made: Make, bound: Bind) -> None:
        body = made(good("VirtualMachine", annotated("3f0e")))
        user = bound("hostwright-edit")
        api.must(api.patch(body, {"metadata": {"labels": {"a": "b"}}, "spec": {"powerState": "PoweredOff"}}, user=user))
        api.must(api.patch(body, annotated("3f0e"), user=user))
        api.must(api.patch(body, annotated(None), user=user))

    def test_a_backup_tool_with_the_verb_may(self, api: Api, good: Good, bound: Bind, identifier: str) -> None:
        user = bound("hostwright-edit", identifier)
        api.must(api.create(good("VirtualMachine", annotated("3f0e")), user=user, dryRun="All"))

    def test_the_operator_sets_it_with_the_finalizer_in_one_patch(
        self, operator: Api, good: Good, made: Make, api: Api
    ) -> None:
        body = made(good("VirtualMachine", {"spec": {**USER_DATA, "deletionProtection": True}}))
        seen = operator.send("GET", path_of(body)).body
        change = {
            "metadata": {
                "resourceVersion": seen["metadata"]["resourceVersion"],
                "uid": seen["metadata"]["uid"],
                "finalizers": [FINALIZER],
                **annotated(seen["metadata"]["uid"])["metadata"],
            }
        }
        written = operator.must(operator.patch(body, change))
        assert written["metadata"]["finalizers"] == [FINALIZER]
        reply = operator.patch(body, {"status": MADE}, subresource="/status")
        assert (reply.status, reply.warnings) == (200, ())
        reply = operator.patch(body, {"metadata": {"finalizers": None}})
        assert (reply.status, reply.warnings) == (200, ())

    def test_the_operator_lets_a_terminating_machine_go(self, operator: Api, good: Good, made: Make, api: Api) -> None:
        change = {"metadata": {"finalizers": [FINALIZER], **annotated("3f0e")["metadata"]}, "spec": USER_DATA}
        body = made(good("VirtualMachine", change, name="leaving"))
        api.must(api.delete(body))
        operator.must(operator.patch(body, {"metadata": {"finalizers": []}}))
        assert api.send("GET", path_of(body)).status == 404


class TestSecrets:
    def test_whoever_may_not_get_the_secret_cannot_name_it(self, api: Api, good: Good, bound: Bind) -> None:
        user = bound("hostwright-edit")
        reply = api.create(good("VirtualMachine", {"spec": USER_DATA}), user=user, dryRun="All")
        assert reply.status == 403
        assert (
            "spec.bootstrap.cloudInit.userDataRef names the Secret default/web-ud, which you may not get: "
            "ask for that right, or name another Secret"
        ) in reply.message

    def test_whoever_may_get_it_can(self, api: Api, good: Good, bound: Bind, secret_reader: str) -> None:
        user = bound("hostwright-edit", secret_reader)
        api.must(api.create(good("VirtualMachine", {"spec": USER_DATA}), user=user, dryRun="All"))

    def test_it_is_not_asked_for_what_an_update_leaves_alone(
        self, api: Api, good: Good, made: Make, bound: Bind
    ) -> None:
        body = made(good("VirtualMachine", {"spec": USER_DATA}))
        user = bound("hostwright-edit")
        api.must(api.patch(body, {"spec": {"powerState": "PoweredOff"}}, user=user))
        api.must(api.patch(body, {"spec": {"bootstrap": None}}, user=user))
        reply = api.patch(body, {"spec": USER_DATA}, user=user)
        assert reply.status == 403, "added again"

    @pytest.mark.parametrize("change", [{"name": "other"}, {"key": "other"}])
    def test_another_secret_or_another_key_of_it_is_asked_for(
        self, api: Api, good: Good, made: Make, bound: Bind, change: Body
    ) -> None:
        body = made(good("VirtualMachine", {"spec": USER_DATA}))
        user = bound("hostwright-edit")
        reference = {"bootstrap": {"cloudInit": {"userDataRef": change}}}
        assert api.patch(body, {"spec": reference}, user=user).status == 403

    def test_a_bmcs_login_cannot_be_sent_elsewhere_by_whoever_may_not_read_it(
        self, api: Api, good: Good, made: Make, bound: Bind
    ) -> None:
        body, user = made(good("PhysicalMachine")), bound("hostwright-edit")
        api.must(api.patch(body, {"spec": {"locator": "Lit"}}, user=user))
        moved = {"spec": {"bmc": {"address": "https://198.51.100.1"}}}
        assert api.patch(body, moved, user=user).status == 403
        assert api.patch(body, {"spec": {"bmc": {"tls": {"mode": "Insecure"}}}}, user=user).status == 403
        api.must(api.patch(body, moved))

    @pytest.fixture
    def platform(self, api: Api, role: Callable[[str, list[Body]], str]) -> str:
        """May write Providers, and get no Secret."""
        rule = {"apiGroups": ["compute.hostwright.dev"], "resources": ["providers"], "verbs": ["*"]}
        role("platform", [rule])
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "platform"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "platform"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "platform"}],
        }
        api.must(api.send("APPLY", path_of(binding), binding, fieldManager="test"))
        return "platform"

    def test_a_providers_login_is_asked_for_in_the_operators_namespace(
        self, api: Api, good: Good, made: Make, platform: str
    ) -> None:
        login = {"spec": {"credentialsRef": {"name": "sim"}}}
        api.must(api.create(good("Provider"), user=platform, dryRun="All"))
        reply = api.create(good("Provider", login), user=platform, dryRun="All")
        assert reply.status == 403
        assert "spec.credentialsRef names the Secret hostwright-system/sim, which you may not get" in reply.message

    def test_a_login_cannot_be_sent_elsewhere_by_whoever_may_not_read_it(
        self, api: Api, good: Good, made: Make, platform: str
    ) -> None:
        body = made(good("Provider", {"spec": {"credentialsRef": {"name": "sim"}}}))
        api.must(api.patch(body, {"spec": {"paused": True}}, user=platform))
        moved = {"spec": {"simulated": {"endpoint": "http://198.51.100.1:80"}}}
        assert api.patch(body, moved, user=platform).status == 403
        api.must(api.patch(body, moved))


class TestDisruption:
    @pytest.fixture
    def machine(self, api: Api, good: Good, made: Make, eventually: Callable[..., Any]) -> Body:
        """One that exists on the backend, as soon as the policies are in force."""
        body = made(good("VirtualMachine", {"spec": {"openstack": {"availabilityZone": "az1"}}}))
        api.must(api.patch(body, {"status": MADE}, subresource="/status"))
        eventually(lambda: api.patch(body, {"spec": {"imageRef": {"name": "other"}}}, dryRun="All").warnings)
        return body

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"imageRef": {"name": "other"}}, ["a change of imageRef is of class Rebuild"]),
            ({"classRef": {"name": "large"}}, ["a change of classRef is of class Restart"]),
            (
                {"classRef": None, "resources": {"cpu": 2, "memory": "1Gi"}},
                ["a change of classRef is of class Restart", "a change of resources is of class Restart"],
            ),
            (
                {"classRef": None, "openstack": {"flavor": {"name": "m1"}}},
                ["a change of classRef is of class Restart", "a change of openstack.flavor is of class Restart"],
            ),
            (
                {"openstack": {"availabilityZone": "az2"}},
                ["a change of openstack.availabilityZone is of class Replace"],
            ),
            ({"openstack": {"configDrive": True}}, ["a change of openstack.configDrive is used at creation only"]),
            (USER_DATA, ["a change of bootstrap.cloudInit is used at creation and at a rebuild only"]),
            ({"tags": {"a": "b"}, "powerState": "PoweredOff", "restartedAt": "now"}, []),
            (ETH1, []),
            (
                {"rebuildToken": "1"},
                ["a change of rebuildToken is of class Rebuild, and updatePolicy.maxDisruption is"],
            ),
            ({"rebuildToken": "1", "updatePolicy": {"maxDisruption": "Rebuild"}}, []),
            (
                {"bootstrap": {**USER_DATA["bootstrap"], "onChange": "Rebuild"}},
                ["a change of bootstrap.cloudInit is of class Rebuild"],
            ),
            (
                {
                    "bootstrap": {**USER_DATA["bootstrap"], "onChange": "Rebuild"},
                    "updatePolicy": {"maxDisruption": "Rebuild"},
                },
                [],
            ),
            ({"bootstrap": {"onChange": "Rebuild"}}, []),
            (
                {"bootstrap": {**USER_DATA["bootstrap"], "onChange": "Replace"}},
                ["a change of bootstrap.cloudInit is of class Replace"],
            ),
            (
                {
                    "bootstrap": {**USER_DATA["bootstrap"], "onChange": "Replace"},
                    "openstack": {"availabilityZone": "az2"},
                    "updatePolicy": {"maxDisruption": "Replace"},
                },
                [],
            ),
            (
                {"deletionProtection": True, **ANOTHER_KEY},
                ["makes another machine in the place of this one, which is refused while deletionProtection"],
            ),
            ({"classRef": {"name": "other"}, "updatePolicy": {"maxDisruption": "Restart"}}, []),
            (
                {"updatePolicy": {"maxDisruption": "None"}, **ETH1},
                ["a change of network.interfaces is of class Live, and updatePolicy.maxDisruption is None"],
            ),
            (
                {"updatePolicy": {"maxDisruption": "None"}, "tags": {"a": "b"}, "powerState": "PoweredOff"},
                ["a change of tags is of class Live, and updatePolicy.maxDisruption is None"],
            ),
        ],
    )
    def test_a_change_that_is_held_back_is_told_on_a_dry_run_and_not_refused(
        self, api: Api, machine: Body, change: Body, said: list[str]
    ) -> None:
        reply = api.patch(machine, {"spec": change}, dryRun="All")
        assert reply.status == 200, reply.message
        assert len(reply.warnings) == len(said), reply.warnings
        for words in said:
            assert any(words in warning for warning in reply.warnings), reply.warnings

    def test_the_warning_says_where_the_change_waits(self, api: Api, machine: Body) -> None:
        (warning,) = api.patch(machine, {"spec": {"imageRef": {"name": "other"}}}, dryRun="All").warnings
        assert warning.endswith(
            "a change of imageRef is of class Rebuild, and updatePolicy.maxDisruption is Live: "
            "it waits in status.pendingChanges, and the machine stays as it is"
        )

    @pytest.mark.parametrize(
        ("spec", "why"),
        [
            ({"rootDisk": {"size": "20Gi"}}, "for a machine with a rootDisk"),
            ({"import": {"id": "0a6b8c9d-0000-4000-8000-000000000001"}}, "for an imported machine"),
        ],
    )
    def test_what_is_never_replaced_says_so_before(
        self, api: Api, good: Good, made: Make, spec: Body, why: str
    ) -> None:
        body = made(good("VirtualMachine", {"spec": spec}))
        api.must(api.patch(body, {"status": MADE}, subresource="/status"))
        (warning,) = api.patch(body, {"spec": ANOTHER_KEY}, dryRun="All").warnings
        assert warning.endswith(f"in the place of this one, which is refused {why}: the machine stays as it is")

    def test_the_way_back_to_what_the_machine_was_made_with_is_no_change(self, api: Api, machine: Body) -> None:
        resolved = {"class": {"name": "former"}, "image": {"name": "first"}}
        api.must(api.patch(machine, {"status": {"resolved": resolved}}, subresource="/status"))
        back = {"classRef": {"name": "former"}, "imageRef": {"name": "first"}}
        assert api.patch(machine, {"spec": back}, dryRun="All").warnings == ()
        (warning,) = api.patch(machine, {"spec": {**back, "classRef": {"name": "other"}}}, dryRun="All").warnings
        assert "a change of classRef is of class Restart" in warning

    def test_before_there_is_a_machine_every_change_is_free(self, api: Api, good: Good, made: Make) -> None:
        body = made(good("VirtualMachine"))
        change = {"spec": {"imageRef": {"name": "other"}, "classRef": {"name": "large"}, **USER_DATA}}
        assert api.patch(body, change).warnings == ()
