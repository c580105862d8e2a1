"""Certificates of one sandbox: its own authority, a server, an administrator, and the key of service accounts."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hostwright.sandbox.record import write_file

SERVICE_RANGE = "10.0.0.0/24"
SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
SERVER_ADDRESSES = ("127.0.0.1", "10.0.0.1")
LIFETIME = dt.timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Pair:
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Certificates:
    authority: Path
    server: Pair
    admin: Pair
    controller_manager: Pair
    service_accounts: Path


def _name(user: str, group: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
    if group:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    return x509.Name(parts)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    write_file(path, pem.decode())


@dataclass(frozen=True, slots=True)
class _Authority:
    folder: Path
    name: x509.Name
    key: ec.EllipticCurvePrivateKey

    def certify(
        self, file: str, key: ec.EllipticCurvePrivateKey, subject: x509.Name, extensions: list[x509.ExtensionType]
    ) -> Path:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))  # a clock set back a little does no harm
            .not_valid_after(now + LIFETIME)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        path = self.folder / f"{file}.crt"
        write_file(path, builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode())
        return path

    def pair(self, file: str, subject: x509.Name, *more: x509.ExtensionType) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        extensions: list[x509.ExtensionType] = [x509.BasicConstraints(ca=False, path_length=None), usage, *more]
        certificate = self.certify(file, key, subject, extensions)
        _write_key(self.folder / f"{file}.key", key)
        return Pair(certificate, self.folder / f"{file}.key")


def _authority(folder: Path) -> _Authority:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    authority = _Authority(folder, _name("hostwright-sandbox"), ec.generate_private_key(ec.SECP256R1()))
    authority.certify(
        "ca",
        authority.key,
        authority.name,
        [
            x509.BasicConstraints(ca=True, path_length=0),
            x509.SubjectKeyIdentifier.from_public_key(authority.key.public_key()),
        ],
    )
    return authority


@dataclass(frozen=True, slots=True)
class Loopback:
    authority: Path
    server: Pair


def loopback(folder: Path) -> Loopback:
    """An authority of its own, and a server on 127.0.0.1; made once."""
    made = Loopback(folder / "ca.crt", Pair(folder / "server.crt", folder / "server.key"))
    if made.server.key.exists():  # written last
        return made
    authority = _authority(folder)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    authority.pair("server", _name("hostwright-sandbox-site"), x509.SubjectAlternativeName(names))
    return made


def make(folder: Path) -> Certificates:
    """Makes them where they are not there yet; data kept from an earlier run needs the same ones again."""
    server, admin, manager = (
        Pair(folder / f"{file}.crt", folder / f"{file}.key") for file in ("server", "admin", "controller-manager")
    )
    certificates = Certificates(folder / "ca.crt", server, admin, manager, folder / "service-accounts.key")
    if certificates.service_accounts.exists():  # written last
        return certificates
    authority = _authority(folder)
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in SERVER_NAMES]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in SERVER_ADDRESSES]
    # One server certificate for etcd and kube-apiserver, which also shows it to etcd as a client.
    authority.pair("server", _name("kube-apiserver"), x509.SubjectAlternativeName(names))
    authority.pair("admin", _name("hostwright-sandbox-admin", "system:masters"))
    authority.pair("controller-manager", _name("system:kube-controller-manager"))
    _write_key(certificates.service_accounts, ec.generate_private_key(ec.SECP256R1()))
    return certificates
