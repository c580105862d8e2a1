"""Bases of the resource models: the one alias rule, bounded types, references and what all kinds share."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, StringConstraints
from pydantic.alias_generators import to_camel

from hostwright.core.quantity import DURATION_PATTERN, QUANTITY_PATTERN

#: Stands beside `pattern` in a JSON schema: what the API server is to say instead of the pattern.
PATTERN_WORDS = "x-pattern-words"


@dataclass(frozen=True, slots=True)
class Said:
    """A text's pattern in words for people: the generator makes it the message of a CEL rule."""

    words: str

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core_schema), PATTERN_WORDS: self.words}


DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"

Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=253, pattern=DNS_SUBDOMAIN),
    Said("a name has lower-case letters, digits, '-' and '.', and begins and ends with a letter or a digit"),
]
Label = Annotated[
    str,
    StringConstraints(min_length=1, max_length=63, pattern=DNS_LABEL),
    Said("a name here has lower-case letters, digits and '-', and begins and ends with a letter or a digit"),
]
#: A name on a backend: any printable text without control characters.
BackendName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$"),
    Said("a name on the backend holds no control characters, such as newlines"),
]
Quantity = Annotated[
    str,
    StringConstraints(max_length=16, pattern=QUANTITY_PATTERN),
    Said("write a whole number with its unit, such as 512Mi or 4Gi"),
]
Duration = Annotated[
    str,
    StringConstraints(min_length=2, max_length=16, pattern=DURATION_PATTERN),
    Said("write a duration with its units, such as 90s, 10m or 1h30m"),
]
Token = Annotated[str, StringConstraints(max_length=64)]
Text = Annotated[str, StringConstraints(max_length=1024)]
SecretKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$"),
    Said("a key of a Secret has letters, digits, '-', '_' and '.'"),
]


class Words(BaseModel):
    """Outside camelCase, inside snake_case: this is the only place that says so."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore", use_enum_values=False
    )


class Open(Words):
    """A model that also holds the backends' own blocks (`openstack:` …), opaque to the kinds."""

    model_config = ConfigDict(extra="allow")

    def section(self, key: str) -> dict[str, Any] | None:
        """The backend's block as written, or None."""
        block = (self.model_extra or {}).get(key)
        return block if isinstance(block, dict) else None


class NameRef(Words):
    name: Name = Field(description="Name of the object.")


class SecretRef(Words):
    name: Name = Field(description="Name of the Secret.")


class SecretKeyRef(Words):
    name: Name = Field(description="Name of a Secret in the same namespace.")
    key: SecretKey = Field(description="Key in the Secret's data.")


class ConditionModel(Words):
    """metav1.Condition."""

    type: Annotated[str, StringConstraints(max_length=64)] = Field(description="What it speaks of, such as Ready.")
    status: Annotated[str, StringConstraints(max_length=8)] = Field(description="True, False or Unknown.")
    reason: Annotated[str, StringConstraints(max_length=64)] = Field(description="Why, in one word, for programs.")
    message: Text = Field(default="", description="Why, in a sentence, for people, and who must act.")
    last_transition_time: Annotated[str, StringConstraints(max_length=32)] = Field(
        description="When status turned to what it is."
    )
    observed_generation: int = Field(default=0, description="The generation of the object that it speaks of.")
