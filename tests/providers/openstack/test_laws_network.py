"""What holds of a machine's interfaces whatever was there and whatever is wished, on a Nova and a Neutron that obey."""

import itertools
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.providers.openstack.rows import MARK, TRACE, port, row, server

from hostwright.core.drift import differences
from hostwright.core.port import Call, Done, LedgerRow, Ownership, Present, Trace
from hostwright.kinds.virtualmachine import network
from hostwright.kinds.virtualmachine.port import Found, InterfaceShape, MachineShape, Memory, Rewire, Wanted
from hostwright.kinds.virtualmachine.status import Resolved
from hostwright.providers.openstack.calls import Fence, FloatingSeen, Move, NewFloatingIP, NewPort, On, PortSeen
from hostwright.providers.openstack.plan import plan
from hostwright.providers.openstack.resolve import Extra
from hostwright.providers.openstack.rows import FixedIP, FloatingIP, Port
from hostwright.providers.openstack.seen import Gathered, SeenFloatingIP, SeenPort
from hostwright.providers.openstack.translate import found

#: More calls than any of these wishes can need.
ENOUGH = 40
GIVEN = "203.0.113.7"


def wish(name: str) -> st.SearchStrategy[InterfaceShape]:
    return st.builds(
        InterfaceShape,
        st.just(name),
        st.sampled_from(["n-app", "n-db"]),
        st.sampled_from([(), (), (f"10.0.0.{sum(name.encode())}",), (f"10.0.1.{sum(name.encode())}",)]),
        security_groups=st.sampled_from([(), ("g1",), ("g1", "g2")]),
        floating_pool=st.sampled_from(["", "", "n-public", "n-other"]),
    )


WISHES = st.lists(st.sampled_from(["eth0", "eth1", "lan"]), min_size=1, max_size=3, unique=True).flatmap(
    lambda names: st.tuples(*(wish(name) for name in names))
)
#: One of them may have the project's floating IP instead.
LENT = st.sampled_from(["", "", "eth0", "eth1"])


@dataclass
class Cloud:
    """Everything is done at once, and seen."""

    ports: dict[str, Port] = field(default_factory=dict)
    floating: dict[str, FloatingIP] = field(default_factory=dict)
    ledger: dict[str, LedgerRow] = field(default_factory=lambda: {"server": row("server", "s1")})
    now: float = 10.0
    ids: Any = field(default_factory=itertools.count)
    fewest: int = 99  # of plugged interfaces, ever

    @property
    def trace(self) -> Trace:
        return replace(TRACE, ledger=tuple(self.ledger.values()))

    def look(self) -> Found:
        ports = tuple(SeenPort(item, self.now) for item in self.ports.values())
        ours = {item.id for item in self.ledger.values()} | {
            item.id for item in self.floating.values() if item.description == MARK or item.port_id in self.ports
        }
        ips = tuple(SeenFloatingIP(item, self.now) for item in self.floating.values() if item.id in ours)
        return found("R", Gathered((server(),), ports, (), ips, knows_floating_ips=True), self.trace)

    def fence(self) -> Fence:
        return Fence(
            ports={key: PortSeen(item.device_id, self.now) for key, item in self.ports.items()},
            floating={
                key: FloatingSeen(item.floating_ip_address, item.floating_network_id, item.port_id or "", self.now)
                for key, item in self.floating.items()
            },
        )

    def rewired(self, wanted: Wanted) -> list[str]:
        """Until nothing differs; the verbs that were sent."""
        verbs: list[str] = []
        for _ in range(ENOUGH):
            self.now += 100.0
            seen = self.look()
            there = {part.id for part in seen.parts}
            gone = {name for name, item in self.ledger.items() if item.id not in there and name != "server"}
            for name in (*gone, *network.left_alone(self.trace.ledger, wanted, seen)):
                self.ledger.pop(name, None)
            rows = [item for item in differences(wanted.shape, seen.shape) if item.path == network.PATH]
            rows += network.dropped(Resolved(), wanted, seen)
            if not rows:
                return verbs
            step = Rewire(tuple(item.key for item in rows))
            planned = plan(step, self.trace, wanted, Present(seen, self.now), Memory(), self.fence())
            assert isinstance(planned, Call), (planned, rows)
            verbs.append(planned.verb)
            self.carry_out(planned)
            if seen.interfaces:
                self.fewest = min(self.fewest, sum(bool(item.device_id) for item in self.ports.values()))
        raise AssertionError(f"no end: {verbs}")

    def carry_out(self, call: Call) -> None:
        match call.arguments:
            case NewPort(body=body):
                asked = body["port"]
                item = f"p{next(self.ids)}"
                fixed = tuple(FixedIP(entry["ip_address"]) for entry in asked.get("fixed_ips", ()))
                taken = [entry for other in self.ports.values() for entry in other.fixed_ips]
                assert not set(fixed) & set(taken), "Neutron would refuse the address"
                fields = {"network_id": asked["network_id"], "fixed_ips": fixed or (FixedIP(f"10.1.0.{self.now}"),)}
                groups = tuple(asked.get("security_groups", ("g0",)))
                name = call.expect.removeprefix("port/")
                self.ports[item] = port(item, name, security_groups=groups, **fields).row
                self.ledger[call.expect] = row(call.expect, item)
            case NewFloatingIP(body=body, port=on):
                assert all(other.port_id != on for other in self.floating.values()), "Neutron would refuse a second"
                item = f"f{next(self.ids)}"
                pool = body["floatingip"]["floating_network_id"]
                self.floating[item] = FloatingIP(item, MARK, f"203.0.113.{100 + int(item[1:])}", pool, on)
                self.ledger[call.expect] = row(call.expect, item)
            case Move(id=item, target=target, referenced=referenced):
                before = self.floating[item]
                assert target is None or before.port_id is None, "taken from another port"
                self.floating[item] = FloatingIP(
                    item, before.description, before.floating_ip_address, "n-public", target
                )
                if target is None and referenced:
                    self.ledger.pop(call.expect)
                elif call.row is not None:
                    self.ledger[call.expect] = call.row
            case On(method="DELETE", path=path) if "/os-interface/" in path:
                self._set(path.rpartition("/")[2], device_id="")
            case On(method="POST", body=body):
                self._set(body["interfaceAttachment"]["port_id"], device_id="s1")
            case On(method="PUT", id=item, body=body):
                asked = dict(body["port"])
                if "fixed_ips" in asked:
                    asked["fixed_ips"] = tuple(FixedIP(entry["ip_address"]) for entry in asked["fixed_ips"])
                self._set(item, **{key: tuple(value) for key, value in asked.items()})
            case On(method="DELETE", id=item):
                assert call.row is not None
                assert call.row.ownership is not Ownership.REFERENCED
                assert item not in self.ports or not self.ports[item].device_id, "a port that is plugged in"
                self.ports.pop(item, None)
                self.floating.pop(item, None)
                for key, other in self.floating.items():
                    if other.port_id == item:
                        self.floating[key] = FloatingIP(
                            key, other.description, other.floating_ip_address, other.floating_network_id
                        )

    def _set(self, item: str, **fields: Any) -> None:
        before = {name: getattr(self.ports[item], name) for name in Port.__struct_fields__}
        self.ports[item] = Port(**{**before, **fields})


