"""Entries of tags and metadata that are being set: ours from then on, though they count as applied only at rest.

Without it an entry that is unwished before the machine was seen at rest would be taken for somebody else's, and stay.
"""

from collections.abc import Mapping
from typing import Any

from hostwright.kinds.virtualmachine.port import Update, Wanted
from hostwright.kinds.virtualmachine.situation import Situation

MAPPINGS: Mapping[str, str] = {"/tags": "tags", "/metadata": "metadata"}
#: The schema's bound of a status's mappings.
ENTRIES = 128


def sending(situation: Situation, wanted: Wanted, update: Update) -> dict[str, Any]:
    """What the status says of them with the first patch after a call; where all is at rest it says it no more."""
    resolved = situation.status.resolved
    if resolved is None:
        return {}
    entries = {
        f"{path}/{key}": value
        for path, name in MAPPINGS.items()
        for key, value in getattr(wanted.shape, name).items()
        if update.names(path, key)
    }
    told = resolved.model_dump(by_alias=True, exclude_none=True)
    sent = {**(resolved.sent or {}), **entries}
    return {"resolved": {**told, "sent": dict(list(sent.items())[-ENTRIES:])}} if sent else {}


def ours(situation: Situation, path: str) -> dict[str, set[str]]:
    """Key → the values that we set: applied last, or being set since."""
    resolved, found = situation.status.resolved, dict[str, set[str]]()
    if resolved is None:
        return found
    for key, value in (getattr(resolved, MAPPINGS[path]) or {}).items():
        found.setdefault(key, set()).add(value)
    for word, value in (resolved.sent or {}).items():
        if word.startswith(f"{path}/"):
            found.setdefault(word.removeprefix(f"{path}/"), set()).add(value)
    return found


def being_sent(situation: Situation) -> bool:
    """An entry was set after the look began, so that the look cannot show it; what is unwished by now may be there."""
    resolved = situation.status.resolved
    return not situation.fresh and resolved is not None and bool(resolved.sent)
