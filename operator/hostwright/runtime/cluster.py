"""The Kubernetes API for the engine: few calls, raw JSON, our own errors."""

import base64
import hashlib
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config import KUBE_CONFIG_DEFAULT_LOCATION, load_incluster_config, load_kube_config

from hostwright.core.decision import Note
from hostwright.core.names import API_VERSION, GROUP, POOL_FIELD_MANAGER, PROJECT, VERSION
from hostwright.engine.ports import (
    Body,
    ClusterUnavailableError,
    Key,
    ObjectGoneError,
    Secret,
    StaleBodyError,
    WriteRefusedError,
)
from hostwright.runtime.logs import logger, redact
from hostwright.runtime.refusal import StartRefusedError

#: Seconds for one call, and how many of a metadata list come in a page.
CALL_TIMEOUT = 15.0
PAGE = 500
_MERGE, _JSON = "application/merge-patch+json", "application/json-patch+json"
_APPLY = "application/apply-patch+yaml"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

PLURALS = {
    "VirtualMachine": "virtualmachines",
    "MachinePool": "machinepools",
    "Provider": "providers",
    "MachineClass": "machineclasses",
    "MachineImage": "machineimages",
    "PhysicalMachine": "physicalmachines",
    "PhysicalMachineClaim": "physicalmachineclaims",
}
NAMESPACED = frozenset({"VirtualMachine", "PhysicalMachine", "PhysicalMachineClaim", "MachinePool"})


