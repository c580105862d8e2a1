# ruff: noqa: INP001 - run with the lab's interpreter, found on its PYTHONPATH
"""Less work for each request, with the same answer: a lab shares two processors with the tests that use it.

Figures are of a list of ten ports or servers, of what its service computes for it.
"""

import functools
import gc
import inspect
from types import SimpleNamespace
from typing import Any

from oslo_policy import _checks, policy

#: New objects between two looks for rubbish, where Python's own 700 are gone within one request.
SELDOM = 50_000


def make_cheap() -> None:
    """Once all of the service is imported and its rules are registered."""
    _read_rules_once()
    _know_checks()
    gc.collect()
    gc.freeze()  # the service itself is no rubbish: it need not be looked through again
    gc.set_threshold(SELDOM)


def _read_rules_once() -> None:
    """Each check of a right looks for changed policy files, and there are none (Neutron: 13 %)."""
    load = policy.Enforcer.load_rules

    def load_rules(self: Any, force_reload: bool = False) -> None:
        if force_reload or getattr(self, "_rules_known", None) != len(self.registered_rules):
            load(self, force_reload)
            self._rules_known = len(self.registered_rules)

    policy.Enforcer.load_rules = load_rules


def _know_checks() -> None:
    """Each evaluates which arguments its rule takes, which is the rule's class's matter (Neutron: 12 %)."""

    @functools.cache
    def of_class(kind: type) -> inspect.FullArgSpec:
        return inspect.getfullargspec(kind.__call__)

    def getfullargspec(call: Any) -> inspect.FullArgSpec:
        return of_class(type(call.__self__))

    _checks.inspect = SimpleNamespace(getfullargspec=getfullargspec)
