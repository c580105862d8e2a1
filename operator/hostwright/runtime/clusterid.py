"""Which cluster this is: the flag, else the ConfigMap, else the uid of kube-system (PROTOCOLS section 1)."""

from hostwright.core.names import CLUSTER_ID_CONFIGMAP
from hostwright.engine.ports import ObjectGoneError, StaleBodyError
from hostwright.runtime.cluster import KubernetesCluster


class ClonedClusterError(Exception):
    """The ConfigMap was written in another cluster: two clusters would drive one fleet."""


async def cluster_id(cluster: KubernetesCluster, namespace: str, flag: str | None) -> str:
    """The cluster's id, kept in a ConfigMap in the operator's namespace. Raises ClonedClusterError."""
    uid = str((await cluster.raw("GET", "/api/v1/namespaces/kube-system"))["metadata"]["uid"])
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    try:
        data = (await cluster.raw("GET", f"{path}/{CLUSTER_ID_CONFIGMAP}")).get("data") or {}
    except ObjectGoneError:
        chosen = flag or uid
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": CLUSTER_ID_CONFIGMAP},
            "data": {"clusterID": chosen, "kubeSystemUID": uid},
        }
        try:
            await cluster.raw("POST", path, body)
        except StaleBodyError:  # another replica was first
            return await cluster_id(cluster, namespace, flag)
        return chosen
    if flag is not None:
        return flag
    if data.get("kubeSystemUID") != uid:
        raise ClonedClusterError(
            f"ConfigMap {namespace}/{CLUSTER_ID_CONFIGMAP} was written in another cluster (kube-system uid "
            f"{data.get('kubeSystemUID')}, here {uid}). If that cluster is gone, start with "
            f"--cluster-id {data.get('clusterID')} to take its machines over; else with a new id to leave them alone."
        )
    return str(data["clusterID"])
