"""A pool of ten on the real OpenStack control plane."""

from tests.e2e.pools import ten_are_made_scaled_rolled_and_deleted
from tests.e2e.sites import Cloud
from tests.e2e.world import World


def test_ten_are_made_scaled_rolled_and_deleted_on_nova(home: World, cloud: Cloud) -> None:
    servers = ten_are_made_scaled_rolled_and_deleted(home, "ten", "os-lab", 120)
    assert not servers & {row.id for row in cloud.user.compute.servers()}
    assert cloud.servers("ten-[0-9]+") == cloud.ports("ten-[0-9]+") == []