class KubernetesCluster:
    """Implements engine.ports.Cluster over kubernetes.aio."""

    def __init__(self, api: ApiClient, identity: str, kubeconfig: str | None) -> None:
        self._api, self._identity, self._kubeconfig = api, identity, kubeconfig
        self._log = logger()

    @classmethod
    async def connect(cls, kubeconfig: str | None, identity: str) -> "KubernetesCluster":
        """By the file, else $KUBECONFIG or ~/.kube/config, else the pod's service account."""
        configuration = Configuration()
        try:
            await _load(kubeconfig, configuration)
        except Exception as error:  # the parser's own, too: a file that is no kubeconfig gives a TypeError
            named = kubeconfig or "$KUBECONFIG, ~/.kube/config and the Pod's own"
            text = f"no login for an API server in {named}: {error}. Name the file with --kubeconfig."
            raise StartRefusedError(text) from error
        configuration.connection_pool_maxsize = 64
        configuration.retries = None
        # Else each request waits for two threads, which look for a proxy and a ~/.netrc; kopf's session uses neither.
        configuration.client_session_kwargs = {"trust_env": False}
        return cls(ApiClient(configuration), identity, kubeconfig)

    async def login(self) -> Configuration:
        """A fresh login by the same file: for kopf's watches, which hold a session of their own."""
        configuration = Configuration()
        await _load(self._kubeconfig, configuration)
        return configuration

    async def close(self) -> None:
        await self._api.close()

    async def patch(self, key: Key, patch: Body) -> Body:
        body: Body = await self._call("PATCH", _path(key), patch, content=_MERGE)
        return body

    async def patch_status(self, key: Key, patch: Body) -> Body:
        body: Body = await self._call("PATCH", f"{_path(key)}/status", patch, content=_MERGE)
        return body

    async def get(self, key: Key) -> Body | None:
        try:
            body: Body = await self._call("GET", _path(key))
        except ObjectGoneError:
            return None
        return body

    async def drop_finalizer(self, key: Key, body: Body, finalizer: str) -> Body | None:
        finalizers = list(body["metadata"].get("finalizers") or ())
        if finalizer not in finalizers:
            return body
        place = f"/metadata/finalizers/{finalizers.index(finalizer)}"
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": body["metadata"]["uid"]},
            {"op": "test", "path": place, "value": finalizer},
            {"op": "remove", "path": place},
        ]
        try:
            return await self._tested(_path(key), patch)
        except ObjectGoneError:
            return None

    async def apply(self, key: Key, wanted: Body, *, force: bool) -> Body:
        query = f"?fieldManager={POOL_FIELD_MANAGER}&force={str(force).lower()}"
        metadata = {"name": key.name, "namespace": key.namespace, **wanted["metadata"]}
        config = {"apiVersion": API_VERSION, "kind": key.kind, **wanted, "metadata": metadata}
        body: Body = await self._call("PATCH", _path(key) + query, config, content=_APPLY)
        return body

    async def delete(self, key: Key, uid: str, version: str = "") -> None:
        versioned = {"resourceVersion": version} if version else {}
        await self._call("DELETE", _path(key), {"preconditions": {"uid": uid, **versioned}})

    async def own(self, key: Key, body: Body, owners: Sequence[Mapping[str, Any]]) -> Body:
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": body["metadata"]["uid"]},
            {"op": "test", "path": "/metadata/resourceVersion", "value": body["metadata"]["resourceVersion"]},
            {"op": "add", "path": "/metadata/ownerReferences", "value": list(owners)},
        ]
        return await self._tested(_path(key), patch)

    async def _tested(self, path: str, patch: Sequence[Mapping[str, Any]]) -> Body:
        """A JSON patch whose failed `test` says that the body is old."""
        try:
            after: Body = await self._call("PATCH", path, patch, content=_JSON)
        except WriteRefusedError as error:
            if str(error).startswith("422"):
                raise StaleBodyError(str(error)) from error
            raise
        return after

    async def secret(self, namespace: str, name: str) -> Secret | None:
        try:
            raw = await self._call("GET", f"/api/v1/namespaces/{namespace}/secrets/{name}")
        except ObjectGoneError:
            return None
        data = {field: base64.b64decode(value) for field, value in (raw.get("data") or {}).items()}
        metadata = raw["metadata"]
        return Secret(metadata["resourceVersion"], data, tuple(metadata.get("finalizers") or ()))

    async def hold_secret(self, namespace: str, name: str, finalizer: str, *, held: bool) -> None:
        secret = await self.secret(namespace, name)
        if secret is None or (finalizer in secret.finalizers) == held:
            return
        finalizers = [item for item in secret.finalizers if item != finalizer] + ([finalizer] if held else [])
        patch = {"metadata": {"finalizers": finalizers, "resourceVersion": secret.resource_version}}
        try:
            await self._call("PATCH", f"/api/v1/namespaces/{namespace}/secrets/{name}", patch, content=_MERGE)
        except WriteRefusedError as error:  # a terminating Secret takes no finalizer any more
            self._log.warning("secret not held", namespace=namespace, name=name, error=str(error))

    async def event(self, body: Body, note: Note) -> None:
        metadata = body["metadata"]
        namespace = metadata.get("namespace") or "default"
        digest = hashlib.sha256(f"{metadata['uid']}/{note.reason}/{note.transition}".encode()).hexdigest()[:16]
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name'][:200]}.{digest}", "namespace": namespace},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": body["kind"],
                "name": metadata["name"],
                "namespace": metadata.get("namespace", ""),
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
            "reason": str(note.reason),
            "message": redact(note.message)[:1024],
            "type": "Warning" if note.warning else "Normal",
            "source": {"component": PROJECT},
            "reportingComponent": f"{GROUP}/{PROJECT}",
            "reportingInstance": self._identity,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            await self._call("POST", f"/api/v1/namespaces/{namespace}/events", event)
        except StaleBodyError:
            return  # 409: told before, by us or by our predecessor
        except (ObjectGoneError, WriteRefusedError, ClusterUnavailableError) as error:
            self._log.warning("event not told", reason=str(note.reason), error=str(error))

    # -- for the process

    async def raw(self, method: str, path: str, body: Any = None) -> Body:
        """Any other call: ConfigMap and namespace at the start."""
        answer: Body = await self._call(method, path, body)
        return answer

    async def metadata(self, kind: str, namespaces: Sequence[str] = ()) -> AsyncIterator[tuple[str, str, str, str]]:
        """(namespace, name, uid, resourceVersion) of every object, in pages; `namespaces`: only of those."""
        for collection in self.collections(kind, namespaces):
            async for rows, _ in self.pages(collection, accept=_METADATA_LIST):
                for row in rows:
                    metadata = row["metadata"]
                    yield metadata.get("namespace", ""), metadata["name"], metadata["uid"], metadata["resourceVersion"]

    def collections(self, kind: str, namespaces: Sequence[str]) -> Sequence[str]:
        """Where a kind is listed: one path, or one for each namespace."""
        return [
            _collection(kind, namespace) for namespace in (namespaces if namespaces and kind in NAMESPACED else ("",))
        ]

    async def pages(
        self, collection: str, *, accept: str = "application/json"
    ) -> AsyncIterator[tuple[Sequence[Body], str]]:
        """Its objects as they were at one moment, and that moment's resourceVersion."""
        token = ""
        while True:
            query = f"?limit={PAGE}" + (f"&continue={token}" if token else "")
            page = await self._call("GET", f"{collection}{query}", accept=accept)
            yield page["items"] or (), page["metadata"].get("resourceVersion", "")  # an empty list of metadata is null
            token = page["metadata"].get("continue") or ""
            if not token:
                return

    async def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        headers = {"Accept": accept, "Content-Type": content, "User-Agent": PROJECT}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = self._api.configuration.host.rstrip("/") + path
        try:
            response = await self._api.rest_client.request(
                method, url, headers=headers, body=body, _request_timeout=CALL_TIMEOUT
            )
            payload = await response.read()
            status = response.status
        except ApiException as error:
            raise _translate(error.status or 0, str(error.body or error.reason or "")) from error
        except (TimeoutError, OSError) as error:
            raise ClusterUnavailableError(f"{method} {path}: {type(error).__name__}") from error
        except Exception as error:
            if type(error).__module__.startswith("aiohttp"):
                raise ClusterUnavailableError(f"{method} {path}: {type(error).__name__}") from error
            raise
        data = payload if isinstance(payload, bytes) else response.data
        if status >= 300:  # noqa: PLR2004
            raise _translate(status, data.decode(errors="replace"))
        return json.loads(data)


