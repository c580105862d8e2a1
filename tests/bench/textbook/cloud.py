"""What stands for the vendor's SDK of the simulated site: blocking calls, a connection for each thread."""

import json
import os
import threading
import time
from typing import Any

import requests

#: As openstacksdk's wait_for_server has it.
INTERVAL, PATIENCE = 2.0, 120.0
_kept = threading.local()


class Refused(Exception):  # noqa: N818 - an answer
    """The site answered, and not with 2xx."""


class NotFound(Refused):
    """There is no such server."""


class Cloud:
    def __init__(self, endpoint: str) -> None:
        self._endpoint, self._http = endpoint, requests.Session()

    def create_server(self, name: str, image: str, cpu: int, memory: int) -> dict[str, Any]:
        request = {
            "name": name,
            "image": image,
            "cpu": cpu,
            "memoryMiB": memory,
            "interfaces": [{"name": "eth0", "network": "network-app"}],
        }
        return self._ask("POST", "/v1/machines", request)

    def wait_for_server(self, key: str) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            server = self.get_server(key)
            if server["state"] == "Active":
                return server
            if server["state"] == "Error":
                raise Refused(server["message"])
            threading.Event().wait(INTERVAL)
        raise Refused("the server is not active in time")

    def get_server(self, key: str) -> dict[str, Any]:
        return self._ask("GET", f"/v1/machines/{key}")

    def set_power(self, key: str, *, on: bool) -> dict[str, Any]:
        return self._ask("POST", f"/v1/machines/{key}/{'start' if on else 'stop'}")

    def delete_server(self, key: str) -> None:
        try:
            self._ask("POST", f"/v1/machines/{key}/delete")
        except NotFound:
            return

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body)
        answer = self._http.request(method, self._endpoint + path, data=data, timeout=30)
        if answer.status_code == requests.codes.not_found:
            raise NotFound(answer.text)
        if not answer.ok:
            raise Refused(answer.text)
        said: dict[str, Any] = answer.json()
        return said


def connect() -> Cloud:
    """This thread's."""
    if not hasattr(_kept, "cloud"):
        _kept.cloud = Cloud(os.environ["TEXTBOOK_ENDPOINT"])
    found: Cloud = _kept.cloud
    return found
