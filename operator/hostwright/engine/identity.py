"""Pure: who an object is (PROTOCOLS section 1): first sight, put back, or a conflict."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hostwright.core.errors import OwnershipConflict
from hostwright.core.names import ANNOTATION_MACHINE_ID, FINALIZER
from hostwright.engine.ports import Body, Key


@dataclass(frozen=True, slots=True)
class Identity:
    """`patch`: what must be written on the object before anything else; `conflict`: why nothing may be done."""

    machine_id: str
    patch: Mapping[str, Any] | None = None
    conflict: OwnershipConflict | None = None


def identify(
    key: Key, body: Body, others: Mapping[Key, Body], recorded: tuple[str, str], born: frozenset[Key] = frozenset()
) -> Identity:
    """`others`: live objects with the same machine id; `recorded`: namespace and name on the backend's own record.

    `born`: those of them all for whom the id was made.
    """
    metadata = body["metadata"]
    annotated = (metadata.get("annotations") or {}).get(ANNOTATION_MACHINE_ID) or ""
    reported = (body.get("status") or {}).get("machineID") or ""
    machine_id = annotated or reported or metadata["uid"]
    if annotated and reported and annotated != reported:
        mine = reported
        return Identity(
            mine,
            conflict=OwnershipConflict(
                f"the annotation {ANNOTATION_MACHINE_ID} says {annotated}, the status says {reported}. "
                "Remove the annotation (it is put back) or delete this object: its machine is left alone."
            ),
        )
    rival = _stronger(key, body, others, recorded, born)
    if rival is not None:
        return Identity(
            machine_id,
            conflict=OwnershipConflict(
                f"{rival} has the same machine id {machine_id} and owns the machine. "
                "Delete this copy, or remove its machine-id annotation and status: its deletion touches no machine."
            ),
        )
    return Identity(machine_id, patch=_missing(metadata, machine_id))


def _missing(metadata: Mapping[str, Any], machine_id: str) -> Mapping[str, Any] | None:
    if metadata.get("deletionTimestamp"):  # a finalizer cannot be added any more
        return None
    finalizers = list(metadata.get("finalizers") or ())
    patch: dict[str, Any] = {}
    if FINALIZER not in finalizers:
        patch["finalizers"] = [*finalizers, FINALIZER]
    if (metadata.get("annotations") or {}).get(ANNOTATION_MACHINE_ID) != machine_id:
        patch["annotations"] = {ANNOTATION_MACHINE_ID: machine_id}
    if not patch:
        return None
    return {"metadata": {**patch, "resourceVersion": metadata["resourceVersion"], "uid": metadata["uid"]}}


def _stronger(
    key: Key, body: Body, others: Mapping[Key, Body], recorded: tuple[str, str], born: frozenset[Key]
) -> Key | None:
    """The other object that has the better claim: named by the backend's record, else born with the id, else older."""
    if not others:
        return None
    if recorded == (key.namespace, key.name):
        return None
    named = next((other for other in others if (other.namespace, other.name) == recorded), None)
    if named is not None:
        return named
    ranked = sorted([(key, body), *others.items()], key=lambda item: (item[0] not in born, *_age(item[1])))
    return None if ranked[0][0] == key else ranked[0][0]


def _age(body: Body) -> tuple[str, str]:
    metadata = body["metadata"]
    return (str(metadata.get("creationTimestamp", "")), metadata["uid"])
