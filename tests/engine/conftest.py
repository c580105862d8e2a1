"""The real API server beside the one in memory, both behind what the engine and a user do with it."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pytest
from tests.engine.apiserver import ApiServer, FakeCluster
from tests.engine.virtual import Clock
from tests.engine.wire import Wire

from hostwright import sandbox
from hostwright.core.names import API_VERSION, GROUP, VERSION
from hostwright.engine.ports import Cluster, Key
from hostwright.generate.manifests import install
from hostwright.runtime.cluster import PLURALS, KubernetesCluster


class Users(Protocol):
    """What a user does, and the engine's port to the same objects."""

    cluster: Cluster

    async def create(self, key: Key, spec: Mapping[str, Any]) -> None: ...

    async def edit(self, key: Key, spec: Mapping[str, Any]) -> None:
        """Merge into the spec."""
        ...

    async def delete(self, key: Key) -> None: ...


@dataclass
class OfTheFake:
    api: ApiServer
    cluster: Cluster

    async def create(self, key: Key, spec: Mapping[str, Any]) -> None:
        self.api.apply(key, spec)

    async def edit(self, key: Key, spec: Mapping[str, Any]) -> None:
        self.api.apply(key, {**self.api.objects[key]["spec"], **spec})

    async def delete(self, key: Key) -> None:
        self.api.delete(key)


@dataclass
class OfTheReal:
    cluster: KubernetesCluster

    async def create(self, key: Key, spec: Mapping[str, Any]) -> None:
        metadata = {"name": key.name} | ({"namespace": key.namespace} if key.namespace else {})
        body = {"apiVersion": API_VERSION, "kind": key.kind, "metadata": metadata, "spec": dict(spec)}
        await self.cluster.raw("POST", _collection(key), body)

    async def edit(self, key: Key, spec: Mapping[str, Any]) -> None:
        await self.cluster.patch(key, {"spec": dict(spec)})

    async def delete(self, key: Key) -> None:
        await self.cluster.raw("DELETE", f"{_collection(key)}/{key.name}")


def _collection(key: Key) -> str:
    base = f"/apis/{GROUP}/{VERSION}" + (f"/namespaces/{key.namespace}" if key.namespace else "")
    return f"{base}/{PLURALS[key.kind]}"


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sandbox.Sandbox]:
    directory = tmp_path_factory.mktemp("engine") / "box"
    yield sandbox.up(directory, sites=(), manifests=install(), ephemeral=True, owner=os.getpid())
    sandbox.down(directory, wipe=True)


@pytest.fixture(params=["in memory", "real"])
async def users(request: pytest.FixtureRequest) -> AsyncIterator[Users]:
    if request.param == "in memory":
        api = ApiServer(Clock())
        yield OfTheFake(api, FakeCluster(api, Wire()))
        return
    found: sandbox.Sandbox = request.getfixturevalue("box")
    cluster = await KubernetesCluster.connect(str(found.kubeconfig), "test")
    yield OfTheReal(cluster)
    await cluster.close()
