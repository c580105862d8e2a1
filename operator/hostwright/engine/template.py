"""What a pool's template makes: the child's kind, its spec with and without defaults, and what its changes do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ValidationError

from hostwright.core.names import Disruption
from hostwright.engine.changes import BOOTSTRAP, REBUILD_TOKEN, RESTARTED_AT, classes
from hostwright.engine.world import World
from hostwright.kinds.machinepool.compare import Classes
from hostwright.kinds.machinepool.resource import TEMPLATES
from hostwright.kinds.physicalmachineclaim.resource import PhysicalMachineClaimSpec
from hostwright.kinds.provider.port import Sections
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.kinds.virtualmachine.values import OnBootstrapChange

#: A user protects, restarts or rebuilds one member without asking the pool; one that was taken in may be imported.
MEMBERS_OWN = frozenset({"/deletionProtection", "/import", RESTARTED_AT, REBUILD_TOKEN})
#: A kind of member: the model of its spec, and its classes of changes on the Provider that the spec names.
ClassesOf = Callable[[World, Sequence[Sections], Mapping[str, Any]], Mapping[str, Disruption]]


@dataclass(frozen=True, slots=True)
class Child:
    """One kind of member; more kinds are more of these."""

    field: str  # below template
    kind: str
    model: type[BaseModel]
    classes: ClassesOf
    identified: bool = True  # bears a machine id, and says in UpToDate whether the machine is as its spec says


@dataclass(frozen=True)
class Template:
    """One pool's template; what each of a batch of members is made of is worked out once."""

    child: Child
    sections: Sequence[Sections]
    written: Mapping[str, Any]

    def filled(self, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """A spec of the child's kind with every default: what is compared. One that cannot be read stays as it is."""
        return self._dumped(spec, sparse=False)

    @cached_property
    def sparse(self) -> Mapping[str, Any]:
        """What is applied: without what is a default, so that what a user sets on one member stays the user's."""
        return self._dumped(self.written, sparse=True)

    def compare_by(self, world: World) -> Classes:
        return Classes(self.child.classes(world, self.sections, self.written), MEMBERS_OWN)

    @property
    def ceiling(self) -> Disruption:
        policy = self.filled(self.written).get("updatePolicy") or {}
        return Disruption(policy.get("maxDisruption", Disruption.LIVE))

    def _dumped(self, spec: Mapping[str, Any], *, sparse: bool) -> Mapping[str, Any]:
        try:
            found = _dump(self.child.model, spec, sparse=sparse)
            for section in self.sections:
                block = spec.get(section.key)
                if section.machine is not None and isinstance(block, Mapping):
                    found[section.key] = _dump(section.machine, block, sparse=sparse)
        except ValidationError:
            return spec
        return found


def template_of(spec: Mapping[str, Any], sections: Sequence[Sections]) -> Template:
    """Of a pool's spec as the API server has it: exactly one kind of member stands there."""
    written = spec["template"]
    child = next(each for each in CHILDREN if each.field in written)
    return Template(child, sections, written[child.field])


def _dump(model: type[BaseModel], spec: Mapping[str, Any], *, sparse: bool) -> dict[str, Any]:
    return model.model_validate(spec).model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=sparse)


def _of_machines(world: World, sections: Sequence[Sections], spec: Mapping[str, Any]) -> Mapping[str, Disruption]:
    """By what the template's Provider offers; where it is not known, by the heaviest of all."""
    name = str((spec.get("providerRef") or {}).get("name", ""))
    connection, machines = world.connection(name), world.machines(name, TEMPLATES["virtualMachine"])
    own = [connection.backend.sections] if connection is not None else sections
    found = classes(own, machines.supported if machines is not None else None)
    if (spec.get("bootstrap") or {}).get("onChange") == OnBootstrapChange.REBUILD:
        found[BOOTSTRAP] = found[REBUILD_TOKEN]
    return found


def _of_claims(world: World, sections: Sequence[Sections], spec: Mapping[str, Any]) -> Mapping[str, Disruption]:  # noqa: ARG001 - as of all kinds
    """A bound claim follows the wish for its power; which server it takes is decided once."""
    return {"/powerState": Disruption.LIVE}


CHILDREN = (
    Child("virtualMachine", TEMPLATES["virtualMachine"], VirtualMachineSpec, _of_machines),
    Child("physicalMachine", TEMPLATES["physicalMachine"], PhysicalMachineClaimSpec, _of_claims, identified=False),
)
