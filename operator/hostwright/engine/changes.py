"""What a change of each field of a VirtualMachine's spec does to a machine that exists, by path in the spec."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from hostwright.core.drift import table
from hostwright.core.names import Disruption
from hostwright.kinds.provider.port import Sections
from hostwright.kinds.virtualmachine.port import MachineShape

MADE_WITH = "is used at creation only: the machine that exists keeps what it was made with"
#: What no provider changes on a machine that exists, whatever the ceiling says, and what becomes of the wish.
AT_CREATION: Mapping[str, str] = {
    "/bootstrap/cloudInit": "is used at creation and at a rebuild only: a machine keeps what it was made with",
}
#: Several ways to say one thing.
SIZE, TAGS = "/classRef", "/tags"
#: Wishes about the object: no machine is touched.
OF_THE_OBJECT = (
    *("/powerOffMode", "/updatePolicy", "/managementPolicy", "/deletionPolicy", "/deletionProtection"),
    *("/import", "/driftDetection", "/timeouts", "/onExternalDeletion", "/expireAfter", "/readiness"),
    "/bootstrap/onChange",
)
#: A new value is one restart, or one rebuild.
RESTARTED_AT, REBUILD_TOKEN = "/restartedAt", "/rebuildToken"
#: What another bootstrap does, where `onChange` says so.
BOOTSTRAP, ON_CHANGE = "/bootstrap/cloudInit", "/bootstrap/onChange"


def elsewhere(shape_path: str, sections: Sequence[Sections]) -> list[tuple[str, Disruption | None]]:
    """The other places in the spec where this is said: the backends' own, and the other ways to say a size."""
    found: list[tuple[str, Disruption | None]] = []
    for section in sections:
        own = section.disruption.get(shape_path)
        found.append((section.shape_paths.get(shape_path, shape_path), own))
        if shape_path == SIZE and section.machine_size_field is not None:
            found.append((f"/{section.key}/{section.machine_size_field}", own))
    if shape_path == SIZE:
        found.append(("/resources", None))
    if shape_path == TAGS:
        found.append(("/propagateLabels", None))
    return found


def compared(sections: Sequence[Sections]) -> Iterator[tuple[str, str, Disruption]]:
    """(path in the spec, path of the shape, class) of all that is compared with a machine."""
    for shape_path, usual in table(MachineShape).items():
        for path, own in [(shape_path, None), *elsewhere(shape_path, sections)]:
            if path not in AT_CREATION:
                yield path, shape_path, own or usual


def heaviest(rows: Iterable[tuple[str, Disruption]]) -> dict[str, Disruption]:
    """Where several say something of one path, the heavier counts."""
    found: dict[str, Disruption] = {}
    for path, disruption in rows:
        if disruption.weight >= found.get(path, Disruption.NONE).weight:
            found[path] = disruption
    return found


def classes(sections: Sequence[Sections], supported: frozenset[str] | None) -> dict[str, Disruption]:
    """Path in the spec → class, where the machine can be changed; what is not in it can only be replaced.

    `supported`: paths of the shape that the backend changes on a machine now; None: it cannot be asked.
    """
    rows = [
        (path, disruption if supported is None or shape_path in supported else Disruption.REPLACE)
        for path, shape_path, disruption in compared(sections)
    ]
    rows += [(path, Disruption.NONE) for path in OF_THE_OBJECT]
    can_rebuild = supported is None or REBUILD_TOKEN in supported
    rows += [(REBUILD_TOKEN, Disruption.REBUILD if can_rebuild else Disruption.REPLACE)]
    return heaviest([*rows, (RESTARTED_AT, Disruption.RESTART)])
