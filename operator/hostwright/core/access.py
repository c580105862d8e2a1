"""Which namespaces may use a cluster-scoped object: `allowedNamespaces`."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from hostwright.core.resource import Words

LabelKey = Annotated[str, StringConstraints(min_length=1, max_length=317)]
LabelValue = Annotated[str, StringConstraints(max_length=63)]


class From(StrEnum):
    ALL = "All"
    SELECTOR = "Selector"
    NONE = "None"


class Operator(StrEnum):
    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class Requirement(Words):
    key: LabelKey = Field(description="Label key.")
    operator: Operator = Field(description="In, NotIn, Exists or DoesNotExist.")
    values: list[LabelValue] | None = Field(default=None, max_length=64, description="Values for In and NotIn.")


class LabelSelector(Words):
    match_labels: dict[LabelKey, LabelValue] | None = Field(
        default=None, max_length=32, description="All must be there."
    )
    match_expressions: list[Requirement] | None = Field(default=None, max_length=32, description="All must hold.")

    def matches(self, labels: Mapping[str, str]) -> bool:
        """As a metav1.LabelSelector: an empty selector matches everything."""
        wanted = self.match_labels or {}
        return all(labels.get(key) == value for key, value in wanted.items()) and all(
            _holds(requirement, labels) for requirement in self.match_expressions or ()
        )


class AllowedNamespaces(Words):
    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "self.from != 'Selector' || has(self.selector)",
                    "message": "selector is required with from: Selector",
                },
                {"rule": "self.from == 'Selector' || !has(self.selector)", "message": "selector is for from: Selector"},
            ]
        }
    )

    from_: From = Field(alias="from", description="All, Selector (by namespace labels) or None.")
    selector: LabelSelector | None = Field(
        default=None, description="Labels of the namespaces, with from: Selector only."
    )

    def allows(self, labels: Mapping[str, str]) -> bool:
        """Whether a namespace with these labels may use the object. A Selector without a selector allows nothing."""
        if self.from_ is From.ALL:
            return True
        return self.from_ is From.SELECTOR and self.selector is not None and self.selector.matches(labels)


def _holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(requirement.key), requirement.values or []
    match requirement.operator:
        case Operator.IN:
            return value in values
        case Operator.NOT_IN:
            return value not in values
        case Operator.EXISTS:
            return value is not None
        case Operator.DOES_NOT_EXIST:
            return value is None
