"""The collector of cycles works on, and looks seldom through what stays."""

import gc
import subprocess
import sys

import pytest

from hostwright.runtime import collector


def _breaks_off() -> None:
    with collector.still():
        assert not gc.isenabled()
        raise KeyError


def test_it_stands_still_for_a_while_and_goes_on_whatever_happens() -> None:
    assert gc.isenabled()
    with pytest.raises(KeyError):
        _breaks_off()
    assert gc.isenabled()


def test_cycles_are_still_found_and_what_was_imported_is_not_looked_through() -> None:
    """In a process of its own: it is for good."""
    script = """
import gc, weakref
from hostwright.runtime import app, collector
collector.calm()
before = gc.get_freeze_count()
assert before > 50_000, before
class Ring: ...
def ring():
    made = Ring()
    made.me = made
    return weakref.ref(made)
first = ring()
kept = [[] for _ in range(collector.YOUNG + 1)]
assert first() is None
assert gc.get_freeze_count() == before
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
