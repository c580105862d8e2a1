"""The configuration files of the services, written anew at each start, since they hold the ports.

Each odd value has its reason beside it; the README tells the story.
"""

from collections.abc import Mapping
from configparser import RawConfigParser
from pathlib import Path

from hostwright.sandbox.openstack.addresses import HOST, REGION, Ports, url
from hostwright.sandbox.openstack.places import Room

USER, PASSWORD = "svc", "only-in-the-lab-5e1d0c"  # a word that stands nowhere else, so that a leak of it is found
DATABASE_USER, DATABASE_PASSWORD = "lab", "secret"
VOLUME_TYPE = "standard"

Section = Mapping[str, object]
Sections = Mapping[str, Section]


def database(ports: Ports, name: str) -> Section:
    return {
        "connection": f"mysql+pymysql://{DATABASE_USER}:{DATABASE_PASSWORD}@{HOST}:{ports['mariadb']}/{name}?charset=utf8",
        "max_pool_size": 20,
        "max_overflow": 40,
        "connection_recycle_time": 600,
    }


def default(room: Room) -> Section:
    return {
        "use_stderr": True,  # one log for each process: what it prints
        "transport_url": "fake:///",  # messages stay inside the process: no broker
        "state_path": room.state,
        "auth_strategy": "keystone",
    }


def login(ports: Ports) -> Section:
    return {
        "auth_type": "password",
        "auth_url": url(ports, "keystone"),
        "username": USER,
        "password": PASSWORD,
        "project_name": "service",
        "user_domain_id": "default",
        "project_domain_id": "default",
        "region_name": REGION,
    }


def client(ports: Ports) -> Section:
    return {**login(ports), "valid_interfaces": "public"}


def shared(room: Room, ports: Ports) -> dict[str, Section]:
    return {
        "keystone_authtoken": {
            **login(ports),
            "www_authenticate_uri": url(ports, "keystone"),
            "memcached_servers": f"{HOST}:{ports['memcached']}",  # else each request asks Keystone about its token
            "service_token_roles_required": False,
            "interface": "public",  # it would ask the catalog for an internal one, and there is none
        },
        "oslo_concurrency": {"lock_path": room.directory / "locks"},
        "oslo_messaging_notifications": {"driver": "noop"},
    }


def keystone(room: Room, ports: Ports) -> Sections:
    return {
        "DEFAULT": default(room),
        "database": database(ports, "keystone"),
        "token": {"provider": "fernet", "expiration": 86400},
        "fernet_tokens": {"key_repository": room.keys / "fernet"},
        "fernet_receipts": {"key_repository": room.keys / "fernet"},  # by default below /etc, which is not ours
        "credential": {"key_repository": room.keys / "credential"},
        "identity": {"password_hash_rounds": 4},  # the least bcrypt does; logins are frequent and worth nothing here
        "cache": {"enabled": True, "backend": "oslo_cache.dict"},
        "oslo_messaging_notifications": {"driver": "noop"},
    }


def placement(room: Room, ports: Ports) -> Sections:
    return {
        "DEFAULT": {"use_stderr": True},
        "api": {"auth_strategy": "keystone"},
        "placement_database": database(ports, "placement"),
        **shared(room, ports),
    }


def glance(room: Room, ports: Ports, venv: Path) -> Sections:
    return {
        "DEFAULT": {**default(room), "enabled_backends": "fs:file", "enabled_import_methods": "[]"},
        "glance_store": {"default_backend": "fs"},
        "fs": {"filesystem_store_datadir": room.images},
        "os_glance_staging_store": {"filesystem_store_datadir": room.state / "staging"},
        "os_glance_tasks_store": {"filesystem_store_datadir": room.state / "tasks"},
        "database": database(ports, "glance"),
        "paste_deploy": {"flavor": "keystone", "config_file": venv / "etc/glance/glance-api-paste.ini"},
        **shared(room, ports),
    }


def neutron(room: Room, ports: Ports, venv: Path) -> Sections:
    unlimited = ("network", "subnet", "port", "router", "floatingip", "security_group", "security_group_rule")
    return {
        "DEFAULT": {
            **default(room),
            "api_paste_config": venv / "etc/neutron/api-paste.ini",
            "core_plugin": "ml2",
            "service_plugins": "router",
            "notify_nova_on_port_status_changes": False,
            "notify_nova_on_port_data_changes": False,
            "rpc_workers": 0,  # no agents, so nobody to talk to
            "rpc_state_report_workers": 0,
            "dhcp_agent_notification": False,
        },
        "database": database(ports, "neutron"),
        "ml2": {
            "type_drivers": "flat,vlan,vxlan,local",
            "tenant_network_types": "vxlan",
            "mechanism_drivers": "bindall",  # ours: Neutron's own bind no port without a live agent
            "extension_drivers": "port_security",
        },
        "ml2_type_vxlan": {"vni_ranges": "1:4000"},
        "ml2_type_flat": {"flat_networks": "*"},
        "securitygroup": {"enable_security_group": True},
        "quotas": {f"quota_{name}": -1 for name in unlimited},  # the admin lowers it for a project, by the API
        **shared(room, ports),
    }


