"""Log in to a lab: the file with its two clouds, and connections by it."""

from pathlib import Path

import openstack
import yaml
from openstack.config import OpenStackConfig

from hostwright.sandbox.openstack.addresses import REGION, Ports, url
from hostwright.sandbox.openstack.config import PASSWORD

ADMIN, USER = "lab-admin", "lab"
LOGINS = {ADMIN: ("admin", "admin"), USER: ("demo", "demo")}  # cloud → user, project


def write(file: Path, ports: Ports) -> None:
    clouds = {
        cloud: {
            "region_name": REGION,
            "identity_api_version": "3",
            "auth": {
                "auth_url": url(ports, "keystone"),
                "username": user,
                "password": PASSWORD,
                "project_name": project,
                "user_domain_id": "default",
                "project_domain_id": "default",
            },
        }
        for cloud, (user, project) in LOGINS.items()
    }
    file.write_text(yaml.safe_dump({"clouds": clouds}, sort_keys=False))


def connect(file: Path, cloud: str) -> openstack.connection.Connection:
    """Connect by that file alone: openstacksdk mixes in OS_* and a file's only cloud where it is let."""
    config = OpenStackConfig(config_files=[str(file)], secure_files=[], vendor_files=[], load_envvars=False)
    return openstack.connection.Connection(config=config.get_one(cloud=cloud))
