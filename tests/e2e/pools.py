"""A pool of ten on any Provider: made, scaled, rolled within its bounds, and deleted with its machines."""

from tests.e2e.world import World, eventually, pool

MEDIUM = {"classRef": {"name": "medium"}}


def names(world: World, name: str) -> list[str]:
    return [body["metadata"]["name"] for body in world.eyes.members(name)]


def uids(world: World, name: str) -> set[str]:
    return {body["metadata"]["uid"] for body in world.eyes.members(name)}


def ten_are_made_scaled_rolled_and_deleted(home: World, name: str, provider: str, seconds: float = 60) -> set[str]:
    """The backend's ids of the last ten, which are to be gone there."""
    home.apply(pool(name, 10, provider))
    home.ready(name, seconds, kind="hmp")
    assert names(home, name) == [f"{name}-{number}" for number in range(10)]
    head, row = home.kubectl("get", "hmp", name).splitlines()
    assert head.split() == ["NAME", "DESIRED", "CURRENT", "READY", "AVAILABLE", "UP-TO-DATE", "STATUS", "AGE"]
    assert row.split()[:7] == [name, "10", "10", "10", "10", "10", "True"]
    home.kubectl("scale", f"hmp/{name}", "--replicas=12")
    assert home.ready(name, seconds, kind="hmp")["status"]["replicas"] == 12
    home.kubectl("scale", f"hmp/{name}", "--replicas=10")
    assert home.ready(name, seconds, kind="hmp")["status"]["replicas"] == 10
    assert names(home, name) == [f"{name}-{number}" for number in range(10)]
    _roll(home, name, provider, seconds)
    members = home.eyes.members(name)
    servers = {str(row["id"]) for each in members for row in each["status"]["resources"] if row["name"] == "server"}
    assert len(servers) == 10
    home.kubectl("delete", "hmp", name, "--cascade=foreground", f"--timeout={seconds:.0f}s")
    eventually(lambda: not names(home, name), 10, "seen to be gone")
    return servers


def _roll(home: World, name: str, provider: str, seconds: float) -> None:
    """Another class: every member is another machine, and never are there too many or too few."""
    before = uids(home, name)
    bounds = {"strategy": {"rollingUpdate": {"maxSurge": "30%", "maxUnavailable": 1}}}
    home.apply(pool(name, 10, provider, rollout=bounds, machine=MEDIUM))
    least, most = 10, 0

    def rolled() -> bool:
        nonlocal least, most
        members = home.eyes.members(name)
        status = (home.get(name, "hmp") or {}).get("status") or {}
        least = min(least, status["readyReplicas"])
        most = max(most, sum("deletionTimestamp" not in each["metadata"] for each in members))
        return all(each["spec"]["classRef"]["name"] == "medium" for each in members)

    eventually(rolled, 3 * seconds, "all of the new class")
    home.ready(name, seconds, kind="hmp")
    assert not before & uids(home, name)
    assert most <= 13
    assert least >= 9
