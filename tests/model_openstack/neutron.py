"""Neutron: ports with MACs that are taken once, and floating IPs with revisions."""

import itertools
from collections.abc import Mapping

from tests.model_openstack.base import State
from tests.model_openstack.rows import (
    GROUPS,
    NETWORKS,
    OUTSIDE,
    PROJECT,
    Body,
    FloatingIP,
    Port,
    neutron,
    new_id,
    stamp,
)

Query = Mapping[str, list[str]]


class Neutron:
    def __init__(self, state: State) -> None:
        self.state = state
        self._addresses, self._macs, self._floating = itertools.count(10), itertools.count(1), itertools.count(10)

    def answer(self, method: str, path: list[str], query: Query, body: Body, revision: int | None) -> tuple[int, Body]:
        match method, path:
            case "GET", ["networks"]:
                rows = [{"id": item, "name": name, "project_id": PROJECT} for item, name in NETWORKS.items()]
                return 200, {"networks": [{**row, "router:external": row["id"] == OUTSIDE} for row in rows]}
            case "GET", ["subnets"]:
                rows = [{"id": f"s{item[1:]}", "name": name, "network_id": item} for item, name in NETWORKS.items()]
                return 200, {"subnets": rows}
            case "GET", ["security-groups"]:
                rows = [{"id": item, "name": name, "project_id": PROJECT} for item, name in GROUPS.items()]
                return 200, {"security_groups": rows}
            case "GET", ["ports"]:
                return 200, self._listed("ports", list(self.state.ports.values()), query)
            case "GET", ["ports", item]:
                return 200, {"port": self.port(self._port(item))}
            case "POST", ["ports"]:
                return 201, {"port": self.port(self.create_port(body["port"]))}
            case "PUT", ["ports", item]:
                return 200, {"port": self.port(self._update_port(self._port(item), body["port"]))}
            case "DELETE", ["ports", item]:
                self.delete_port(self._port(item))
                return 204, {}
        return self._floating_ips(method, path, query, body, revision)

    def _floating_ips(
        self, method: str, path: list[str], query: Query, body: Body, revision: int | None
    ) -> tuple[int, Body]:
        match method, path:
            case "GET", ["floatingips"]:
                return 200, self._listed("floatingips", list(self.state.floating_ips.values()), query)
            case "GET", ["floatingips", item]:
                return 200, {"floatingip": self.floating_ip(self._found(item))}
            case "POST", ["floatingips"]:
                return 201, {"floatingip": self.floating_ip(self.create_floating_ip(body["floatingip"]))}
            case "PUT", ["floatingips", item]:
                found = self._found(item)
                if revision is not None and revision != found.revision:
                    raise neutron(412, "RevisionNumberConstraintFailed", f"Constrained to {revision}.")
                return 200, {"floatingip": self.floating_ip(self._update_floating_ip(found, body["floatingip"]))}
            case "DELETE", ["floatingips", item]:
                del self.state.floating_ips[self._found(item).id]
                self.state.touched()
                return 204, {}
        raise neutron(404, "HTTPNotFound", "The resource could not be found.")

    # -- ports

    def create_port(self, wanted: Body) -> Port:
        network, mac = wanted["network_id"], wanted.get("mac_address", "")
        if network not in NETWORKS:
            raise neutron(404, "NetworkNotFound", f"Network {network} could not be found.")
        if mac and not self.state.settings.chosen_macs:
            text = "(rule:create_port and rule:create_port:mac_address) is disallowed by policy"
            raise neutron(403, "PolicyNotAuthorized", text)
        if mac and any(port.mac == mac and port.network == network for port in self.state.ports.values()):
            text = f"Unable to complete operation for network {network}. The mac address {mac} is in use."
            raise neutron(409, "MacAddressInUse", text)
        addresses = [row["ip_address"] for row in wanted.get("fixed_ips") or () if "ip_address" in row]
        self._are_free(addresses)
        made = Port(
            id=new_id("port", self.state.next_number()),
            name=wanted.get("name", ""),
            description=wanted.get("description", ""),
            network=network,
            mac=mac or f"fa:16:3e:00:00:{next(self._macs):02x}",
            addresses=addresses or [f"10.0.{number // 250}.{number % 250}" for number in [next(self._addresses)]],
            groups=list(wanted.get("security_groups") or ["g-default"]),
            created=self.state.now(),
            device=wanted.get("device_id", ""),
        )
        self.state.ports[made.id] = made
        self.state.touched()
        return made

    def _are_free(self, addresses: list[str], besides: Port | None = None) -> None:
        taken = {address for port in self.state.ports.values() if port is not besides for address in port.addresses}
        for address in addresses:
            if address in taken:
                raise neutron(409, "IpAddressAlreadyAllocated", f"IP address {address} already allocated in subnet")

    def _update_port(self, port: Port, wanted: Body) -> Port:
        if "fixed_ips" in wanted:
            addresses = [row["ip_address"] for row in wanted["fixed_ips"] if "ip_address" in row]
            self._are_free(addresses, port)
            port.addresses = addresses or port.addresses
        port.description = wanted.get("description", port.description)
        port.groups = list(wanted.get("security_groups", port.groups))
        self.state.touched()
        return port

    def delete_port(self, port: Port) -> None:
        del self.state.ports[port.id]
        for row in self.state.floating_ips.values():
            if row.port == port.id:
                row.port, row.revision = None, row.revision + 1
        self.state.touched()

    def port(self, row: Port) -> Body:
        return {
            "id": row.id,
            "name": row.name,
            "description": row.description,
            "device_id": row.device,
            "device_owner": "compute:az1" if row.device else "",
            "network_id": row.network,
            "project_id": PROJECT,
            "mac_address": row.mac,
            "fixed_ips": [{"ip_address": item, "subnet_id": f"s{row.network[1:]}"} for item in row.addresses],
            "status": "ACTIVE" if row.device else "DOWN",
            "security_groups": list(row.groups),
            "created_at": stamp(row.created),
        }

    # -- floating IPs

    def create_floating_ip(self, wanted: Body) -> FloatingIP:
        port = wanted.get("port_id")
        self._may_have_one(port)
        number = self.state.next_number()
        made = FloatingIP(
            new_id("floatingip", number),
            f"192.0.2.{next(self._floating)}",
            wanted["floating_network_id"],
            wanted.get("description", ""),
            self.state.now(),
            port,
        )
        self.state.floating_ips[made.id] = made
        self.state.touched()
        return made

    def _may_have_one(self, port: str | None) -> None:
        if port is None:
            return
        self._port(port)
        if any(row.port == port for row in self.state.floating_ips.values()):
            text = f"Cannot associate floating IP with port {port}: it already has one."
            raise neutron(409, "FloatingIPPortAlreadyAssociated", text)

    def _update_floating_ip(self, row: FloatingIP, wanted: Body) -> FloatingIP:
        if "port_id" in wanted and wanted["port_id"] != row.port:
            self._may_have_one(wanted["port_id"])
            row.port = wanted["port_id"]
        row.description = wanted.get("description", row.description)
        row.revision += 1
        self.state.touched()
        return row

    def floating_ip(self, row: FloatingIP) -> Body:
        return {
            "id": row.id,
            "description": row.description,
            "floating_ip_address": row.address,
            "floating_network_id": row.network,
            "port_id": row.port,
            "created_at": stamp(row.created),
            "revision_number": row.revision,
        }

    # -- inside

    def _port(self, item: str) -> Port:
        if item not in self.state.ports:
            raise neutron(404, "PortNotFound", f"Port {item} could not be found.")
        return self.state.ports[item]

    def _found(self, item: str) -> FloatingIP:
        if item not in self.state.floating_ips:
            raise neutron(404, "FloatingIPNotFound", f"Floating IP {item} could not be found")
        return self.state.floating_ips[item]

    def _listed(self, what: str, rows: list[Port] | list[FloatingIP], query: Query) -> Body:
        """Whether a full page is the last one, Neutron does not know. Several descriptions: any of them."""
        found = [row for row in self.state.listed(rows) if _fits(row, query)]
        try:
            page = self.state.page(found, query)
        except KeyError as error:  # the marker was deleted meanwhile
            raise neutron(404, "PortNotFound", f"Port {error.args[0]} could not be found.") from error
        size = min(int(query.get("limit", ["1000000"])[0]), self.state.settings.page_size)
        show = self.port if what == "ports" else self.floating_ip
        return {
            what: [show(row) for row in page],
            f"{what}_links": [{"rel": "next", "href": ""}] if len(page) == size else [],
        }


def _fits(row: Port | FloatingIP, query: Query) -> bool:
    if "description" in query and row.description not in query["description"]:
        return False
    if "device_id" in query and isinstance(row, Port) and row.device not in query["device_id"]:
        return False
    addresses = query.get("floating_ip_address")
    return addresses is None or (isinstance(row, FloatingIP) and row.address in addresses)
