"""The operator that kopf's documentation teaches one to write: change handlers that call the SDK, and a timer.

Run by `kopf run`. It makes the same machines on the same site as Hostwright, from the same fields; nothing is left out
of it that kopf's pages on handlers, errors, results and timers advise, and nothing is added that they do not.
"""

from typing import Any

import kopf
from tests.bench.textbook import cloud

SERVERS = ("bench.hostwright.dev", "v1", "servers")


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.execution.max_workers = 20  # as kopf's page on configuration has it


@kopf.on.create(*SERVERS)
def create(spec: kopf.Spec, name: str, namespace: str, logger: kopf.Logger, **_: Any) -> dict[str, Any]:
    try:
        server = cloud.connect().create_server(f"{namespace}-{name}", spec["image"], spec["cpu"], spec["memoryMiB"])
        server = cloud.connect().wait_for_server(server["id"])
    except cloud.Refused as refusal:
        raise kopf.TemporaryError(f"the cloud refused: {refusal}", delay=30) from refusal
    logger.info("server %s is running", server["id"])
    return {"id": server["id"], "address": server["interfaces"][0]["addresses"][0], "state": server["state"]}


@kopf.on.update(*SERVERS, field="spec")
def update(spec: kopf.Spec, status: kopf.Status, **_: Any) -> None:
    cloud.connect().set_power(status["create"]["id"], on=spec.get("poweredOn", True))


@kopf.on.resume(*SERVERS)
@kopf.timer(*SERVERS, interval=60.0)
def check(spec: kopf.Spec, status: kopf.Status, patch: kopf.Patch, **_: Any) -> None:
    made = status.get("create")
    if made is None:
        return  # its creation is under way
    try:
        server = cloud.connect().get_server(made["id"])
    except cloud.NotFound as error:
        raise kopf.PermanentError("the server is gone") from error
    on = spec.get("poweredOn", True)
    if server["state"] == "Active" and not server["task"] and server["poweredOn"] is not on:
        cloud.connect().set_power(made["id"], on=on)
    patch.status["poweredOn"] = server["poweredOn"]


@kopf.on.delete(*SERVERS)
def delete(status: kopf.Status, **_: Any) -> None:
    made = status.get("create")
    if made is not None:
        cloud.connect().delete_server(made["id"])
