"""Python's collector of reference cycles, told how seldom to look through everything.

It begins whenever 700 more things were made than let go of, and a page of listed objects is a hundred thousand: half of
the CPU of a first list went into looking, again and again, through modules that stay as long as the process, and
through bodies that have no cycles.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: So many more things made than let go of, until the young ones are looked through; as Python has it: 700.
YOUNG = 50_000


def calm() -> None:
    """Once everything is imported: that is never looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])


@contextmanager
def still() -> Iterator[None]:
    """While only what stays is made."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
