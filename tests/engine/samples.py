"""A machine as a user writes it, and the catalog it needs."""

from hostwright.engine.ports import Key

VM = Key("VirtualMachine", "team-a", "web")
SPEC = {
    "providerRef": {"name": "sim"},
    "classRef": {"name": "small"},
    "imageRef": {"name": "tiny"},
    "network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}}]},
    "tags": {"team": "a"},
}
CATALOG = {
    Key("Namespace", "", "team-a"): {},
    Key("Provider", "", "sim"): {
        "type": "Simulated",
        "simulated": {"endpoint": "http://127.0.0.1:1"},
        "allowedNamespaces": {"from": "All"},
        "networks": [{"name": "app"}],
        "limits": {"pollInterval": "1s"},
    },
    Key("MachineClass", "", "small"): {"cpu": 1, "memory": "512Mi", "allowedNamespaces": {"from": "All"}},
    Key("MachineClass", "", "medium"): {"cpu": 2, "memory": "1Gi", "allowedNamespaces": {"from": "All"}},
    Key("MachineImage", "", "tiny"): {
        "allowedNamespaces": {"from": "All"},
        "sources": [{"name": "sim", "providerRef": {"name": "sim"}, "simulated": {"image": "tiny"}}],
    },
}
