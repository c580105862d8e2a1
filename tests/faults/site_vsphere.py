"""A vCenter behind the proxy; who asks it for the truth uses its control port."""

import json
import re
import ssl
from typing import Any

from tests.e2e.manifests import secret
from tests.e2e_vsphere import vcenter
from tests.faults.calls import Asked
from tests.faults.proxy import Side
from tests.faults.site import Machine
from tests.faults.way import Ways

from hostwright.sandbox import certificates
from hostwright.sandbox.vsphere.control import Control

REFERENCE = re.compile(rb">(vm-\d+)<")
MADE_FOR = re.compile(r"/default-(fault-\d+-\d+)-[0-9a-f]{5}$")


class VSphere:
    provider = "vc-lab"

    def __init__(self, ways: Ways) -> None:
        facts = ways.world.box.sites["vsphere"]
        self._behind = Control(facts["control"])
        self._behind.times(clone=0.2, boot=0.2, shutdown=0.2)
        served = certificates.loopback(ways.world.box.directory / "way")
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(served.server.certificate, served.server.key)
        upstream = ssl.create_default_context(cafile=facts["ca"])
        port = ways.proxy.open(Side("vcenter", f"https://{facts['server']}", upstream), tls)
        ways.stage.guess["vcenter"] = self._whose
        login = {key: facts[key] for key in ("username", "password")}
        ways.world.apply(secret("vc-lab", **login, **{"ca.crt": served.authority.read_text()}))
        change = {"vsphere": {"server": f"127.0.0.1:{port}"}}
        ways.world.kubectl("patch", "hpr", "vc-lab", "--type=merge", "-p", json.dumps({"spec": change}))

    def machines(self, name: str) -> list[Machine]:
        rows = vcenter.machines(self._behind, name)
        return [Machine(row["id"], row["power"] == "poweredOn", row["attributes"]) for row in rows]

    def left(self, name: str) -> list[str]:
        return []

    def foreign(self) -> Any:
        """The templates."""
        return {path: row for path, row in self._behind.machines().items() if not MADE_FOR.search(path)}

    def _whose(self, asked: Asked) -> str:
        """By its reference, which the vCenter chose."""
        found = REFERENCE.search(asked.body)
        if found is None:
            return ""
        reference = found.group(1).decode()
        paths = (path for path, row in self._behind.machines().items() if row["id"] == reference)
        made = MADE_FOR.search(next(paths, ""))
        return made.group(1) if made else ""
