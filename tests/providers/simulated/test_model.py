"""Laws of the model, on any sequence of operations."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hostwright.providers.simulated.model import CATALOG, Build, Kept, Model, Settings
from hostwright.providers.simulated.rows import (
    Catalog,
    Code,
    Entry,
    Machine,
    MachineRequest,
    Network,
    NicRequest,
    Refused,
    State,
    Table,
    Task,
)

NAMES = st.sampled_from(["a", "b", "c", "d", "e"])


def new(**changes: object) -> Model:
    return Model(Kept(site="site", revision=0, catalog=CATALOG), Settings(**changes))


def asked(name: str, **changes: object) -> MachineRequest:
    fields = {"image": "image-tiny", "cpu": 1, "memory_mib": 512, "mark": f"hw:0:{name}", **changes}
    return MachineRequest(name=name, **fields)


def code_of(call: Callable[[], object]) -> str:
    """Why it was refused; empty where it was not."""
    try:
        call()
    except Refused as refusal:
        return refusal.problem.code
    return ""


class AnyHistory(RuleBasedStateMachine):
    """A follower that reads only what a list says changed has, at the end of each read, what the site has."""

    @initialize(lag=st.sampled_from([0.0, 3.0]), page=st.integers(1, 3))
    def begin(self, lag: float, page: int) -> None:
        self.model = new(visibility_lag=lag, page_size=page)
        self.now = 0.0
        self.revision = 0
        self.since = 0
        self.follower: dict[str, Machine] = {}

    @rule(seconds=st.sampled_from([0.05, 0.3, 1.5, 5.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.model.info(self.now)

    @rule(name=NAMES, network=st.sampled_from(["network-app", "network-db"]))
    def create(self, name: str, network: str) -> None:
        nic = NicRequest(name="eth0", network=network)
        self.model.info(self.now)
        before = {machine.name for machine in self.model.machines.values()}
        code = code_of(lambda: self.model.create(self.now, asked(name, interfaces=(nic,))))
        assert code == (Code.NAME_TAKEN if name in before else "")
        assert name in {machine.name for machine in self.model.machines.values()}

    @rule(name=NAMES, verb=st.sampled_from(["start", "stop", "delete", "remove_mark", "vanish"]))
    def act(self, name: str, verb: str) -> None:
        assert code_of(lambda: getattr(self.model, verb)(self.now, name)) in ("", Code.NOT_FOUND, Code.BUSY)

    @rule(name=NAMES, key=NAMES, value=NAMES)
    def tag(self, name: str, key: str, value: str) -> None:
        code = code_of(lambda: self.model.set_entry(self.now, name, Table.TAGS, Entry(key=key, value=value)))
        assert code in ("", Code.NOT_FOUND, Code.BUSY)
        assert code or self.model.get(self.now, name).tags[key] == value

    @rule(outcome=st.sampled_from([Build(hang=True), Build(message="no")]))
    def spoil(self, outcome: Build) -> None:
        self.model.builds.append(outcome)

    @rule()
    def follow(self) -> None:
        page = self.model.page(self.now, since=self.since)
        since = page.revision
        for gone in page.gone:
            self.follower.pop(gone.id, None)
        rows = list(page.machines)
        while page.more:
            page = self.model.page(self.now, since=self.since, after=page.more)
            rows.extend(page.machines)
        self.follower.update({row.id: row for row in rows})
        assert len({row.id for row in rows}) == len(rows)
        self.since = max(self.since, since)
        if self.model.settings.visibility_lag == 0:
            assert self.follower == self.model.machines

    @rule()
    def restart(self) -> None:
        kept, before = self.model.kept(), self.model.settings
        self.model = Model(kept, before)

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "model"):
            return
        rows = list(self.model.machines.values())
        assert len({row.name for row in rows}) == len(rows)
        for pick in (lambda nic: (nic.network, nic.addresses), lambda nic: nic.mac):
            picked = [pick(nic) for row in rows for nic in row.interfaces]
            assert len(set(picked)) == len(picked)
        assert self.model.revision >= self.revision
        self.revision = self.model.revision
        assert all(row.revision <= self.model.revision for row in rows)
        assert [row.number for row in rows] == sorted(row.number for row in rows)
        assert all(row.due is None or row.moving for row in rows)


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_a_build_takes_its_time_and_ends_powered_on() -> None:
    model = new(build_seconds=2.0)
    made = model.create(10.0, asked("web"))
    assert (made.state, made.powered_on) == (State.BUILDING, False)
    assert model.get(11.9, made.id).state is State.BUILDING
    built = model.get(12.0, made.id)
    assert (built.state, built.powered_on, built.due) == (State.ACTIVE, True, None)


def test_builds_fail_and_hang_in_the_order_asked_for() -> None:
    model = new(build_seconds=1.0)
    model.builds.extend([Build(message="no rain"), Build(hang=True)])
    failed, hung, well = (model.create(0.0, asked(name)) for name in "abc")
    assert model.get(1e6, failed.id).state is State.ERROR
    assert model.get(1e6, failed.id).message == "no rain"
    assert model.get(1e6, hung.id).state is State.BUILDING
    assert model.get(1e6, well.id).state is State.ACTIVE


def test_power_is_refused_while_something_is_under_way() -> None:
    model = new(build_seconds=0.0, power_seconds=1.0)
    machine = model.create(0.0, asked("web"))
    stopping = model.stop(1.0, machine.id)
    assert (stopping.task, stopping.powered_on) == (Task.STOPPING, True)
    for verb in (model.start, model.stop):
        with pytest.raises(Refused, match="Stopping"):
            verb(1.5, machine.id)
    assert model.get(2.0, machine.id).powered_on is False
    with pytest.raises(Refused, match="already off"):
        model.stop(2.0, machine.id)


def test_a_quota_counts_machines_and_cpus_until_they_are_gone() -> None:
    model = new(quota_machines=2, quota_cpu=5, delete_seconds=1.0)
    first = model.create(0.0, asked("a", cpu=4))
    with pytest.raises(Refused, match="CPUs"):
        model.create(0.0, asked("b", cpu=2))
    model.create(0.0, asked("b"))
    with pytest.raises(Refused, match="machines"):
        model.create(0.0, asked("c"))
    model.delete(1.0, first.id)
    with pytest.raises(Refused):
        model.create(1.5, asked("c"))
    model.create(2.0, asked("c"))


def test_a_refused_creation_takes_nothing() -> None:
    networks = (Network(id="tiny", name="tiny", cidr="10.0.0.0/28"),)
    small = Catalog(sizes=(), images=CATALOG.images, networks=networks)
    model = Model(Kept(site="s", revision=0, catalog=small), Settings())
    nics = tuple(NicRequest(name=f"e{number}", network="tiny") for number in range(5))
    with pytest.raises(Refused, match="no free address"):
        model.create(0.0, asked("a", interfaces=(*nics, *nics)))
    assert model.revision == 0
    model.create(0.0, asked("b", interfaces=nics))


@pytest.mark.parametrize(
    ("nic", "code"),
    [
        (NicRequest(name="e", network="network-app", addresses=("10.64.0.77/16",)), Code.ADDRESS_IN_USE),
        (NicRequest(name="e", network="network-db", mac="02:00:00:00:00:07"), Code.ADDRESS_IN_USE),
        (NicRequest(name="e", network="network-app", addresses=("192.0.2.1/24",)), Code.INVALID),
        (NicRequest(name="e", network="network-app", addresses=("nonsense",)), Code.INVALID),
        (NicRequest(name="e", network="nowhere"), Code.INVALID),
    ],
)
def test_fixed_addresses_are_given_once(nic: NicRequest, code: Code) -> None:
    model = new()
    fixed = NicRequest(name="e", network="network-app", addresses=("10.64.0.77/16",), mac="02:00:00:00:00:07")
    made = model.create(0.0, asked("a", interfaces=(fixed,)))
    assert made.interfaces[0].addresses == ("10.64.0.77",)
    with pytest.raises(Refused) as refused:
        model.create(0.0, asked("b", interfaces=(nic,)))
    assert refused.value.problem.code == code


def test_a_lagging_list_shows_the_site_as_it_was() -> None:
    model = new(visibility_lag=5.0, build_seconds=0.0, delete_seconds=0.0)
    a = model.create(0.0, asked("a"))
    assert model.page(4.0).machines == ()
    assert model.get(4.0, a.id).id == a.id, "one machine is always shown as it is"
    model.page(10.0)
    model.set_entry(20.0, a.id, Table.TAGS, Entry(key="k", value="v"))
    assert model.page(24.0).machines[0].tags == {}
    assert model.page(26.0).machines[0].tags == {"k": "v"}
    model.vanish(30.0, a.id)
    assert [row.id for row in model.page(34.0).machines] == [a.id]
    assert model.page(34.0, since=0).gone == ()
    assert [row.id for row in model.page(36.0, since=0).gone] == [a.id]


@given(st.integers(0, 30))
def test_same_operations_same_site(count: int) -> None:
    def run() -> Kept:
        model = new()
        for number in range(count):
            model.create(float(number), asked(f"m{number}", interfaces=(NicRequest(name="e", network="network-app"),)))
        return model.kept()

    assert run() == run()
