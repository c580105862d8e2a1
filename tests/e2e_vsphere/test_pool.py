"""A pool of ten on a vCenter."""

from tests.e2e.pools import ten_are_made_scaled_rolled_and_deleted
from tests.e2e.world import World
from tests.e2e_vsphere.vcenter import machines

from hostwright.sandbox.vsphere.control import Control


def test_ten_are_made_scaled_rolled_and_deleted_on_vsphere(home: World, behind: Control) -> None:
    ten_are_made_scaled_rolled_and_deleted(home, "ten", "vc-lab", 120)
    assert machines(behind, "ten-[0-9]+") == []