def wanted(shapes: tuple[InterfaceShape, ...], lent: str) -> Wanted:
    """`lent` has the project's floating IP."""
    rows = []
    for shape in shapes:
        floating = {"floating_pool": "", "floating_address": GIVEN} if shape.name == lent else {}
        rows.append(replace(shape, **floating))
    return Wanted(
        MachineShape(interfaces=tuple(rows)), "web", "small", "f1", "tiny", "i1", default_groups=("g0",), extra=Extra()
    )


@settings(max_examples=200, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(WISHES, LENT, WISHES, LENT)
def test_whatever_was_there_ends_as_wished_and_nothing_else_is_left(
    first: tuple[InterfaceShape, ...], lent: str, then: tuple[InterfaceShape, ...], lent_then: str
) -> None:
    cloud = Cloud(floating={"theirs": FloatingIP("theirs", "", GIVEN, "n-public")})
    cloud.rewired(wanted(first, lent))
    before, cloud.fewest = {shape.name for shape in first}, 99
    last = wanted(then, lent_then)
    cloud.rewired(last)
    names = {item.name: item for item in cloud.look().shape.interfaces}
    assert set(names) == {shape.name for shape in then}
    assert set(cloud.ledger) == {
        "server",
        *(f"port/{name}" for name in names),
        *(f"floatingip/{item.name}" for item in last.shape.interfaces if item.floating_pool or item.floating_address),
    }
    assert {item.id for item in cloud.ledger.values()} >= {*cloud.ports, *cloud.floating} - {"theirs"}
    on = cloud.floating["theirs"].port_id
    assert (on is not None) == any(item.floating_address for item in last.shape.interfaces)
    if not before & set(names) and not any(shape.addresses for shape in last.shape.interfaces):
        assert cloud.fewest >= 1, "without a network in between"
    assert cloud.rewired(last) == [], "what is reached is not sent again"


def test_the_law_can_fail() -> None:
    """A cloud that unplugs nothing never comes to an end."""
    cloud = Cloud()
    one = wanted((InterfaceShape("eth0", "n-app"), InterfaceShape("eth1", "n-app")), "")
    cloud.rewired(one)
    step, seen = Rewire(("eth1",)), cloud.look()
    only = wanted((InterfaceShape("eth0", "n-app"),), "")
    planned = plan(step, cloud.trace, only, Present(seen, cloud.now), Memory(), cloud.fence())
    assert not isinstance(planned, Done)
    assert isinstance(planned, Call)
    assert planned.verb == "detach_port"
