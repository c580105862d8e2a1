# ruff: noqa: INP001 - a script run by path with the lab's interpreter, not part of the package
"""Serve one OpenStack service by its own WSGI entry point.

usage: serve.py SERVICE MODULE:ATTRIBUTE PORT THREADS
"""

import importlib
import sys

from web import serve


def main() -> None:
    service, target, port, threads = sys.argv[1:]
    sys.argv = [service]  # the services parse the command line themselves; ours is none of theirs
    module, attribute = target.split(":")
    app = getattr(importlib.import_module(module), attribute)
    if service == "neutron":
        # Its first request would do this, and a second one at that moment finds no rules yet: an empty list, status 200
        # (tried: nine lists at once right after a start showed no network at all).
        importlib.import_module("neutron.policy").init()
    serve(service, app, int(port), int(threads))


main()
