"""A server group on OpenStack: made with its first machine, joined by another, gone with the last."""

from collections.abc import Callable, Sequence

from tests.e2e.world import PLURAL, World, machine
from tests.faults.life import Scenario, Step, gone, settled
from tests.faults.site_openstack import OpenStack


def grouped(site: OpenStack) -> Scenario:
    """One object at a time: a Provider's groups are gone through one after the other, and one call may hang."""

    def making(*suffixes: str) -> Callable[[World, Sequence[str]], object]:
        def make(world: World, names: Sequence[str]) -> None:
            groups = {name: {"group": {"name": name, "policy": "AntiAffinity"}} for name in names}
            world.apply(
                *(
                    machine(f"{name}{suffix}", site.provider, placement=groups[name])
                    for name in names
                    for suffix in suffixes
                )
            )

        return make

    def leave(world: World, names: Sequence[str]) -> None:
        both = [f"{name}{suffix}" for name in names for suffix in ("", "-b")]
        world.kubectl("delete", PLURAL, *both, "--wait=false", "--ignore-not-found")

    def holding(*suffixes: str) -> Callable[[World, str], str]:
        return lambda world, name: _wrong(world, site, name, suffixes)

    def none(_: World, name: str) -> str:
        left = [f"group {row['id']}" for row in site.groups(f"default/{name} ")]
        return "; ".join([*left, *(f"machine {each.id}" for each in site.machines(name)), *site.left(name)])

    return Scenario(
        f"server group on {site.provider}",
        (
            Step("first", making(""), _all_settled(""), holding("")),
            Step("second", making("-b"), _all_settled("", "-b"), holding("", "-b"), tried=False),
            Step("delete", leave, _all_gone, none),
        ),
        ours=lambda call: "server-groups" in call or "providers" in call,
        most=3,
        width=1,
    )


def _all_settled(*suffixes: str) -> Callable[[World, str], str]:
    return lambda world, name: next(
        filter(None, (settled("PoweredOn")(world, f"{name}{suffix}") for suffix in suffixes)), ""
    )


def _all_gone(world: World, name: str) -> str:
    left = next(filter(None, (gone(world, f"{name}{suffix}") for suffix in ("", "-b"))), "")
    return left or ("the ledger has the group" if _row(world, name) else "")


def _row(world: World, name: str) -> dict[str, str]:
    rows = world.status("os-lab", "hpr", "").get("groups") or ()
    return next((row for row in rows if row["name"] == f"default/{name}"), {})


def _wrong(world: World, site: OpenStack, name: str, suffixes: Sequence[str]) -> str:
    """One group, which the ledger names, with one machine of each."""
    groups = site.groups(f"default/{name} ")
    if len(groups) != 1:
        return f"{len(groups)} groups"
    found = [site.machines(f"{name}{suffix}") for suffix in suffixes]
    if [len(each) for each in found] != [1] * len(suffixes):
        return f"{[len(each) for each in found]} machines"
    if _row(world, name).get("id") != groups[0]["id"]:
        return f"the ledger says {_row(world, name)}, the group is {groups[0]['id']}"
    members = {each[0].id for each in found}
    return "" if set(groups[0]["members"]) == members else f"{groups[0]['members']} are in it, not {members}"
