"""What this folder asks of a vCenter, and its answers as rows; only `transport.py` below it does I/O."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import unquote

from pyVmomi import vim

from hostwright.core.errors import InvalidConfiguration
from hostwright.providers.vsphere import soap
from hostwright.providers.vsphere.rows import (
    Act,
    Catalog,
    Clone,
    DefineAttribute,
    Login,
    Machine,
    Nic,
    Place,
    Reconfigure,
    Request,
    SetAttribute,
    Task,
    Updates,
)
from hostwright.providers.vsphere.section import ProviderSection
from hostwright.providers.vsphere.transport import READ_TIMEOUT, Transport
from hostwright.providers.vsphere.watch import Watch, retrieve, retrieve_all, viewed

#: Seconds for which a wait for news goes on: while something moves, and at rest.
PATIENCE, AT_REST = 5.0, 60.0
#: What is read of each kind of place. The switch is read for its UUID, which a NIC on its port groups needs.
_PLACES: Mapping[Any, tuple[str, ...]] = {
    vim.Folder: ("name", "parent"),
    vim.ResourcePool: ("name", "parent", "owner"),
    vim.ComputeResource: ("name", "parent", "resourcePool"),
    vim.Datastore: ("name", "parent"),
    vim.Network: ("name", "parent"),
    vim.dvs.DistributedVirtualPortgroup: ("name", "parent", "config.distributedVirtualSwitch"),
    vim.DistributedVirtualSwitch: ("name", "parent", "uuid"),
    vim.VirtualMachine: ("name", "parent", "config.template"),
}


class Client(Protocol):
    """What the rest of the folder needs; the backend's model can be put here as well."""

    async def login(self) -> Login: ...
    async def catalog(self) -> Catalog: ...
    async def wait(self, seconds: float) -> Updates:
        """What changed since the last answer, waited for that long; all there is at first and after any failure."""
        ...

    async def machine(self, machine_id: str) -> Machine: ...
    async def names(self) -> Mapping[str, str]:
        """Every machine of the datacenter, by id."""
        ...

    async def clones(self) -> frozenset[str]:
        """Clone tasks of this user that are queued or running."""
        ...

    async def task(self, task_id: str) -> Task: ...
    async def send(self, request: Request, seconds: float) -> str:
        """The id of the task that it began, if it is one."""
        ...

    def defined(self) -> frozenset[str]:
        """Custom attributes that a machine may have."""
        ...

    async def close(self) -> None: ...