async def _load(kubeconfig: str | None, configuration: Configuration) -> None:
    """The client's own load_config never comes to the service account once it is given a file, be it None."""
    if kubeconfig is None and _in_pod():
        load_incluster_config(client_configuration=configuration)
    else:
        await load_kube_config(config_file=kubeconfig, client_configuration=configuration)


def _in_pod() -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ and not Path(KUBE_CONFIG_DEFAULT_LOCATION).expanduser().exists()


def _collection(kind: str, namespace: str) -> str:
    if kind == "Namespace":
        return "/api/v1/namespaces"
    base = f"/apis/{GROUP}/{VERSION}"
    return f"{base}/namespaces/{namespace}/{PLURALS[kind]}" if namespace else f"{base}/{PLURALS[kind]}"


def _path(key: Key) -> str:
    return f"{_collection(key.kind, key.namespace)}/{key.name}"


def _translate(status: int, text: str) -> Exception:
    """409 and a refused uid are stale bodies; 404 is gone; 4xx else is a refusal; the rest is an outage.

    So is 410: a list whose pages were compacted meanwhile; it is made anew.
    """
    message = f"{status}: {_message(text)}"
    if status == 409 or (status == 422 and _about_uid(text)):  # noqa: PLR2004
        return StaleBodyError(message)
    if status == 404:  # noqa: PLR2004
        return ObjectGoneError(message)
    if 400 <= status < 500 and status not in {401, 408, 410, 429}:  # noqa: PLR2004
        return WriteRefusedError(message)
    return ClusterUnavailableError(message)


def _about_uid(text: str) -> bool:
    """Whether a 422 says that the object is another one by now: its cause is the field metadata.uid."""
    try:
        causes = (json.loads(text).get("details") or {}).get("causes") or ()
    except (ValueError, AttributeError):
        return False
    return any(cause.get("field") == "metadata.uid" for cause in causes)


def _message(text: str) -> str:
    try:
        parsed: Mapping[str, Any] = json.loads(text)
    except ValueError:
        return text[:300]
    return str(parsed.get("message", text))[:600]
