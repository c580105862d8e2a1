"""Whose request it is, the how-manieth of its name, and whether a fault is due: the memory of the proxy."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.calls import UUID, Asked, named
from tests.faults.plan import ANY, Call, Strike


@dataclass(frozen=True)
class Met:
    """A request that changes something, as it came in."""

    subject: str
    call: Call


@dataclass
class Stage:
    """Written by the proxy's thread and read by the test's, under one lock."""

    #: side → who is meant by a request that names nobody we know
    guess: dict[str, Callable[[Asked], str]] = field(default_factory=dict)
    step: str = ""
    trace: list[Met] = field(default_factory=list)
    strangers: Counter[str] = field(default_factory=Counter)  # requests that are nobody's
    changes: Counter[str] = field(default_factory=Counter)  # side → requests passed on that change something
    _tokens: dict[str, str] = field(default_factory=dict)  # what names a subject → it
    _counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _strikes: list[Strike] = field(default_factory=list)
    _ours: Callable[[str], bool] = lambda _: True
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cast(self, *subjects: str) -> None:
        """Objects whose requests are told apart from now on."""
        with self._lock:
            self._tokens.update({subject: subject for subject in subjects})

    def learn(self, subject: str, *tokens: str) -> None:
        with self._lock:
            self._tokens.update(dict.fromkeys(tokens, subject))

    def begin(self, step: str, strikes: list[Strike], ours: Callable[[str], bool]) -> None:
        """Requests are counted anew, those that are `ours` by their names."""
        with self._lock:
            self.step, self._strikes, self._ours = step, list(strikes), ours
            self._counts.clear()

    def meet(self, asked: Asked) -> tuple[str, Strike | None]:
        """(subject, the fault that is due)."""
        name = named(asked)
        if not name:
            return "", None
        subject = self._whose(asked)
        with self._lock:
            self.changes[asked.side] += 1
            if not subject:
                self.strangers[f"{asked.side} {name}"] += 1
            if not subject or not self._ours(name):
                return subject, None
            self._counts[subject, asked.side, name] += 1
            self._counts[subject, ANY, ANY] += 1
            call = Call(self.step, asked.side, name, self._counts[subject, asked.side, name])
            self.trace.append(Met(subject, call))
            return subject, self._due(subject, call, Call(self.step, ANY, ANY, self._counts[subject, ANY, ANY]))

    def _due(self, subject: str, *calls: Call) -> Strike | None:
        strike = next((each for each in self._strikes if each.subject == subject and each.plan.call in calls), None)
        if strike is not None:
            self._strikes.remove(strike)
            strike.call = calls[0]
        return strike

    def answered(self, asked: Asked, subject: str, status: int, body: bytes) -> None:
        """The ids of what was made name its subject from now on."""
        if not subject or asked.method != "POST" or not 200 <= status < 300:
            return
        try:
            parsed = json.loads(body)
        except ValueError:
            return
        inner = next(iter(parsed.values()), None) if isinstance(parsed, dict) and len(parsed) == 1 else parsed
        made = inner.get("id") if isinstance(inner, dict) else None
        if isinstance(made, str) and (UUID.fullmatch(made) or len(made) > 8):
            self.learn(subject, made)

    def _whose(self, asked: Asked) -> str:
        with self._lock:
            known = next((subject for token, subject in self._tokens.items() if asked.says(token)), "")
        guess = self.guess.get(asked.side)
        return known or (guess(asked) if guess is not None else "")
