"""Looks at the API server without a new kubectl process for each look: what is waited for is looked at often."""

import base64
import http.client
import json
import ssl
import threading
from pathlib import Path
from typing import Any, cast

import yaml

from hostwright.core.names import API_VERSION

#: Short name → plural.
OURS = {
    "hvm": "virtualmachines",
    "hpm": "physicalmachines",
    "hpc": "physicalmachineclaims",
    "hpr": "providers",
    "hmc": "machineclasses",
    "hmi": "machineimages",
    "hmp": "machinepools",
}
IN_A_NAMESPACE = frozenset({"hvm", "hpm", "hpc", "hmp"})


class Eyes:
    """The administrator's, by one connection for each thread."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._address = cluster["server"].removeprefix("https://")
        self._tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        pair = kubeconfig.parent / "eyes.pem"
        pair.write_bytes(b"".join(base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")))
        pair.chmod(0o600)
        self._tls.load_cert_chain(pair)
        self._kept = threading.local()

    def get(self, path: str) -> dict[str, Any] | None:
        """None: not there."""
        return self._ask("GET", path)

    def edit(self, name: str, spec: dict[str, Any]) -> None:
        """A machine of the namespace default, by a merge patch of its spec."""
        self._ask("PATCH", f"/apis/{API_VERSION}/namespaces/default/virtualmachines/{name}", {"spec": spec})

    def _ask(self, method: str, path: str, change: dict[str, Any] | None = None) -> dict[str, Any] | None:
        kept: http.client.HTTPSConnection | None = getattr(self._kept, "connection", None)
        try:
            status, body = self._answer(kept or self._connected(), method, path, change)
        except (http.client.RemoteDisconnected, ConnectionError):
            if kept is None:
                raise
            status, body = self._answer(self._connected(), method, path, change)  # the kept one had been closed
        if status == http.HTTPStatus.NOT_FOUND:
            return None
        assert status == http.HTTPStatus.OK, body
        return cast("dict[str, Any]", body)

    def _connected(self) -> http.client.HTTPSConnection:
        self._kept.connection = http.client.HTTPSConnection(self._address, context=self._tls, timeout=30)
        return cast("http.client.HTTPSConnection", self._kept.connection)

    def _answer(
        self, connection: http.client.HTTPSConnection, method: str, path: str, change: dict[str, Any] | None
    ) -> tuple[int, Any]:
        headers = {"Accept": "application/json", "Content-Type": "application/merge-patch+json"}
        try:
            connection.request(method, path, None if change is None else json.dumps(change), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (http.client.HTTPException, OSError):
            connection.close()
            self._kept.connection = None
            raise

    def object(self, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        """One of ours, by its kind's short name, or `secret`."""
        if kind == "secret":
            return self.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
        place = f"namespaces/{namespace}/" if kind in IN_A_NAMESPACE else ""
        return self.get(f"/apis/{API_VERSION}/{place}{OURS[kind]}/{name}")

    def members(self, pool: str, namespace: str = "default") -> list[dict[str, Any]]:
        """The machines that a pool owns, by name."""
        listed = (self.get(f"/apis/{API_VERSION}/namespaces/{namespace}/virtualmachines") or {})["items"]
        mine = [
            body
            for body in listed
            if any(
                owner["kind"] == "MachinePool" and owner["name"] == pool
                for owner in body["metadata"].get("ownerReferences") or ()
            )
        ]
        return sorted(mine, key=lambda body: str(body["metadata"]["name"]))

    def events(self, name: str) -> list[dict[str, Any]]:
        body = self.get(f"/api/v1/events?fieldSelector=involvedObject.name%3D{name}") or {}
        return cast("list[dict[str, Any]]", body["items"])
