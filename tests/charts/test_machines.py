"""charts/machines: one file of a team's machines, refused where it is wrong, the same on every site."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.charts.conftest import TEAM, Cluster, Helm
from tests.charts.team import CI, SAME, installed_changed_and_removed

SITES = sorted(path for path in CI.glob("*.yaml") if path.stem != "team")


def render(helm: Helm, *files: Path) -> list[dict[str, Any]]:
    return helm.template(TEAM, *(word for file in files for word in ("-f", file)), name="shop")


@pytest.mark.parametrize("site", SITES, ids=lambda path: path.stem)
def test_it_is_without_a_fault(helm: Helm, site: Path) -> None:
    assert "0 chart(s) failed" in helm.run("lint", "--strict", TEAM, "-f", CI / "team.yaml", "-f", site)


def test_the_same_file_gives_the_same_machines_on_every_site(helm: Helm) -> None:
    assert len(SITES) > 1
    given = [render(helm, CI / "team.yaml", site) for site in SITES]
    where = [{machine_of(each).pop("providerRef")["name"] for each in objects} for objects in given]
    assert all(len(names) == 1 for names in where)
    assert len(set.union(*where)) == len(SITES)
    assert all(objects == given[0] for objects in given)
    assert sorted(each["metadata"]["name"] for each in given[0]) == ["shop-db", "shop-web", "shop-workers"]


def test_a_machines_own_fields_are_merged_and_its_lists_are_its_own(helm: Helm) -> None:
    spec = {each["metadata"]["name"]: machine_of(each) for each in render(helm, CI / "team.yaml", SITES[0])}
    db, web = spec["shop-db"], spec["shop-web"]
    assert db["tags"] == {"team": "shop", "tier": "data"}
    assert web["tags"] == {"team": "shop"}
    assert [each["networkRef"]["name"] for each in db["network"]["interfaces"]] == ["db"]


def test_a_pools_members_start_from_the_defaults_and_it_selects_them(helm: Helm) -> None:
    (pool,) = (each for each in render(helm, CI / "team.yaml", SITES[0]) if each["kind"] == "MachinePool")
    mine = {"app.kubernetes.io/instance": "shop", "app.kubernetes.io/component": "shop-workers"}
    assert pool["spec"]["selector"] == {"matchLabels": mine}
    assert pool["spec"]["template"]["metadata"]["labels"] == mine
    assert pool["spec"]["template"]["virtualMachine"]["tags"] == {"team": "shop"}


def test_claims_and_pools_of_claims_have_nothing_of_the_machines_defaults(helm: Helm, tmp_path: Path) -> None:
    metal = tmp_path / "metal.yaml"
    racked = {"selector": {"matchLabels": {"a": "b"}}, "template": {"physicalMachine": {"minimum": {"cpu": 2}}}}
    claims = {"db-1": {"labels": {"a": "b"}, "spec": {"minimum": {"cpu": 32}}}, "db-2": {}, "db-3": None}
    metal.write_text(yaml.safe_dump({"machines": None, "claims": claims, "pools": {"racked": {"spec": racked}}}))
    given = {each["metadata"]["name"]: each for each in render(helm, CI / "team.yaml", SITES[0], metal)}
    assert given["db-1"]["spec"] == {"minimum": {"cpu": 32}}
    assert given["db-1"]["metadata"]["labels"] == {"a": "b", "app.kubernetes.io/instance": "shop"}
    assert given["db-2"]["kind"] == "PhysicalMachineClaim"
    assert "db-3" not in given
    assert given["racked"]["spec"] == racked


def machine_of(each: dict[str, Any]) -> dict[str, Any]:
    """The machine that an object makes."""
    spec: dict[str, Any] = each["spec"]
    return spec["template"]["virtualMachine"] if each["kind"] == "MachinePool" else spec


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("machines.a.spec.clasRef.name=small", "at '/machines/a/spec': additional properties 'clasRef' not allowed"),
        ("machines.a.spec.powerState=On", "at '/machines/a/spec/powerState': value must be one of 'PoweredOn'"),
        ("defaults.spec.tags.a=5", "at '/defaults/spec/tags/a': got number, want string"),
        ("machines.Web_1.spec.classRef.name=small", "invalid propertyName 'Web_1'"),
        ("pools.a.spec.template.virtualMachine.clasRef.name=x", "/virtualMachine': additional properties 'clasRef'"),
        ("claims.a.spec.minimum.cores=3", "at '/claims/a/spec/minimum': additional properties 'cores' not allowed"),
        ("machines.a.spec.network.interfaces[0].networkRef.name=app", "missing property 'name'"),
    ],
)
def test_a_bad_value_is_refused_with_its_place(helm: Helm, value: str, said: str) -> None:
    assert said in helm.run("template", "x", TEAM, "--set", value, fails=True)


def test_a_team_installs_changes_and_removes_its_machines(cluster: Cluster, tmp_path: Path) -> None:
    """On the real sites: tests/e2e/test_team.py, tests/e2e_vsphere/test_team.py."""
    with cluster.world.operator() as running:
        running.leading()
        installed_changed_and_removed(cluster.helm, cluster.world, "simulated", tmp_path)
    assert not [row for name in SAME for row in cluster.world.sim.machines(name)]
