"""Login and HTTP by openstacksdk's session adapters, in the Provider's own threads; the only I/O of this folder.

Nova microversion 2.90 (Yoga and newer): tags in the creating request (2.52), embedded flavors (2.47), hostname (2.90).
Library retries are off: a repeated creating request makes a second server.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import yaml
from keystoneauth1 import exceptions as ksa
from keystoneauth1.adapter import Adapter
from openstack.config import OpenStackConfig
from openstack.exceptions import ConfigException

from hostwright.core.errors import CredentialsMissing
from hostwright.providers.openstack.rows import (
    Catalog,
    Flavor,
    Image,
    Login,
    LoginRefused,
    Network,
    NotSent,
    Port,
    Refused,
    Reply,
    Request,
    SecurityGroup,
    Server,
    Servers,
    Subnet,
    Unanswered,
)
from hostwright.providers.openstack.section import ProviderSection

MICROVERSION = "2.90"
PAGE = 500
#: Seconds for one read; a write has its call's own deadline.
READ_TIMEOUT = 30.0
T = TypeVar("T")


class Client(Protocol):
    """What the rest of the folder needs; the backend's model can be put here as well."""

    async def login(self) -> Login: ...
    async def catalog(self) -> Catalog: ...
    async def servers(self, since: str | None) -> tuple[list[Server], str, bool]:
        """(rows, the server's Date of the first page, whether the last page was full or followed by none)."""
        ...

    async def servers_tagged(self, mark: str) -> list[Server]: ...
    async def server(self, server_id: str) -> Server: ...
    async def ports(self, description: str | None = None) -> list[Port]: ...
    async def port(self, port_id: str) -> Port: ...
    async def send(self, request: Request, seconds: float) -> Reply: ...
    async def close(self) -> None: ...


