"""What the vCenter itself has of an object, whatever the operator says."""

import re
from typing import Any

from tests.e2e.world import World

from hostwright.core import names
from hostwright.sandbox.vsphere.control import Control

Row = dict[str, Any]


def machines(behind: Control, name: str) -> list[Row]:
    """Those made for one object, by the name they bear."""
    made = re.compile(rf"/dc1/vm/hostwright/default-{name}-[0-9a-f]{{5}}$")
    return [row for path, row in behind.machines().items() if made.match(path)]


def only(behind: Control, name: str) -> Row:
    (row,) = machines(behind, name)
    return row


def named(world: World, name: str) -> str:
    """What a machine is called there, known before it is made."""
    body = world.get(name)
    assert body is not None
    return names.provider_name("default", name, body["metadata"]["uid"])
