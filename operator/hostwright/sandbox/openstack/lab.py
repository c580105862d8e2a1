"""Start, stop and restart a lab."""

import shutil
from pathlib import Path

from hostwright.sandbox import processes, waiting
from hostwright.sandbox.failure import Progress, silent
from hostwright.sandbox.openstack import addresses, children, database, kept, record
from hostwright.sandbox.openstack.children import Running, Service, Spawn
from hostwright.sandbox.openstack.failures import LabFailed, LabUnavailable
from hostwright.sandbox.openstack.install import ensure_installed, programs
from hostwright.sandbox.openstack.places import Room
from hostwright.sandbox.openstack.record import LabFacts
from hostwright.sandbox.openstack.services import Options
from hostwright.sandbox.openstack.stack import SECONDS, Stack, look_at

__all__ = ["LabFacts", "LabFailed", "LabUnavailable", "ensure_installed", "facts", "kill", "restart", "start", "stop"]

KEEP_GRACE = 60.0  # seconds the database may take to write down what it holds


def start(
    directory: Path,
    *,
    progress: Progress = silent,
    spawn_delay: float = 0,
    computes: int = 3,
    cinder: bool = True,
    spawn: Spawn | None = None,
) -> LabFacts:
    """Start a lab and wait until a server could be made in it; on any failure nothing is left running.

    Without ``spawn`` the services are children of this process and die with it. A directory that a former ``stop``
    kept is taken up again, on new ports.
    """
    room = Room(directory.resolve())
    before = record.read(room)
    if any(processes.alive(one.process) for one in before.values()):
        raise LabFailed(f"a lab runs in {directory}", "Stop it first.")
    ensure_installed(progress)
    options = Options(spawn_delay=spawn_delay, computes=computes, cinder=cinder)
    ports = addresses.choose()
    stack = Stack(room, programs(), ports, options, spawn or children.spawn, progress)
    new = not room.data.exists()
    if new:
        kept.copy_into(room, stack.programs, progress, cinder=cinder)
    try:
        stack.configure()
        stack.start_database()
        database.move(stack.programs, room, ports)
        stack.start()
        stack.await_answer()
        stack.await_computes()
    except BaseException:
        stack.end(0)
        if new:  # the logs stay, for whoever wants to know why
            shutil.rmtree(room.data)
        raise
    return facts(room.directory)


def facts(directory: Path) -> LabFacts:
    """What the lab in this directory wrote down about itself."""
    room = Room(directory.resolve())
    running = record.read(room)
    if "nova" not in running:
        raise LabFailed(f"no lab was started in {directory}", "Start one.")
    return record.facts(room, running)


def stop(directory: Path, *, keep: bool = False) -> None:
    """End exactly what was started there; without ``keep``, remove the lab's data too."""
    room = Room(directory.resolve())
    running = record.read(room)
    others = [one.process for name, one in running.items() if name != "mariadb"]
    children.end(others, grace=0)  # nothing they hold is lost: all is in the database
    children.end([one.process for one in running.values()], KEEP_GRACE if keep else 0)
    if not keep:
        room.wipe()


def kill(directory: Path, name: str) -> None:
    """End one service as a crash would."""
    children.end([_one(Room(directory.resolve()), name).process], grace=0)


def restart(directory: Path, name: str, *, forget_guests: bool = False, spawn: Spawn | None = None) -> LabFacts:
    """Kill one service, unless it is dead already, start it again and wait until it answers.

    With ``forget_guests`` the hypervisor does not know its guests any more (nova only).
    """
    room = Room(directory.resolve())
    kill(directory, name)
    running = record.read(room)
    before = running[name].service
    env = {key: value for key, value in before.env.items() if key != "LAB_FORGET"}
    if forget_guests:
        env["LAB_FORGET"] = "1"
    service = Service(before.name, before.argv, env, before.log, before.port)
    running[name] = children.start(service, spawn or children.spawn)
    record.write(room, running)
    look = look_at(name, programs(), record.ports_of(running))
    waiting.until(name, look, SECONDS, silent, {service.log: running[name].process})
    return facts(directory)


def _one(room: Room, name: str) -> Running:
    running = record.read(room)
    if name not in running:
        raise LabFailed(f"no {name} was started in {room.directory}", f"There is: {', '.join(running) or 'nothing'}.")
    return running[name]