class SdkClient:
    """One login."""

    def __init__(
        self,
        spec: ProviderSection,
        secret: Mapping[str, bytes],
        executor: Executor,
        monotonic: Callable[[], float],
    ) -> None:
        self._transport = Transport(spec, secret, executor, monotonic)
        self._user = secret["username"].decode(errors="replace").strip("\n")
        self._datacenter, self._path = spec.datacenter, ""
        self._root: Any = None  # the datacenter
        self._fields: dict[int, str] = {}
        self._watch: Watch | None = None
        self._places: tuple[int, Any] | None = None  # session, view of all places

    async def login(self) -> Login:
        content = await self._transport.login()
        await self._transport.call(self._read_fields)
        await self._transport.call(self._find_datacenter)
        return Login(content.about.instanceUuid, f"{content.about.apiType} {content.about.apiVersion}")

    async def catalog(self) -> Catalog:
        await self._transport.call(self._read_fields)
        found = await self._transport.call(self._read_places)
        paths = _Paths(found, self._path)
        switches = {soap.reference(item): has["uuid"] for item, has in found if "uuid" in has}

        def owner(has: Mapping[str, Any]) -> str:
            switch = soap.reference(has.get("config.distributedVirtualSwitch"))
            return switches.get(switch, "") or soap.reference(has.get("owner") or has.get("resourcePool"))

        def places(kind: Any) -> tuple[Place, ...]:
            rows = [(item, has) for item, has in found if isinstance(item, kind)]
            return tuple(
                Place(soap.reference(item), _plain(has["name"]), paths.of(soap.reference(item)), owner(has))
                for item, has in rows
            )

        marked = [item for item, has in found if isinstance(item, vim.VirtualMachine) and has.get("config.template")]
        nics = await self._nics([soap.reference(item) for item in marked])
        templates = tuple(replace(row, nics=nics[row.id]) for row in places(vim.VirtualMachine) if row.id in nics)
        folders = places(vim.Folder)
        root = next((row.id for row in folders if row.path == f"{self._path}/vm"), "")
        return Catalog(
            folders,
            places(vim.ResourcePool),
            places(vim.ComputeResource),
            places(vim.Datastore),
            places(vim.Network),
            templates,
            root,
        )

    async def _nics(self, templates: list[str]) -> Mapping[str, tuple[Nic, ...]]:
        """Of all of them in one call."""
        if not templates:
            return {}

        def work() -> Mapping[str, tuple[Nic, ...]]:
            collector, objects = self._transport.content.propertyCollector, [self._machine(item) for item in templates]
            rows = retrieve(collector, vim.VirtualMachine, tuple(soap.PROPERTIES), objects)
            named = ((soap.reference(row.obj), soap.values(row.propSet)) for row in rows)
            return {item: self._named(item, has).nics for item, has in named}

        return await self._transport.call(work)

    async def wait(self, seconds: float) -> Updates:
        def work() -> Updates:
            if self._watch is None or self._watch.generation != self._transport.generation:
                stubs = self._transport.stub(PATIENCE), self._transport.stub(AT_REST)
                self._watch = Watch(stubs, PATIENCE, self._root, self._transport.content, self._transport.generation)
            return self._watch.wait(seconds, self._named)

        return await self._transport.call(work, seconds + READ_TIMEOUT)

    async def machine(self, machine_id: str) -> Machine:
        def work() -> Machine:
            collector = self._transport.content.propertyCollector
            (row,) = retrieve(collector, vim.VirtualMachine, tuple(soap.PROPERTIES), self._machine(machine_id))
            return self._named(machine_id, soap.values(row.propSet))

        return await self._transport.call(work)

    async def names(self) -> Mapping[str, str]:
        def work() -> Mapping[str, str]:
            content = self._transport.content
            with viewed(content, self._root, [vim.VirtualMachine]) as view:
                rows = retrieve(content.propertyCollector, vim.VirtualMachine, ("name",), view)
                return {soap.reference(row.obj): row.propSet[0].val if row.propSet else "" for row in rows}

        return await self._transport.call(work)

    async def clones(self) -> frozenset[str]:
        def work() -> frozenset[str]:
            content = self._transport.content
            rows = retrieve(content.propertyCollector, vim.Task, soap.TASK, content.taskManager)
            tasks = [(soap.reference(row.obj), {item.name: item.val for item in row.propSet}) for row in rows]
            return frozenset(item for item, info in tasks if soap.is_clone(info, self._user))

        return await self._transport.call(work)

    async def task(self, task_id: str) -> Task:
        def work() -> Task:
            item = vim.Task(task_id, self._transport.content.taskManager._stub)  # noqa: SLF001 - has no other word
            return soap.task(item, item.info)

        return await self._transport.call(work)

    async def send(self, request: Request, seconds: float) -> str:
        return await self._transport.call(lambda: soap.reference(self._request(request)), seconds)

    def defined(self) -> frozenset[str]:
        return frozenset(self._fields.values())

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.close()
        await self._transport.close()

    # -- in a thread

    def _machine(self, item: str) -> Any:
        return vim.VirtualMachine(item, self._transport.content.rootFolder._stub)  # noqa: SLF001 - as above

    def _find_datacenter(self) -> None:
        path = self._datacenter if self._datacenter.startswith("/") else f"/{self._datacenter}"
        self._root, self._path = self._transport.content.searchIndex.FindByInventoryPath(path), path
        if not isinstance(self._root, vim.Datacenter):
            raise InvalidConfiguration(f"the vCenter has no datacenter {self._datacenter!r}. Correct spec.vsphere.")

    def _read_fields(self) -> None:
        rows = self._transport.content.customFieldsManager.field or ()
        self._fields = {
            row.key: row.name for row in rows if row.managedObjectType in (None, vim.VirtualMachine, vim.ManagedEntity)
        }

    def _read_places(self) -> list[tuple[Any, dict[str, Any]]]:
        collector, found = self._transport.content.propertyCollector, dict[str, tuple[Any, dict[str, Any]]]()
        try:
            rows = retrieve_all(collector, _PLACES, self._places_view())
        except BaseException:
            self._places = None  # the next read has a view of its own
            raise
        for row in rows:
            _, has = found.setdefault(soap.reference(row.obj), (row.obj, {}))
            has.update({item.name: item.val for item in row.propSet})
        return list(found.values())

    def _places_view(self) -> Any:
        """One for each session, in which it ends by itself: to make and to remove one are two calls of each read."""
        generation = self._transport.generation
        if self._places is None or self._places[0] != generation:
            manager = self._transport.content.viewManager
            self._places = generation, manager.CreateContainerView(self._root, list(_PLACES), True)
        return self._places[1]

    def _named(self, item: str, known: Mapping[str, Any]) -> Machine:
        """Attributes by their names; one that somebody defined since is asked for."""
        if any(key not in self._fields for key in known.get("attributes") or ()):
            self._read_fields()
        return soap.machine(item, known, self._fields)

    def _request(self, request: Request) -> Any:
        match request:
            case Clone():
                folder = vim.Folder(request.folder)
                return self._machine(request.template).CloneVM_Task(folder, request.name, soap.clone_spec(request))
            case Reconfigure():
                return self._machine(request.id).ReconfigVM_Task(soap.reconfigure_spec(request))
            case Act():
                return getattr(self._machine(request.id), request.method)()
            case SetAttribute():
                key = next(key for key, name in self._fields.items() if name == request.name)
                manager = self._transport.content.customFieldsManager
                return manager.SetField(self._machine(request.id), key, request.value)
            case DefineAttribute():
                made = self._transport.content.customFieldsManager.AddCustomFieldDef(request.name, vim.VirtualMachine)
                self._fields = {**self._fields, made.key: made.name}
                return None


class _Paths:
    """The inventory path of each place, from names and parents."""

    def __init__(self, found: list[tuple[Any, dict[str, Any]]], root: str) -> None:
        self._of = {soap.reference(item): (has["name"], soap.reference(has.get("parent"))) for item, has in found}
        self._root = root

    def of(self, item: str) -> str:
        names: list[str] = []
        while item in self._of:
            name, item = self._of[item]
            names.insert(0, _plain(name))
        return "/".join((self._root, *names))


def _plain(name: str) -> str:
    """vCenter escapes three characters in names."""
    return unquote(name) if "%" in name else name
