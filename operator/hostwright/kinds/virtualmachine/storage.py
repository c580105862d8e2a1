"""The disks a VirtualMachine is written with: their sizes, where they come from, and what becomes of them."""

from enum import StrEnum
from typing import Any

from pydantic import ConfigDict, Field

from hostwright.core.resource import BackendName, Label, Quantity, Words

#: The root disk's name in `status.disks` and in the ledger; no data disk may have it.
ROOT = "root"
MOST_DISKS = 16


class Retention(StrEnum):
    DELETE = "Delete"
    RETAIN = "Retain"


def _rules(*rules: tuple[str, str]) -> dict[str, Any]:
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]}


class RootRetention(Words):
    when_deleted: Retention = Field(
        default=Retention.DELETE,
        description="What becomes of the disk when the machine is deleted: Delete or Retain (it stays, without our marks).",
    )


class DataRetention(Words):
    when_detached: Retention = Field(
        default=Retention.RETAIN,
        description="What becomes of the disk when it is taken out of the list: Retain (detached and kept; its name put back attaches it again) or Delete.",
    )
    when_deleted: Retention = Field(
        default=Retention.DELETE,
        description="What becomes of the disk when the machine is deleted: Delete or Retain (it stays, without our marks).",
    )


class RootDisk(Words):
    size: Quantity = Field(description="Size, such as 40Gi: whole Gi. It only grows; growing is made live.")
    storage_class: Label | None = Field(
        default=None,
        description="A storage class of the Provider (its spec.storageClasses). Default: the backend's. Immutable.",
    )
    retention: RootRetention = Field(default=RootRetention(), description="What becomes of it.")


class Existing(Words):
    id: BackendName = Field(description="Id of a volume on the backend that is there and free.")


class DiskSource(Words):
    existing: Existing = Field(
        description="A volume that somebody else made: it is attached, and detached at the end; never grown, never deleted."
    )


class DataDisk(Words):
    model_config = ConfigDict(
        json_schema_extra=_rules(
            (
                "has(self.size) != has(self.source)",
                "set exactly one of size (a new disk) and source (one that is there)",
            ),
            ("!has(self.storageClass) || has(self.size)", "storageClass is for a new disk, with size"),
            (f"self.name != '{ROOT}'", f"{ROOT} is the root disk's name"),
        )
    )

    name: Label = Field(description="Name of the disk within the machine. The key of the list.")
    size: Quantity | None = Field(
        default=None, description="Size of a new disk, such as 200Gi: whole Gi. It only grows; growing is made live."
    )
    storage_class: Label | None = Field(
        default=None,
        description="A storage class of the Provider (its spec.storageClasses). Default: the backend's. Immutable.",
    )
    source: DiskSource | None = Field(default=None, description="Where a disk comes from that is not new. Immutable.")
    retention: DataRetention = Field(default=DataRetention(), description="What becomes of it.")


def _of_one_name(test: str) -> str:
    """CEL: of each disk that was there before under the same name."""
    named = f"oldSelf.dataDisks.all(o, o.name != d.name || ({test}))"
    return f"!has(self.dataDisks) || !has(oldSelf.dataDisks) || self.dataDisks.all(d, {named})"


def _same(name: str, of: str) -> str:
    new, old = (
        (f"{of}.{name}", f"oldSelf.{of.removeprefix('self.')}.{name}")
        if of.startswith("self")
        else (f"d.{name}", f"o.{name}")
    )
    return f"has({new}) == has({old}) && (!has({new}) || {new} == {old})"


#: CEL at the root of a machine's spec.
DISK_RULES: tuple[tuple[str, str], ...] = (
    (
        "has(self.rootDisk) == has(oldSelf.rootDisk)",
        "whether the machine has a rootDisk is decided at its creation",
    ),
    (
        f"!has(self.rootDisk) || !has(oldSelf.rootDisk) || ({_same('storageClass', 'self.rootDisk')})",
        "a disk's storageClass is immutable",
    ),
    (
        "!has(self.rootDisk) || !has(oldSelf.rootDisk) || quantity(self.rootDisk.size).compareTo(quantity(oldSelf.rootDisk.size)) >= 0",
        "a disk only grows",
    ),
    (_of_one_name(_same("storageClass", "d")), "a disk's storageClass is immutable: give the new disk another name"),
    (_of_one_name(_same("source", "d")), "a disk's source is immutable: give the new disk another name"),
    (
        _of_one_name("!has(d.size) || !has(o.size) || quantity(d.size).compareTo(quantity(o.size)) >= 0"),
        "a disk only grows",
    ),
)
