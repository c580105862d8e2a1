"""The one pure model of a simulated site: every operation takes the time, and answers at once or refuses."""

import hashlib
import heapq
import uuid
from collections import deque
from collections.abc import Callable
from itertools import islice

import msgspec

from hostwright.providers.simulated.addresses import Addresses
from hostwright.providers.simulated.history import History
from hostwright.providers.simulated.rows import (
    Catalog,
    Code,
    Entry,
    Gone,
    Hardware,
    Image,
    Machine,
    MachineRequest,
    Network,
    Nic,
    Owner,
    Page,
    Remake,
    Row,
    Site,
    Size,
    State,
    Table,
    Task,
    refused,
)

VERSION = "1"
PAGE = 1000
#: Deletions remembered for lists with `since`; older ones are refused with TooOld.
GONE_REMEMBERED = 20_000
#: The catalog that every sandbox site has (DESIGN section 11).
CATALOG = Catalog(
    sizes=(
        Size(name="small", cpu=1, memory_mib=512),
        Size(name="medium", cpu=2, memory_mib=1024),
        Size(name="large", cpu=4, memory_mib=2048),
    ),
    images=(Image(id="image-tiny", name="tiny"),),
    networks=(
        Network(id="network-app", name="app", cidr="10.64.0.0/16"),
        Network(id="network-db", name="db", cidr="10.65.0.0/16"),
    ),
)


class Settings(Row, frozen=True, kw_only=True):
    """How the site behaves; changed by its control API, not kept over a restart."""

    build_seconds: float = 1.0
    power_seconds: float = 0.2
    delete_seconds: float = 0.2
    quota_machines: int | None = None
    quota_cpu: int | None = msgspec.field(default=None, name="quotaCPU")
    visibility_lag: float = 0.0  # seconds before a list shows a change; a single machine is always shown as it is
    page_size: int = PAGE  # the most rows of a page, whatever is asked for


class Build(Row, frozen=True, kw_only=True):
    """The outcome of builds to come: Fail ends in Error with the message, Hang never ends."""

    hang: bool = False
    message: str = "the build failed"


class Kept(Row, frozen=True, kw_only=True):
    """All that survives a restart."""

    site: str
    revision: int
    catalog: Catalog
    machines: tuple[Machine, ...] = ()
    gone: tuple[Gone, ...] = ()


