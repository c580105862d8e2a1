"""With --namespace, only what is watched is listed: anything else would be waited for in vain, or taken over."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from hostwright.runtime.cluster import KubernetesCluster

MACHINES = {"team-a": ["web"], "team-b": ["db"]}


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[KubernetesCluster]:
    """A client of a small API server with one machine in each of two namespaces, and one class."""
    runner = web.AppRunner(_api())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    config = tmp_path / "kubeconfig"
    config.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "it",
                "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
                "clusters": [{"name": "it", "cluster": {"server": f"http://127.0.0.1:{runner.addresses[0][1]}"}}],
                "users": [{"name": "it", "user": {"token": "t"}}],
            }
        )
    )
    found = await KubernetesCluster.connect(str(config), "it")
    yield found
    await found.close()
    await runner.cleanup()


def _api() -> web.Application:
    def page(rows: list[tuple[str, str]]) -> web.Response:
        items = [
            {"metadata": {**({"namespace": space} if space else {}), "name": name, "uid": name, "resourceVersion": "1"}}
            for space, name in rows
        ]
        return web.json_response({"metadata": {}, "items": items})

    async def everywhere(_: web.Request) -> web.Response:
        return page([(space, name) for space, names in MACHINES.items() for name in names])

    async def within(request: web.Request) -> web.Response:
        space = request.match_info["space"]
        return page([(space, name) for name in MACHINES.get(space, [])])

    async def classes(_: web.Request) -> web.Response:
        return page([("", "small")])

    base = "/apis/compute.hostwright.dev/v1alpha1"
    app = web.Application()
    app.router.add_get(f"{base}/virtualmachines", everywhere)
    app.router.add_get(f"{base}/namespaces/{{space}}/virtualmachines", within)
    app.router.add_get(f"{base}/machineclasses", classes)
    return app


async def test_only_the_watched_namespaces_are_listed(cluster: KubernetesCluster) -> None:
    assert [row[1] async for row in cluster.metadata("VirtualMachine", ("team-a",))] == ["web"]
    assert [row[1] async for row in cluster.metadata("VirtualMachine", ("team-b", "team-a"))] == ["db", "web"]


async def test_without_namespaces_everything_is_listed(cluster: KubernetesCluster) -> None:
    assert [row[1] async for row in cluster.metadata("VirtualMachine")] == ["web", "db"]


async def test_what_has_no_namespace_is_listed_whatever_is_watched(cluster: KubernetesCluster) -> None:
    assert [row[1] async for row in cluster.metadata("MachineClass", ("team-a",))] == ["small"]
