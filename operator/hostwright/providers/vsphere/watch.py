"""One PropertyCollector filter over all machines of the datacenter, waited on by a connection of its own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pyVmomi import vim, vmodl

from hostwright.providers.vsphere import soap
from hostwright.providers.vsphere.rows import Machine, Updates

_Collector = vmodl.query.PropertyCollector
#: Objects in one answer.
PAGE = 500
#: What lists other objects, and under which property.
_LISTS: Mapping[Any, str] = {vim.view.ContainerView: "view", vim.TaskManager: "recentTask"}


class Watch:
    """Lives as long as its session; used by one thread at a time.

    Two connections, since how late an answer may be is a connection's own: for waits of up to `short` seconds, and for
    longer ones.
    """

    def __init__(self, stubs: tuple[Any, Any], short: float, root: Any, content: Any, generation: int) -> None:
        self.generation = generation
        self._stubs, self._short = stubs, short
        self._known: dict[str, dict[str, Any]] = {}
        self._version = ""
        view = content.viewManager.CreateContainerView(root, [vim.VirtualMachine], True)
        manager = _Collector(content.propertyCollector._moId, stubs[0])  # noqa: SLF001 - the SDK has no other word
        self._collector = manager.CreatePropertyCollector()
        self._patient = _Collector(self._collector._moId, stubs[1])  # noqa: SLF001 - as above
        self._collector.CreateFilter(_filter(vim.VirtualMachine, tuple(soap.PROPERTIES), view), partialUpdates=False)

    def wait(self, seconds: float, named: Callable[[str, Mapping[str, Any]], Machine]) -> Updates:
        """Until something changed. After any failure the next answer is whole again."""
        version, self._version = self._version, ""
        whole = not version
        if whole:
            self._known.clear()
        collector = self._collector if seconds <= self._short else self._patient
        changed: dict[str, None] = {}
        left: dict[str, None] = {}
        while True:
            options = _Collector.WaitOptions(maxWaitSeconds=0 if whole else int(seconds), maxObjectUpdates=PAGE)
            news = collector.WaitForUpdatesEx(version, options)
            if news is None:
                break
            version = news.version
            for row in (row for part in news.filterSet or () for row in part.objectSet or ()):
                self._take(row, changed, left)
            if not news.truncated:
                break
        self._version = version
        return Updates(tuple(named(item, self._known[item]) for item in changed), tuple(left), whole)

    def close(self) -> None:
        for stub in self._stubs:
            stub.DropConnections()

    def _take(self, row: Any, changed: dict[str, None], left: dict[str, None]) -> None:
        item = soap.reference(row.obj)
        if row.kind == "leave":
            self._known.pop(item, None)
            changed.pop(item, None)
            left[item] = None
            return
        left.pop(item, None)
        changed[item] = None
        self._known.setdefault(item, {}).update(soap.values(row.changeSet or ()))


def retrieve(collector: Any, kind: Any, names: Sequence[str], of: Any) -> list[Any]:
    """Properties of one object, of a list of them, or of all of a kind in a view, in pages."""
    return retrieve_all(collector, {kind: names}, of)


def retrieve_all(collector: Any, wanted: Mapping[Any, Sequence[str]], of: Any) -> list[Any]:
    """The same of several kinds in one call. What is of two of them (a port group is a Network, too) is told twice."""
    rows: list[Any] = []
    filters = [_filter(kind, names, of) for kind, names in wanted.items()]
    answer = collector.RetrievePropertiesEx(filters, _Collector.RetrieveOptions(maxObjects=PAGE))
    while answer is not None:
        rows.extend(answer.objects)
        answer = collector.ContinueRetrievePropertiesEx(answer.token) if answer.token else None
    return rows


@contextmanager
def viewed(content: Any, root: Any, kinds: list[Any]) -> Iterator[Any]:
    """A view for one read."""
    view = content.viewManager.CreateContainerView(root, kinds, True)
    try:
        yield view
    finally:
        view.DestroyView()


def _filter(kind: Any, names: Sequence[str], of: Any) -> Any:
    objects = of if isinstance(of, list) else [of]
    return _Collector.FilterSpec(
        propSet=[_Collector.PropertySpec(type=kind, pathSet=list(names))],
        objectSet=[
            _Collector.ObjectSpec(obj=each, skip=type(each) in _LISTS, selectSet=_through(each)) for each in objects
        ],
    )


def _through(of: Any) -> list[Any]:
    path = _LISTS.get(type(of))
    return [_Collector.TraversalSpec(name=path, path=path, skip=False, type=type(of))] if path else []