class Model:
    """Machines by id, in the order of their creation. Every change of a machine is one new revision of the site."""

    def __init__(self, kept: Kept, settings: Settings) -> None:
        self.site = kept.site
        self.revision = kept.revision
        self.catalog = kept.catalog
        self.settings = settings
        self.machines = {machine.id: machine for machine in kept.machines}
        self.gone = deque(kept.gone, maxlen=GONE_REMEMBERED)
        self.builds: deque[Build] = deque()
        self.changed: set[str] = set()  # ids to be written down; emptied by whoever does
        self._names = {machine.name: machine.id for machine in kept.machines}
        self._addresses = Addresses(kept.catalog.networks)
        self._history = History()
        self._due: list[tuple[float, str]] = []
        self._failing: dict[str, str] = {}
        self._cpu = 0
        for machine in kept.machines:
            self._cpu += machine.cpu
            self._schedule(machine)
            for nic in machine.interfaces:
                self._addresses.take(nic)

    # What anybody may ask.

    def info(self, now: float) -> Site:
        self._advance(now)
        return Site(id=self.site, version=VERSION, revision=self.revision)

    def get(self, now: float, key: str) -> Machine:
        """By id or by name, as it is. Raises Refused."""
        self._advance(now)
        return self._machine(key)

    def page(
        self, now: float, *, since: int | None = None, after: int = 0, limit: int = PAGE, mark: str | None = None
    ) -> Page:
        """Machines in the order of their creation, as far as the visibility lag shows them."""
        self._advance(now)
        view = self._history.view(self.machines, self.revision, now - self.settings.visibility_lag)
        gone: tuple[Gone, ...] = ()
        if since is not None:
            if len(self.gone) == GONE_REMEMBERED and since < self.gone[0].revision:
                raise refused(410, Code.TOO_OLD, f"deletions before revision {self.gone[0].revision} are forgotten")
            if not after:
                gone = tuple(item for item in self.gone if since < item.revision <= view.revision)
        wanted = (
            row
            for row in view.machines.values()
            if row.number > after and (since is None or row.revision > since) and (mark is None or row.mark == mark)
        )
        size = max(1, min(limit, self.settings.page_size))
        found = tuple(islice(wanted, size + 1))
        more = found[size - 1].number if len(found) > size else 0
        return Page(machines=found[:size], gone=gone, revision=view.revision, more=more)

    # What the owner of a machine does.

    def create(self, now: float, request: MachineRequest) -> Machine:
        """Raises Refused, and has then changed nothing."""
        self._advance(now)
        self._check(request)
        number = self.revision + 1
        machine_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.site}/{number}"))
        networks = {network.id: network for network in self.catalog.networks}
        nics: list[Nic] = []
        try:
            for item in request.interfaces:
                nics.append(self._addresses.allot(item, networks[item.network], f"{machine_id}/{item.name}"))
                self._addresses.take(nics[-1])
        except Exception:
            for nic in nics:
                self._addresses.free(nic)
            raise
        build = self.builds.popleft() if self.builds else None
        machine = Machine(
            id=machine_id,
            number=number,
            name=request.name,
            mark=request.mark,
            namespace=request.namespace,
            object_name=request.object_name,
            hostname=request.hostname or request.name,
            image=request.image,
            cpu=request.cpu,
            memory_mib=request.memory_mib,
            interfaces=tuple(nics),
            state=State.BUILDING,
            powered_on=False,
            tags=dict(request.tags),
            metadata=dict(request.metadata),
            ssh_keys=request.ssh_keys,
            user_data_size=len(request.user_data),
            user_data_sha256=hashlib.sha256(request.user_data).hexdigest() if request.user_data else "",
            created_at=now,
            revision=number,
            due=None if build is not None and build.hang else now + self.settings.build_seconds,
        )
        if build is not None and not build.hang:
            self._failing[machine.id] = build.message
        self._cpu += machine.cpu
        self._names[machine.name] = machine.id
        return self._write(now, machine)

    def start(self, now: float, key: str) -> Machine:
        return self._power(now, key, on=True)

    def stop(self, now: float, key: str) -> Machine:
        return self._power(now, key, on=False)

    def resize(self, now: float, key: str, size: Hardware) -> Machine:
        """At once, on or off; the same size again changes nothing."""
        self._advance(now)
        machine = self._usable(key)
        if machine.state is not State.ACTIVE or machine.task is not Task.NONE:
            raise refused(409, Code.BUSY, f"machine {machine.name!r} is {machine.task or machine.state}")
        if size.cpu < 1 or size.memory_mib < 1:
            raise refused(400, Code.INVALID, "a machine needs a CPU and memory")
        if (machine.cpu, machine.memory_mib) == (size.cpu, size.memory_mib):
            return machine
        if size.cpu > machine.cpu:
            self._check_quota("CPUs", self._cpu, size.cpu - machine.cpu, self.settings.quota_cpu)
        self._cpu += size.cpu - machine.cpu
        return self._change(now, machine, cpu=size.cpu, memory_mib=size.memory_mib)

    def rebuild(self, now: float, key: str, remake: Remake) -> Machine:
        """At once, on or off, and once more each time it is asked: nothing here fences it."""
        self._advance(now)
        machine = self._usable(key)
        if machine.state is not State.ACTIVE or machine.task is not Task.NONE:
            raise refused(409, Code.BUSY, f"machine {machine.name!r} is {machine.task or machine.state}")
        if remake.image not in {image.id for image in self.catalog.images}:
            raise refused(400, Code.INVALID, f"there is no image {remake.image!r}")
        return self._change(
            now,
            machine,
            image=remake.image,
            rebuilt=remake.word,
            rebuilds=machine.rebuilds + 1,
            ssh_keys=remake.ssh_keys,
            user_data_size=len(remake.user_data),
            user_data_sha256=hashlib.sha256(remake.user_data).hexdigest() if remake.user_data else "",
        )

    def set_entry(self, now: float, key: str, table: Table, entry: Entry) -> Machine:
        """One tag or metadata key; all others stay."""
        return self._retable(now, key, table, lambda before: {**before, entry.key: entry.value})

    def remove_entry(self, now: float, key: str, table: Table, entry: Entry) -> Machine:
        return self._retable(
            now, key, table, lambda before: {name: value for name, value in before.items() if name != entry.key}
        )

    def set_mark(self, now: float, key: str, owner: Owner) -> Machine:
        """On a machine that bears none, or this one."""
        self._advance(now)
        machine = self._usable(key)
        if machine.mark not in {"", owner.mark}:
            raise refused(409, Code.MARKED, f"machine {machine.id} bears another mark")
        return self._change(now, machine, mark=owner.mark, namespace=owner.namespace, object_name=owner.object_name)

    def remove_mark(self, now: float, key: str) -> Machine:
        """The mark and the record of who it was made for."""
        self._advance(now)
        machine = self._usable(key)
        if not (machine.mark or machine.namespace or machine.object_name):
            return machine
        return self._change(now, machine, mark="", namespace="", object_name="")

    def delete(self, now: float, key: str) -> Machine:
        """Accepted at once, gone after a while; asking again changes nothing."""
        self._advance(now)
        machine = self._machine(key)
        if machine.state is State.DELETING:
            return machine
        due = now + self.settings.delete_seconds
        return self._change(now, machine, state=State.DELETING, task=Task.NONE, due=due)

    # What happens behind the owner's back.

    def tamper(self, now: float, key: str, **changes: object) -> Machine:
        """Any field of a machine, at once."""
        self._advance(now)
        return self._change(now, self._machine(key), **changes)

    def vanish(self, now: float, key: str) -> None:
        self._advance(now)
        self._forget(now, self._machine(key))

    def kept(self) -> Kept:
        return Kept(
            site=self.site,
            revision=self.revision,
            catalog=self.catalog,
            machines=tuple(self.machines.values()),
            gone=tuple(self.gone),
        )

    # Inside.

    def _check(self, request: MachineRequest) -> None:
        holder = self._names.get(request.name)
        if holder is not None:
            raise refused(409, Code.NAME_TAKEN, f"the name {request.name!r} is taken", holder=holder)
        if not request.name or request.cpu < 1 or request.memory_mib < 1:
            raise refused(400, Code.INVALID, "a machine needs a name, a CPU and memory")
        if request.image not in {image.id for image in self.catalog.images}:
            raise refused(400, Code.INVALID, f"there is no image {request.image!r}")
        networks = {network.id for network in self.catalog.networks}
        for item in request.interfaces:
            if item.network not in networks:
                raise refused(400, Code.INVALID, f"there is no network {item.network!r}")
        self._check_quota("machines", len(self.machines), 1, self.settings.quota_machines)
        self._check_quota("CPUs", self._cpu, request.cpu, self.settings.quota_cpu)

    def _check_quota(self, what: str, used: int, more: int, limit: int | None) -> None:
        if limit is not None and used + more > limit:
            text = f"quota of {what} exceeded: {used} of {limit} used, {more} more asked for"
            raise refused(403, Code.QUOTA_EXCEEDED, text)

    def _machine(self, key: str) -> Machine:
        machine = self.machines.get(key) or self.machines.get(self._names.get(key, ""))
        if machine is None:
            raise refused(404, Code.NOT_FOUND, f"there is no machine {key!r}")
        return machine

    def _usable(self, key: str) -> Machine:
        machine = self._machine(key)
        if machine.state is State.DELETING:
            raise refused(409, Code.BUSY, f"machine {machine.name!r} is being deleted")
        return machine

    def _power(self, now: float, key: str, *, on: bool) -> Machine:
        self._advance(now)
        machine = self._usable(key)
        if machine.state is not State.ACTIVE or machine.task is not Task.NONE:
            raise refused(409, Code.BUSY, f"machine {machine.name!r} is {machine.task or machine.state}")
        if machine.powered_on is on:
            raise refused(409, Code.BUSY, f"machine {machine.name!r} is already {'on' if on else 'off'}")
        task = Task.STARTING if on else Task.STOPPING
        return self._change(now, machine, task=task, due=now + self.settings.power_seconds)

    def _retable(self, now: float, key: str, table: Table, edit: Callable[[dict[str, str]], dict[str, str]]) -> Machine:
        self._advance(now)
        machine = self._usable(key)
        before = machine.tags if table is Table.TAGS else machine.metadata
        after = edit(before)
        return machine if after == before else self._change(now, machine, **{str(table): after})

    def _change(self, now: float, machine: Machine, **changes: object) -> Machine:
        return self._write(now, msgspec.structs.replace(machine, **changes, revision=self.revision + 1))

    def _write(self, now: float, machine: Machine) -> Machine:
        self._history.note(now - self.settings.visibility_lag, now, self.revision, machine.id, self.machines)
        self.revision = machine.revision
        self.machines[machine.id] = machine
        self.changed.add(machine.id)
        self._schedule(machine)
        return machine

    def _forget(self, now: float, machine: Machine) -> None:
        self._history.note(now - self.settings.visibility_lag, now, self.revision, machine.id, self.machines)
        self.revision += 1
        del self.machines[machine.id]
        del self._names[machine.name]
        self._failing.pop(machine.id, None)
        self._cpu -= machine.cpu
        for nic in machine.interfaces:
            self._addresses.free(nic)
        self.gone.append(Gone(id=machine.id, name=machine.name, mark=machine.mark, revision=self.revision))
        self.changed.add(machine.id)

    def _schedule(self, machine: Machine) -> None:
        if machine.due is not None:
            heapq.heappush(self._due, (machine.due, machine.id))

    def _advance(self, now: float) -> None:
        """End the work whose time has come."""
        while self._due and self._due[0][0] <= now:
            due, machine_id = heapq.heappop(self._due)
            machine = self.machines.get(machine_id)
            if machine is None or machine.due != due:
                continue
            if machine.state is State.DELETING:
                self._forget(now, machine)
            elif machine.state is State.BUILDING and (why := self._failing.pop(machine.id, None)) is not None:
                self._change(now, machine, state=State.ERROR, message=why, due=None)
            elif machine.state is State.BUILDING:
                self._change(now, machine, state=State.ACTIVE, powered_on=True, due=None)
            else:
                self._change(now, machine, powered_on=machine.task is Task.STARTING, task=Task.NONE, due=None)
