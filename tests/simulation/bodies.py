"""What the body of a VirtualMachine says."""

from hostwright.core.errors import MachineDeletedExternally
from hostwright.core.names import ANNOTATION_MACHINE_ID, ANNOTATION_PAUSED
from hostwright.engine.ports import Body, Key


def cannot_run(body: Body) -> bool:
    """Made from an image that its site does not have: it waits for ever."""
    return bool((body["spec"].get("imageRef") or {}).get("name") == "bad")


def was_provisioned(body: Body) -> bool:
    """As its status has it: there is a machine, or there was one and somebody else deleted it."""
    rows = (body.get("status") or {}).get("conditions") or ()
    told = [row for row in rows if row["type"] == "Provisioned"]
    return any(row["status"] == "True" or row["reason"] == MachineDeletedExternally.__name__ for row in told)


def reason_of(body: Body) -> str:
    rows = (body.get("status") or {}).get("conditions") or ()
    return next((row["reason"] for row in rows if row["type"] == "Ready"), "")


def ledger_of(body: Body) -> set[str]:
    return {row["id"] for row in (body.get("status") or {}).get("resources") or ()}


def machine_id_of(body: Body) -> str:
    return str((body["metadata"].get("annotations") or {}).get(ANNOTATION_MACHINE_ID) or body["metadata"]["uid"])


def key_of(body: Body) -> Key:
    return Key("VirtualMachine", body["metadata"]["namespace"], body["metadata"]["name"])


def keys_of(body: Body) -> tuple[str, ...]:
    cloud_init = (body["spec"].get("bootstrap") or {}).get("cloudInit") or {}
    return tuple(cloud_init.get("sshAuthorizedKeys") or ())


def replaced_of(body: Body) -> str:
    """The machine that is announced to be replaced; empty: none is."""
    operation = (body.get("status") or {}).get("operation") or {}
    return str(operation["expect"]).removeprefix("replace/") if operation.get("type") == "Replace" else ""


def is_going(body: Body) -> bool:
    return "deletionTimestamp" in body["metadata"]


def is_retained(body: Body) -> bool:
    return (body.get("spec") or {}).get("deletionPolicy") == "Retain"


def is_paused(body: Body) -> bool:
    return ANNOTATION_PAUSED in (body["metadata"].get("annotations") or {})


def is_to_expire(body: Body) -> bool:
    return (body.get("spec") or {}).get("expireAfter", "Never") != "Never"
