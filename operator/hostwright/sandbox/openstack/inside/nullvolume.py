# ruff: noqa: INP001 - run with the lab's interpreter, found on its PYTHONPATH
"""Cinder volume driver that keeps nothing: every call succeeds at once.

Cinder's own ``cinder.tests.fake_driver`` cannot be imported where eventlet is off.
"""

from typing import Any

from cinder import interface
from cinder.volume import driver


@interface.volumedriver
class NullDriver(driver.VolumeDriver):
    VERSION = "1"
    CI_WIKI_NAME = "none"

    def check_for_setup_error(self) -> None:
        """Nothing can be wrong."""

    def _update_volume_stats(self) -> None:
        self._stats = {
            "volume_backend_name": "fake",
            "vendor_name": "hostwright",
            "driver_version": "1",
            "storage_protocol": "fake",
            "total_capacity_gb": "infinite",
            "free_capacity_gb": "infinite",
            "reserved_percentage": 0,
            "multiattach": True,
            "thin_provisioning_support": True,
        }

    def get_volume_stats(self, refresh: bool = False) -> dict[str, Any]:
        del refresh
        self._update_volume_stats()
        return self._stats

    def initialize_connection(self, volume: Any, connector: Any, **_named: Any) -> dict[str, Any]:
        del connector
        return {"driver_volume_type": "fake", "data": {"volume_id": volume.id}}

    def clone_image(self, *_args: Any, **_named: Any) -> tuple[dict[str, Any], bool]:
        return {}, True  # cloned: boot from volume without copying the image's bytes

    def _done(self, *_args: Any, **_named: Any) -> None:
        """Nothing is kept, so nothing is to be done."""

    create_volume = delete_volume = extend_volume = create_snapshot = delete_snapshot = _done
    create_volume_from_snapshot = create_cloned_volume = clone_to_volume = _done
    create_export = ensure_export = remove_export = terminate_connection = _done
    copy_image_to_volume = copy_volume_to_image = _done
