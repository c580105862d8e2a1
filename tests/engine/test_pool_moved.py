"""A member whose machine is not as written by nobody's edit: its pool leaves it alone (decision 0022)."""

import asyncio
from typing import Any

import pytest
from tests.engine.apiserver import merged
from tests.engine.test_pool import POOL, Ground, member, story, wish

from hostwright.core.names import ANNOTATION_PAUSED

WEB = member("web-0")


def says(ground: Ground, waiting_for: str) -> dict[str, Any]:
    """What it would say of itself, written while nobody looks at it."""
    status = ground.api.status(WEB)
    behind = [
        merged(row, {"status": "False"} if row["type"] == "UpToDate" else {}) for row in status.get("conditions") or []
    ]
    row = {"path": "/failureDomain", "from": "b", "to": "a", "disruption": "Replace", "waitingFor": waiting_for}
    return {"metadata": {}, "status": {"conditions": behind, "pendingChanges": [row]}}


@pytest.mark.parametrize(("waiting_for", "alone"), [("SpecChange", True), ("MaxDisruption", False)])
def test_only_what_an_edit_wishes_makes_another_member(waiting_for: str, alone: bool) -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(1))
        await ground.is_ready()
        ground.api.patch(WEB, {"metadata": {"annotations": {ANNOTATION_PAUSED: ""}}})
        await asyncio.sleep(5.0)
        ground.api.patch_status(WEB, says(ground, waiting_for))
        await asyncio.sleep(60.0)
        assert (list(ground.machines()) == ["web-0"]) is alone
        told = ground.api.condition(POOL, "UpToDate")
        assert (told["status"] == "False" and "by nobody's edit" in told["message"]) is alone

    story(tale)