def nova(room: Room, ports: Ports, etc: Path) -> Sections:
    unlimited = ("instances", "cores", "ram", "key_pairs", "server_groups", "server_group_members")
    filters = (
        "ComputeFilter",
        "ComputeCapabilitiesFilter",
        "ImagePropertiesFilter",
        "ServerGroupAntiAffinityFilter",
        "ServerGroupAffinityFilter",
        "SameHostFilter",  # for the hints of these names; Nova's default has neither
        "DifferentHostFilter",
    )
    return {
        "DEFAULT": {
            **default(room),
            "host": "nova-lab",
            "compute_driver": "hypervisor.Hypervisor",  # ours
            "periodic_fuzzy_delay": 2,
            "service_down_time": 120,
            "sync_power_state_interval": -1,  # a guest that changed behind Nova's back stays a difference
            "heal_instance_info_cache_interval": -1,
            "vif_plugging_is_fatal": False,
            "vif_plugging_timeout": 0,  # Neutron sends no event: see notify_nova_on_port_status_changes
            "max_concurrent_builds": 0,
        },
        # Its own answers are not held against its own schemas: a quarter of what a list costs.
        "api": {"auth_strategy": "keystone", "max_limit": 1000, "response_validation": "ignore"},
        "wsgi": {"api_paste_config": etc / "api-paste.ini"},
        "api_database": database(ports, "nova_api"),
        "database": database(ports, "nova"),  # the one cell's: API, conductor and computes share it
        "quota": dict.fromkeys(unlimited, -1),
        "filter_scheduler": {
            "enabled_filters": ",".join(filters),
            "track_instance_changes": False,
        },
        "scheduler": {"discover_hosts_in_cells_interval": -1},
        "glance": {"endpoint_override": url(ports, "glance")},
        "vnc": {"enabled": False},
        "key_manager": {"backend": "nova.keymgr.conf_key_mgr.ConfKeyManager", "fixed_key": "0" * 64},
        "placement": client(ports),
        "neutron": client(ports),
        "cinder": client(ports),
        "service_user": {**client(ports), "send_service_user_token": True},
        **shared(room, ports),
    }


def cinder(room: Room, ports: Ports, venv: Path) -> Sections:
    return {
        "DEFAULT": {
            **default(room),
            "host": "cinder-lab",
            "api_paste_config": venv / "etc/cinder/api-paste.ini",
            "enabled_backends": "fake",
            "default_volume_type": VOLUME_TYPE,
            "glance_api_servers": url(ports, "glance"),
            "report_interval": 3,  # the scheduler knows no volume service before its first report
            **{f"quota_{name}": -1 for name in ("volumes", "gigabytes", "snapshots")},
        },
        "fake": {"volume_driver": "nullvolume.NullDriver", "volume_backend_name": "fake"},
        "coordination": {"backend_url": f"file://{room.state}"},
        "database": database(ports, "cinder"),
        "nova": client(ports),
        **shared(room, ports),
    }


def write(room: Room, ports: Ports, venv: Path) -> None:
    """Write every service's configuration into its own folder below ``etc``."""
    etc = room.etc
    files = {
        "keystone/keystone.conf": keystone(room, ports),
        "placement/placement.conf": placement(room, ports),
        "glance/glance-api.conf": glance(room, ports, venv),
        "neutron/neutron.conf": neutron(room, ports, venv),
        "nova/nova.conf": nova(room, ports, etc / "nova"),
        "cinder/cinder.conf": cinder(room, ports, venv),
    }
    for name, sections in files.items():
        file = etc / name
        file.parent.mkdir(parents=True, exist_ok=True)
        _write(file, sections)
    # Nova wants its paste file beside its configuration
    (etc / "nova/api-paste.ini").write_bytes((venv / "etc/nova/api-paste.ini").read_bytes())


def _write(file: Path, sections: Sections) -> None:
    parser = RawConfigParser(default_section="")  # [DEFAULT] is an ordinary section to oslo.config
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_dict({name: {key: str(value) for key, value in section.items()} for name, section in sections.items()})
    with file.open("w") as out:
        parser.write(out)
