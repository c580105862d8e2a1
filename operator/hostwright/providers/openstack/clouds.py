"""The chosen cloud of the Secret's clouds.yaml; what is missing is told in plain words.

The libraries find it out late, and in an exception of no class (tried).
"""

from collections.abc import Mapping
from typing import Any

import yaml

from hostwright.core.errors import CredentialsMissing


def chosen(name: str, secret: Mapping[str, bytes]) -> dict[str, Any]:
    clouds = _clouds(secret)
    if name not in clouds:
        known = ", ".join(sorted(clouds)) or "none"
        raise CredentialsMissing(f"clouds.yaml in the Secret has no cloud {name!r} (it has: {known}).")
    cloud = clouds[name]
    auth = cloud.get("auth") if isinstance(cloud, dict) else None
    if not isinstance(cloud, dict) or not isinstance(auth, dict) or not auth.get("auth_url"):
        raise CredentialsMissing(f"clouds.yaml, cloud {name!r}: `auth` with `auth_url` is missing.")
    if cloud.get("auth_type", "password") in {"password", "v3password"} and "password" not in auth:
        raise CredentialsMissing(f"clouds.yaml, cloud {name!r}: `auth` has no `password`.")
    return dict(cloud)


def _clouds(secret: Mapping[str, bytes]) -> Mapping[str, Any]:
    if "clouds.yaml" not in secret:
        raise CredentialsMissing("the Secret has no key clouds.yaml.")
    try:
        parsed = yaml.safe_load(secret["clouds.yaml"])
        clouds = parsed["clouds"]
    except (yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError):
        raise CredentialsMissing("clouds.yaml in the Secret is not YAML with a `clouds:` map.") from None
    if not isinstance(clouds, dict):
        raise CredentialsMissing("clouds.yaml in the Secret has no `clouds:` map.")
    return clouds
