"""Everything that is put into a cluster, in the order in which it can be applied."""

from typing import Any

from hostwright.core.names import DEFAULT_OPERATOR_NAMESPACE
from hostwright.generate import crds, discover


def install(operator_namespace: str = DEFAULT_OPERATOR_NAMESPACE) -> list[dict[str, Any]]:
    """CRDs, admission policies with their bindings, and roles."""
    kinds, sections = discover.kinds(), discover.sections()
    return [
        *(crds.crd(kind, sections) for kind in kinds),
    ]
