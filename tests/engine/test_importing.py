"""Two objects that import one server: which of them has it, before any status says so."""

from types import SimpleNamespace
from typing import Any, cast

from tests.kinds.situations import NOW, spec

from hostwright.core.names import owner_mark
from hostwright.core.port import Missing, Sought
from hostwright.engine.kind import Seen
from hostwright.engine.ports import Key
from hostwright.engine.recall import Recall
from hostwright.engine.situate import view_of
from hostwright.engine.store import Store
from hostwright.engine.template import template_of
from hostwright.engine.view import Tools, View
from hostwright.engine.virtual import VirtualMachines, _seeking
from hostwright.engine.world import World
from hostwright.kinds.machinepool.compare import change
from hostwright.kinds.virtualmachine.port import Life, Twin
from hostwright.kinds.virtualmachine.situation import Situation

UIDS = {"one": "11111111-2222-4333-8444-555555555555", "two": "21111111-2222-4333-8444-555555555555"}
OF_TWO = owner_mark("c", UIDS["two"])


class Place:
    """Two objects, and the one server that both name."""

    def __init__(self, *marks: str) -> None:
        clock = SimpleNamespace(monotonic=lambda: 100.0, now=lambda: NOW)
        store, self.kind = Store(), VirtualMachines()
        world = World(store, {}, frozenset())
        self.tools = cast(
            "Tools",
            SimpleNamespace(store=store, world=world, clock=clock, cluster_id="c", probed=lambda _: None),
        )
        twin = Twin("s1", "web", Life.STEADY, NOW, 0, marks=marks)
        self.machines = SimpleNamespace(visibility_lag=0.0, supported=frozenset(), shape_paths={})
        self.machines.matching = lambda _: (twin,)
        for name in UIDS:
            self.put(name)

    def put(self, name: str, **status: Any) -> None:
        metadata = {"namespace": "team", "name": name, "uid": UIDS[name], "resourceVersion": "1", "generation": 1}
        body = {"kind": "VirtualMachine", "metadata": metadata, "status": status}
        self.tools.store.put(Key("VirtualMachine", "team", name), body, relisted=True)

    def view(self, name: str) -> View:
        key = Key("VirtualMachine", "team", name)
        body, recall = self.tools.store.get(key), Recall(UIDS[name], UIDS[name])
        assert body is not None
        wish = spec(**{"import": {"id": "s1"}})
        seen = view_of(self.tools, cast("Any", self.kind), key, body, wish, recall)
        return _seeking(View(**{**{each: getattr(seen, each) for each in View.__slots__}, "machines": self.machines}))

    def asked(self, name: str) -> Situation:
        view = self.view(name)
        recall = Recall(UIDS[name], UIDS[name])
        return self.kind.situation(self.tools, view, recall, Seen(Missing(100.0), proven=True))


def test_the_first_that_asks_has_it() -> None:
    place = Place()
    assert place.asked("one").candidate_of == ""
    assert place.asked("two").candidate_of == "VirtualMachine/team/one"
    assert place.asked("one").candidate_of == ""


def test_who_cannot_have_it_holds_it_for_nobody() -> None:
    """Its own server is bound again by the object whose status was lost, whoever asked for it before."""
    place = Place(OF_TWO)
    assert place.asked("one").candidate_of == ""
    assert place.asked("two").candidate_of == ""


def test_who_had_one_before_seeks_no_other() -> None:
    place = Place()
    assert place.view("one").trace.sought == Sought("s1")
    place.put("one", handled={"import": "s0"})
    assert place.view("one").trace.sought is None


def test_a_pool_takes_import_from_no_member_that_it_takes_in() -> None:
    written = spec().model_dump(mode="json", by_alias=True, exclude_unset=True)
    template = template_of({"template": {"virtualMachine": written}}, ())
    member = {**written, "import": {"id": "s1"}}
    classes = template.compare_by(World(Store(), {}, frozenset()))
    assert change(template.filled(written), template.filled(member), classes) is None