class SdkClient:
    """One login."""

    def __init__(self, spec: ProviderSection, secret: Mapping[str, bytes], executor: Executor) -> None:
        self._executor = executor
        self._files: list[str] = []
        try:
            self._region = self._config(spec, secret)
        except (ConfigException, ksa.ClientException) as error:
            self._unlink()
            raise CredentialsMissing(f"clouds.yaml, cloud {spec.cloud_name!r}: {str(error).rstrip('.')}.") from error
        self._adapters: dict[str, Any] = {}

    def _config(self, spec: ProviderSection, secret: Mapping[str, bytes]) -> Any:
        clouds = _clouds(secret)
        if spec.cloud_name not in clouds:
            known = ", ".join(sorted(clouds)) or "none"
            raise CredentialsMissing(f"clouds.yaml in the Secret has no cloud {spec.cloud_name!r} (it has: {known}).")
        cloud = _whole(spec.cloud_name, clouds[spec.cloud_name])
        cloud.setdefault("api_timeout", READ_TIMEOUT)  # of the login, which has none of its own
        if "cacert" in secret:
            handle, path = tempfile.mkstemp(prefix="hostwright-ca-")
            with os.fdopen(handle, "wb") as file:
                file.write(secret["cacert"])
            self._files.append(path)
            cloud["cacert"] = path
        loader = OpenStackConfig(load_yaml_config=False, load_envvars=False)
        loader.cloud_config = {"clouds": {spec.cloud_name: cloud}}
        wanted = {"region_name": spec.region} if spec.region else {}
        return loader.get_one(cloud=spec.cloud_name, interface=str(spec.interface), **wanted)

    async def login(self) -> Login:
        def work() -> Login:
            session = self._region.get_session()
            for service in ("compute", "network", "image"):  # here, before several threads want them at once
                self._adapter(service)
            project = session.get_project_id() or ""
            return Login(project, self._region.region_name or "", f"compute {MICROVERSION}")

        login = await self._run(work)
        await self._get("compute", "/servers?limit=1")
        return login

    async def catalog(self) -> Catalog:
        paths = {
            "flavors": ("compute", "/flavors/detail?limit=1000"),
            "networks": ("network", "/v2.0/networks?fields=id&fields=name&fields=project_id"),
            "subnets": ("network", "/v2.0/subnets?fields=id&fields=name&fields=network_id"),
            "security_groups": ("network", "/v2.0/security-groups?fields=id&fields=name"),
            "keypairs": ("compute", "/os-keypairs?limit=1000"),
            "availabilityZoneInfo": ("compute", "/os-availability-zone"),
        }
        replies = await asyncio.gather(*(self._get(*path) for path in paths.values()))
        raw = {name: msgspec.json.decode(reply.body)[name] for name, reply in zip(paths, replies, strict=True)}
        return Catalog(
            flavors=tuple(msgspec.convert(raw["flavors"], list[Flavor])),
            images=tuple(await self._images()),
            networks=tuple(msgspec.convert(raw["networks"], list[Network])),
            subnets=tuple(msgspec.convert(raw["subnets"], list[Subnet])),
            security_groups=tuple(msgspec.convert(raw["security_groups"], list[SecurityGroup])),
            key_pairs=frozenset(row["keypair"]["name"] for row in raw["keypairs"]),
            zones=frozenset(row["zoneName"] for row in raw["availabilityZoneInfo"]),
        )

    async def _images(self) -> list[Image]:
        images: list[Image] = []
        path = f"/v2/images?limit={PAGE}"
        while path:
            reply = await self._get("image", path)
            page = msgspec.json.decode(reply.body)
            images.extend(msgspec.convert(page["images"], list[Image]))
            path = page.get("next") or ""
        return images

    async def servers(self, since: str | None) -> tuple[list[Server], str, bool]:
        rows: list[Server] = []
        date, marker = "", ""
        while True:
            query = (
                f"?limit={PAGE}"
                + (f"&changes-since={since}" if since else "")
                + (f"&marker={marker}" if marker else "")
            )
            reply, stamp = await self._dated("compute", f"/servers/detail{query}")
            date = date or stamp
            page = msgspec.json.decode(reply.body, type=Servers).servers
            rows.extend(page)
            if len(page) < PAGE:
                return rows, date, True
            marker = page[-1].id

    async def servers_tagged(self, mark: str) -> list[Server]:
        reply = await self._get("compute", f"/servers/detail?tags={mark}")
        return list(msgspec.json.decode(reply.body, type=Servers).servers)

    async def server(self, server_id: str) -> Server:
        reply = await self._get("compute", f"/servers/{server_id}")
        return msgspec.convert(msgspec.json.decode(reply.body)["server"], Server)

    async def ports(self, description: str | None = None) -> list[Port]:
        query = f"?description={description}" if description else ""
        reply = await self._get("network", f"/v2.0/ports{query}")
        return list(_rows(reply, "ports", Port))

    async def port(self, port_id: str) -> Port:
        reply = await self._get("network", f"/v2.0/ports/{port_id}")
        return msgspec.convert(msgspec.json.decode(reply.body)["port"], Port)

    async def send(self, request: Request, seconds: float) -> Reply:
        return (await self._request(request.service, request.method, request.path, request.body, seconds))[0]

    async def close(self) -> None:
        def work() -> None:
            if self._adapters:
                self._region.get_session().session.close()
            self._unlink()

        await self._run(work)

    def _unlink(self) -> None:
        for path in self._files:
            Path(path).unlink(missing_ok=True)

    async def _get(self, service: str, path: str) -> Reply:
        return (await self._request(service, "GET", path, None, READ_TIMEOUT))[0]

    async def _dated(self, service: str, path: str) -> tuple[Reply, str]:
        return await self._request(service, "GET", path, None, READ_TIMEOUT)

    async def _request(self, service: str, method: str, path: str, body: Any, seconds: float) -> tuple[Reply, str]:
        def work() -> tuple[Reply, str]:
            options: dict[str, Any] = {"microversion": MICROVERSION} if service == "compute" else {}
            if body is not None:
                options["json"] = body
            response = self._adapter(service).request(
                path, method, raise_exc=False, timeout=seconds, connect_retries=0, status_code_retries=0, **options
            )
            headers = response.headers
            reply = Reply(response.status_code, response.content, headers.get("x-openstack-request-id", ""))
            if response.status_code >= 400:  # noqa: PLR2004
                raise Refused(service, reply, _retry_after(headers.get("Retry-After")))
            return reply, headers.get("Date", "")

        return await self._run(work)

    def _adapter(self, service: str) -> Any:
        adapter = self._adapters.get(service)
        if adapter is None:
            adapter = self._adapters[service] = Adapter(
                self._region.get_session(),
                service_type=self._region.get_service_type(service),
                interface=self._region.get_interface(service),
                region_name=self._region.get_region_name(service),
                endpoint_override=self._region.get_endpoint(service),
            )
            if service in {"network", "image"}:  # their endpoints may or may not end in the version; paths here name it
                endpoint = (adapter.get_endpoint() or "").rstrip("/")
                for version in ("/v2.0", "/v2"):
                    endpoint = endpoint.removesuffix(version)
                adapter.endpoint_override = endpoint
        return adapter

    async def _run(self, work: Callable[[], T]) -> T:
        """In a thread of the Provider's; the libraries' exceptions in our rows' words."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except (ksa.Unauthorized, ksa.MissingRequiredOptions, ksa.NoMatchingPlugin, ksa.AuthorizationFailure) as error:
            raise LoginRefused(str(error)) from error
        except (ksa.ConnectFailure, ksa.SSLError, ksa.RetriableConnectionFailure, ksa.DiscoveryFailure) as error:
            raise (NotSent if _never_sent(error) else Unanswered)(_plain(error)) from error
        except (ksa.EndpointNotFound, ksa.HttpError) as error:
            status = getattr(error, "http_status", 0)
            # a deleted credential (tried): "Could not find Application Credential: <id>."; another 404 may be a proxy's
            if status in {401, 403} or (status == 404 and "Application Credential" in str(error)):  # noqa: PLR2004
                raise LoginRefused(str(error)) from error
            raise Unanswered(_plain(error)) from error
        except ksa.ClientException as error:
            raise Unanswered(_plain(error)) from error


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


def _whole(name: str, cloud: Any) -> dict[str, Any]:
    """Said here in plain words: the libraries find it out late, and in an exception of no class (tried)."""
    auth = cloud.get("auth") if isinstance(cloud, dict) else None
    if not isinstance(cloud, dict) or not isinstance(auth, dict) or not auth.get("auth_url"):
        raise CredentialsMissing(f"clouds.yaml, cloud {name!r}: `auth` with `auth_url` is missing.")
    if cloud.get("auth_type", "password") in {"password", "v3password"} and "password" not in auth:
        raise CredentialsMissing(f"clouds.yaml, cloud {name!r}: `auth` has no `password`.")
    return dict(cloud)


def _never_sent(error: BaseException) -> bool:
    """A refused connection or an unknown name; a cut or late answer is the same class in keystoneauth (tried)."""
    seen: BaseException | None = error
    text = ""
    while seen is not None:
        text += f" {type(seen).__name__} {seen}"
        seen = seen.__cause__ or seen.__context__
    return any(word in text for word in ("NewConnectionError", "Connection refused", "NameResolutionError"))


def _plain(error: BaseException) -> str:
    return type(error).__name__ + ": " + str(error).split("(Caused by")[0][:200]


def _retry_after(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None


def _rows(reply: Reply, name: str, kind: type[T]) -> tuple[T, ...]:
    return tuple(msgspec.convert(row, kind) for row in msgspec.json.decode(reply.body)[name])
