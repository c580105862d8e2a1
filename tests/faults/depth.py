"""What is done to a server on OpenStack while it lives: another size, a new root disk, disks, addresses, interfaces."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.e2e.pools import MEDIUM
from tests.e2e.world import PLURAL, World, machine
from tests.faults.life import Scenario, Step, changed, gone, settled
from tests.faults.site_openstack import OpenStack, Whole

ETH0, ETH1 = {"name": "eth0", "networkRef": {"name": "app"}}, {"name": "eth1", "networkRef": {"name": "db"}}
POOL = {**ETH0, "floatingIP": {"pool": "public"}}
#: It goes with the wish for it, the other one with the machine.
TEMP = {"name": "temp", "size": "1Gi", "retention": {"whenDetached": "Delete"}}
DATA, GROWN = {"name": "data", "size": "1Gi"}, {"name": "data", "size": "2Gi"}
BARE = ("server", "port/eth0")

Judge = Callable[[Whole], str]


def changes(site: OpenStack) -> Scenario:
    """The machine stays, with its ports, addresses and data disks."""
    before: dict[str, Mapping[str, str]] = {}
    parts = (*BARE, "volume/data")

    def resize(world: World, names: Sequence[str]) -> None:
        for name in names:
            whole = site.whole(name)
            before[name] = whole.parts if isinstance(whole, Whole) else {}
        changed(**MEDIUM)(world, names)

    def judged(name: str, size: str, **actions: int) -> str:
        def judge(whole: Whole) -> str:
            if whole.parts != before[name]:
                return f"it has {whole.parts}, and had {before[name]}"
            made = {word: whole.actions[word] for word in actions}
            if made != actions:
                return f"Nova did {made}"
            flavor = whole.row["flavor"]["original_name"]
            return "" if flavor == size else f"its flavor is {flavor}"

        return _whole(site, name, judge)

    policy = {"updatePolicy": {"maxDisruption": "Rebuild"}}
    return Scenario(
        f"VirtualMachine on {site.provider}, resized and rebuilt",
        (
            Step("create", _made(site, dataDisks=[DATA], **policy), _lacks(parts), _bare(site), tried=False),
            Step("resize", resize, _lacks(parts, _resized), lambda world, name: judged(name, "medium", resize=1)),
            Step(
                "rebuild",
                changed(rebuildToken="1"),
                _lacks(parts, _rebuilt),
                lambda world, name: judged(name, "medium", resize=1, rebuild=1),
            ),
            _delete(site, tried=False),
        ),
        most=3,
    )


def disks(site: OpenStack) -> Scenario:
    data, both = (*BARE, "volume/data"), (*BARE, "volume/data", "volume/temp")
    return Scenario(
        f"VirtualMachine on {site.provider}, its disks",
        (
            Step("create", _made(site, dataDisks=[DATA]), _lacks(data), _sized(site, data=1)),
            Step("add", changed(dataDisks=[DATA, TEMP]), _lacks(both), _sized(site, data=1, temp=1)),
            Step("grow", changed(dataDisks=[GROWN, TEMP]), _lacks(both, _grown), _sized(site, data=2, temp=1)),
            Step("remove", changed(dataDisks=[GROWN]), _lacks(data), _sized(site, data=2)),
            _delete(site),
        ),
        most=3,
    )


def network(site: OpenStack) -> Scenario:
    """With both from the start: that no MAC can be chosen on `db` is learnt once, by a request that is refused."""
    both = (*BARE, "port/eth1")
    floating = (*both, "floatingip/eth0")
    return Scenario(
        f"VirtualMachine on {site.provider}, its addresses and interfaces",
        (
            Step("create", _made(site, network={"interfaces": [ETH0, ETH1]}), _lacks(both), _bare(site), tried=False),
            Step("floating IP", _interfaces(POOL, ETH1), _lacks(floating), _bare(site)),
            Step("no floating IP", _interfaces(ETH0, ETH1), _lacks(both), _bare(site)),
            Step("no interface", _interfaces(ETH0), _lacks(BARE), _bare(site)),
            Step("interface", _interfaces(ETH0, ETH1), _lacks(both), _bare(site)),
            Step("floating IP again", _interfaces(POOL, ETH1), _lacks(floating), _bare(site), tried=False),
            _delete(site),
        ),
        most=3,
    )


def _made(site: OpenStack, **spec: Any) -> Callable[[World, Sequence[str]], object]:
    return lambda world, names: world.apply(*(machine(name, site.provider, **spec) for name in names))


def _interfaces(*items: dict[str, Any]) -> Callable[[World, Sequence[str]], object]:
    return changed(network={"interfaces": list(items)})


def _delete(site: OpenStack, *, tried: bool = True) -> Step:
    def leave(world: World, names: Sequence[str]) -> None:
        world.kubectl("delete", PLURAL, *names, "--wait=false")

    def wrong(_: World, name: str) -> str:
        return "; ".join([*(f"machine {each.id}" for each in site.machines(name)), *site.left(name)])

    return Step("delete", leave, gone, wrong, tried)


def _lacks(
    parts: Sequence[str], more: Callable[[Mapping[str, Any]], str] = lambda _: ""
) -> Callable[[World, str], str]:
    """Settled, and the ledger has these parts and no other; `more` is what else the status lacks."""

    def lacks(world: World, name: str) -> str:
        unsettled = settled("PoweredOn")(world, name)
        if unsettled:
            return unsettled
        status = world.status(name)
        ledger = {row["name"] for row in status.get("resources") or ()}
        return more(status) if ledger == set(parts) else f"the ledger has {sorted(ledger)}"

    return lacks


def _resized(status: Mapping[str, Any]) -> str:
    size = status["resolved"]["class"]["name"]
    return "" if size == "medium" and "operation" not in status else f"its size is {size}"


def _rebuilt(status: Mapping[str, Any]) -> str:
    handled = (status.get("handled") or {}).get("rebuildToken")
    return "" if handled == "1" and "operation" not in status else f"the token handled is {handled}"


def _grown(status: Mapping[str, Any]) -> str:
    sizes = {row["name"]: row["size"] for row in status.get("disks") or ()}
    return "" if sizes.get("data") == "2Gi" else f"its disks are {sizes}"


def _bare(site: OpenStack) -> Callable[[World, str], str]:
    return lambda world, name: _whole(site, name, lambda whole: _ledger(world, name, whole))


def _sized(site: OpenStack, **sizes: int) -> Callable[[World, str], str]:
    def wrong(world: World, name: str) -> str:
        return _whole(
            site,
            name,
            lambda whole: _ledger(world, name, whole) if whole.sizes == sizes else f"its disks are {whole.sizes}",
        )

    return wrong


def _ledger(world: World, name: str, whole: Whole) -> str:
    rows = {row["name"]: row["id"] for row in world.status(name).get("resources") or ()}
    return "" if rows == whole.parts else f"the status says {rows}, and there is {whole.parts}"


def _whole(site: OpenStack, name: str, judge: Judge) -> str:
    """One machine that runs and has all its parts; `judge` says the rest."""
    whole = site.whole(name)
    if isinstance(whole, str):
        return whole
    if whole.row["status"] != "ACTIVE":
        return f"its status is {whole.row['status']}"
    left = site.loose()
    return ", ".join(f"{part} is loose" for part in whole.loose) or "; ".join(left) or judge(whole)
