"""Secrets that can be told from all else, in every form that they could leak in, and everything that people read."""

import base64
import json
import re
import secrets
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.e2e.eyes import OURS
from tests.e2e.world import Running, World

EVERYTHING = ",".join((*OURS, "events", "configmaps", "leases"))
#: No prefix is shorter than this: a part of a secret is one, too.
LEAST = 8


def canary() -> str:
    """Random, and with letters that URLs, JSON and shells write in other ways."""
    return f'Canary-{secrets.token_hex(8)}/+&"%'


def forms(secret: str) -> frozenset[str]:
    """As it is, base64 at each of its three offsets, URL, JSON and hex."""
    raw = secret.encode()
    shifted = (
        base64.b64encode(b"\0" * shift + raw).decode()[4 if shift else 0 :].rstrip("=")[:-1] for shift in range(3)
    )
    return frozenset(
        (
            secret,
            urllib.parse.quote(secret),
            urllib.parse.quote_plus(secret),
            json.dumps(secret)[1:-1],
            json.dumps(json.dumps(secret)[1:-1])[1:-1],
            raw.hex(),
            *shifted,
            *re.findall(rf"Canary-[0-9a-f]{{{LEAST}}}", secret),
        )
    )


def told(world: World, running: Running) -> dict[str, str]:
    """All that people read of an operator: objects with their managed fields, Events, log, metrics, arguments."""
    process = Path(f"/proc/{running.process.pid}")
    return {
        "objects": world.kubectl("get", EVERYTHING, "-A", "-o", "yaml", "--show-managed-fields"),
        "log": running.text(),
        "metrics": urllib.request.urlopen(f"{running.http()}/metrics", timeout=10).read().decode(),
        "arguments": (process / "cmdline").read_bytes().decode(errors="replace"),
    }


def leaks(read: Mapping[str, str], hidden: Iterable[str]) -> list[str]:
    """Where each stands that should stand nowhere; with too little of it to be a leak itself."""
    return [
        f"{secret[:LEAST]}… in {place}: …{text[max(text.find(form) - 60, 0) : text.find(form)]}"
        for secret in hidden
        for form in forms(secret)
        for place, text in read.items()
        if form in text
    ]


def assert_none(world: World, running: Running, hidden: Mapping[str, Any]) -> None:
    """`hidden`: what it is → the secret. A leak that is planted is found in each form: or this proves nothing."""
    words = [str(value) for value in hidden.values()]
    read = told(world, running)
    assert all(len(text) > LEAST for text in read.values())
    assert leaks(read, words) == []
    for word in words:
        for form in forms(word):
            assert leaks({**read, "log": f"{read['log']} xx{form}xx"}, [word]), "a planted leak is not found"
    print(f"\nbar: {len(words)} secrets ({', '.join(hidden)}) in {len(read)} places and all forms: 0 leaks")
