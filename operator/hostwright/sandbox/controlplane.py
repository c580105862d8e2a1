"""etcd, kube-apiserver and kube-controller-manager on the loopback address, as children of the keeper."""

import json
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from hostwright.sandbox import audit, certificates, kubeconfig, ports
from hostwright.sandbox.binaries import Binaries
from hostwright.sandbox.certificates import SERVICE_RANGE, Certificates
from hostwright.sandbox.failure import Progress
from hostwright.sandbox.keeping import Keeping
from hostwright.sandbox.processes import Identity
from hostwright.sandbox.record import write_file
from hostwright.sandbox.waiting import answers, until

ISSUER = "https://kubernetes.default.svc.cluster.local"
CONTROLLERS = (
    "namespace",
    "serviceaccount",
    "serviceaccount-token",
    "garbagecollector",
    "horizontalpodautoscaling",
    "clusterrole-aggregation",
    "root-ca-certificate-publisher-controller",
    "validatingadmissionpolicy-status-controller",
)
PATIENCE = 90.0


@dataclass(frozen=True, slots=True)
class ControlPlane:
    kubeconfig: Path
    audit: Path
    processes: dict[Path, Identity]


def _environment() -> dict[str, str]:
    """The user's, without what would send a loopback call through a proxy or another cluster's file."""
    unwanted = {"KUBECONFIG", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}
    return {name: value for name, value in os.environ.items() if name.upper() not in unwanted and name[:5] != "ETCD_"}


def _etcd(directory: Path, tls: Certificates, client: int, peer: int, *, ephemeral: bool) -> list[str]:
    mine = f"https://127.0.0.1:{client}"
    peers = f"https://127.0.0.1:{peer}"
    arguments = [
        "--name=sandbox",
        f"--data-dir={directory / 'etcd'}",
        f"--listen-client-urls={mine}",
        f"--advertise-client-urls={mine}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=sandbox={peers}",
        "--auto-compaction-mode=revision",
        "--auto-compaction-retention=10000",
        "--quota-backend-bytes=8589934592",
        "--log-level=warn",
    ]
    # Whoever may speak to etcd may read every Secret: loopback is shared with the machine's other users.
    for side in ("", "peer-"):
        arguments += [
            f"--{side}cert-file={tls.server.certificate}",
            f"--{side}key-file={tls.server.key}",
            f"--{side}trusted-ca-file={tls.authority}",
            f"--{side}client-cert-auth",
        ]
    return [*arguments, "--unsafe-no-fsync"] if ephemeral else arguments


def _apiserver(directory: Path, tls: Certificates, port: int, etcd: int) -> list[str]:
    policy = directory / "audit-policy.json"
    write_file(policy, json.dumps(audit.POLICY))
    return [
        f"--etcd-servers=https://127.0.0.1:{etcd}",
        f"--etcd-cafile={tls.authority}",
        f"--etcd-certfile={tls.server.certificate}",
        f"--etcd-keyfile={tls.server.key}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",  # an Endpoints object may not hold a loopback address
        f"--secure-port={port}",
        f"--tls-cert-file={tls.server.certificate}",
        f"--tls-private-key-file={tls.server.key}",
        f"--client-ca-file={tls.authority}",
        f"--service-account-key-file={tls.service_accounts}",
        f"--service-account-signing-key-file={tls.service_accounts}",
        f"--service-account-issuer={ISSUER}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--authorization-mode=RBAC",
        "--allow-privileged",
        "--profiling=false",
        f"--audit-policy-file={policy}",
        f"--audit-log-path={directory / 'audit.log'}",
        "--audit-log-maxsize=2000",  # megabytes: readers count on one file
    ]


def _manager(tls: Certificates, config: Path, port: int) -> list[str]:
    return [
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={tls.server.certificate}",
        f"--tls-private-key-file={tls.server.key}",
        "--leader-elect=false",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={tls.service_accounts}",
        f"--root-ca-file={tls.authority}",
        f"--controllers={','.join(CONTROLLERS)}",
    ]


def client_tls(tls: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(tls.authority))
    context.load_cert_chain(tls.admin.certificate, tls.admin.key)
    return context


def start(
    directory: Path, binaries: Binaries, keeping: Keeping, progress: Progress, *, ephemeral: bool
) -> ControlPlane:
    """Returns when all three answer and a Pod's default service account is there."""
    tls = certificates.make(directory / "pki")
    client, peer, port, manager_port = ports.free(4)
    cluster = kubeconfig.cluster(f"https://127.0.0.1:{port}", tls.authority)
    admin = kubeconfig.write(directory / "kubeconfig", cluster, kubeconfig.with_certificate(tls.admin))
    manager_file = directory / "pki" / "controller-manager.kubeconfig"
    manager = kubeconfig.write(manager_file, cluster, kubeconfig.with_certificate(tls.controller_manager))
    context = client_tls(tls)
    needs: dict[Path, Identity] = {}

    def run(name: str, program: Path, arguments: list[str], ready: dict[str, int]) -> None:
        argv = [str(program), *arguments]
        # What etcd has confirmed survives its being killed, and the other two keep nothing.
        needs[keeping.log(name)] = keeping.spawn(name, argv, _environment(), abrupt=True)
        for path, at in ready.items():
            until(name, answers(at, path, context), PATIENCE, progress, needs)

    run("etcd", binaries.etcd, _etcd(directory, tls, client, peer, ephemeral=ephemeral), {"/health": client})
    run("kube-apiserver", binaries.kube_apiserver, _apiserver(directory, tls, port, client), {"/readyz": port})
    accounts = "/api/v1/namespaces/default/serviceaccounts/default"
    run(
        "kube-controller-manager",
        binaries.kube_controller_manager,
        _manager(tls, manager, manager_port),
        {"/healthz": manager_port, accounts: port},
    )
    return ControlPlane(admin, directory / "audit.log", needs)
