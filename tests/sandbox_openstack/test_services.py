"""The services answer as real ones do, in what the operator relies on."""

from typing import Any

import openstack
from tests.contract.harness_openstack import EVEN
from tests.contract.openstack_rows import VAST

MAC = "02:16:3e:aa:00:01"


def test_a_server_with_a_port_comes_up_and_goes(demo: Any) -> None:
    port = demo.cloud.network.create_port(network_id=demo.network("app"), mac_address=MAC, description="hw:test")
    server = demo.active_server("with-port", [{"port": port.id}])

    shown = demo.cloud.compute.get_server(server)
    assert [address["OS-EXT-IPS-MAC:mac_addr"] for address in shown.addresses["app"]] == [MAC]
    bound = demo.cloud.network.get_port(port.id)
    assert (bound.device_id, bound.status) == (server, "ACTIVE")
    demo.delete_server(server)
    assert demo.cloud.network.get_port(port.id).device_id == "", "a port of ours outlives the server"
    demo.cloud.network.delete_port(port.id)


def test_the_catalog_is_that_of_every_sandbox_site(demo: Any) -> None:
    flavors = {flavor.name: (flavor.vcpus, flavor.ram) for flavor in demo.cloud.compute.flavors()}
    expected = {"m1.nano": (1, 64), "small": (1, 512), "medium": (2, 1024), "large": (4, 2048)}
    more = {name: size for name, size in flavors.items() if name not in {VAST, EVEN}}
    assert more == expected, "the contract's harness has two of its own here"
    networks = {network.name for network in demo.cloud.network.networks()}
    assert networks - {"twice"} == {"app", "db", "public"}, "the contract's harness has two of that name here"
    assert demo.cloud.compute.find_keypair("key") is not None
    assert demo.cloud.network.find_security_group("web") is not None


def test_a_mac_can_be_chosen_once_and_on_the_own_network_only(demo: Any) -> None:
    def port(network: str) -> Any:
        return demo.cloud.network.post(
            "/ports", json={"port": {"network_id": demo.network(network), "mac_address": MAC}}
        )

    first = port("app")
    assert first.status_code == 201, first.text
    second = port("app")
    assert (second.status_code, second.json()["NeutronError"]["type"]) == (409, "MacAddressInUse")
    shared = port("db")
    assert (shared.status_code, shared.json()["NeutronError"]["type"]) == (403, "PolicyNotAuthorized")
    demo.cloud.network.delete_port(first.json()["port"]["id"])


def test_the_admin_limits_the_ports_of_a_project(demo: Any, admin: Any) -> None:
    project = demo.cloud.current_project_id
    used = len(list(demo.cloud.network.ports(project_id=project)))
    admin.cloud.network.update_quota(project, port=used)
    try:
        refused = demo.cloud.network.post("/ports", json={"port": {"network_id": demo.network("app")}})
    finally:
        admin.cloud.network.update_quota(project, port=-1)
    assert (refused.status_code, refused.json()["NeutronError"]["type"]) == (409, "OverQuota")


def test_the_admin_limits_the_servers_of_a_project(demo: Any, admin: Any) -> None:
    project = demo.cloud.current_project_id
    admin.cloud.compute.update_quota_set(project, instances=0, force=True)
    try:
        refused = demo.post_server("one-too-many")
    finally:
        admin.cloud.compute.update_quota_set(project, instances=-1, force=True)
    assert refused.status_code == 403
    assert "Quota exceeded for instances" in refused.json()["forbidden"]["message"]


def test_an_application_credential_logs_in(demo: Any) -> None:
    identity = demo.cloud.identity
    made = identity.create_application_credential(demo.cloud.current_user_id, "for-the-operator")
    with openstack.connection.Connection(
        auth_type="v3applicationcredential",
        auth={
            "auth_url": demo.cloud.auth["auth_url"],
            "application_credential_id": made.id,
            "application_credential_secret": made.secret,
        },
        region_name="RegionOne",
    ) as other:
        assert other.current_project_id == demo.cloud.current_project_id
        assert other.network.find_network("app") is not None
    identity.delete_application_credential(demo.cloud.current_user_id, made)


def test_a_volume_is_made(demo: Any) -> None:
    volume = demo.cloud.block_storage.create_volume(size=1, name="data")
    demo.eventually(lambda: demo.cloud.block_storage.get_volume(volume.id).status == "available")
    demo.cloud.block_storage.delete_volume(volume.id)
