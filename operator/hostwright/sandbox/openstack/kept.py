"""The kept copy: the data of a lab that was just seeded, from which every lab starts in seconds."""

import os
import shutil
from pathlib import Path

from hostwright.sandbox.failure import Progress
from hostwright.sandbox.openstack import addresses, children, database, schema
from hostwright.sandbox.openstack.install import Programs, locked
from hostwright.sandbox.openstack.places import Room, cache, digest, own_sources
from hostwright.sandbox.openstack.services import Options, environment
from hostwright.sandbox.openstack.stack import Stack

KEEP = 3  # copies of this many versions of our own sources
DATABASE_GRACE = 60.0


def copy_into(room: Room, programs: Programs, progress: Progress, *, cinder: bool) -> None:
    """Give the lab a copy of the kept data, which is made first where it is not there."""
    with locked("kept", progress):
        kept = _place(programs, cinder=cinder)
        if not kept.is_dir():
            _make(kept, programs, progress, cinder=cinder)
        os.utime(kept)  # used now: the oldest go first
        part = room.directory / "data.part"
        if part.exists():  # what an interrupted start left
            shutil.rmtree(part)
        shutil.copytree(kept, part)
        part.rename(room.data)


def _place(programs: Programs, *, cinder: bool) -> Path:
    return cache() / f"kept-{digest(own_sources(), programs.venv.name, str(cinder))}"


def _make(kept: Path, programs: Programs, progress: Progress, *, cinder: bool) -> None:
    """Seed a lab in a directory beside the kept copy, stop it, and move its data there.

    It has no computes: theirs are made at each start, so that any number of them can be asked for, and none that does
    not run is taken for a host.
    """
    room = Room(cache() / "making")
    room.wipe()  # what an interrupted making left; we hold the lock
    progress("making the lab's data (once for each version; about a minute)")
    options = Options(computes=0, cinder=cinder)
    stack = Stack(room, programs, addresses.choose(), options, children.spawn, progress)
    try:
        stack.configure()
        database.create(room, programs, environment(room, programs))
        stack.start_database()
        schema.create(room, programs, stack.ports)
        progress("schemas are there")
        stack.seed()
    finally:
        stack.end(DATABASE_GRACE)
    (room.mysql / "first.sql").unlink()
    room.data.rename(kept)
    room.wipe()
    copies = sorted(cache().glob("kept-*/"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in copies[KEEP:]:
        shutil.rmtree(old)
