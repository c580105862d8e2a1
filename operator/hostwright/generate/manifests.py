"""Everything that is put into a cluster, in the order in which it can be applied."""

from typing import Any

from hostwright.core.names import DEFAULT_OPERATOR_NAMESPACE
from hostwright.generate import crds, discover
from hostwright.generate.policies import policies
from hostwright.generate.roles import catalog, roles


def install(operator_namespace: str = DEFAULT_OPERATOR_NAMESPACE) -> list[dict[str, Any]]:
    """CRDs, admission policies each with its binding, and roles. The operator's namespace must be there."""
    kinds, sections = discover.kinds(), discover.sections()
    return [
        *(crds.crd(kind, sections) for kind in kinds),
        *policies(kinds, sections, operator_namespace),
        *roles(kinds, operator_namespace),
        *catalog(kinds),
    ]
