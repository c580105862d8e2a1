"""The labels of an object that its machine is to bear as tags."""

from hostwright.engine.ports import Body


def propagated(body: Body) -> dict[str, str]:
    """Those that `propagateLabels` names and that are there; a change of them is no new generation."""
    labels = body["metadata"].get("labels") or {}
    named = (body.get("spec") or {}).get("propagateLabels") or ()
    return {key: labels[key] for key in named if key in labels}
