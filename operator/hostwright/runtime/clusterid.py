"""Which cluster this is: the flag, else the ConfigMap, else the uid of kube-system (PROTOCOLS section 1)."""

from hostwright.core.names import CLUSTER_ID_CONFIGMAP
from hostwright.engine.ports import ClusterUnavailableError, ObjectGoneError, StaleBodyError, WriteRefusedError
from hostwright.runtime.cluster import KubernetesCluster
from hostwright.runtime.refusal import StartRefusedError


async def cluster_id(cluster: KubernetesCluster, namespace: str, flag: str | None) -> str:
    """The cluster's id, kept in a ConfigMap in the operator's namespace. Raises StartRefusedError.

    It is the first that is asked of the API server, so that a login that cannot work is noticed here.
    """
    try:
        return await _kept(cluster, namespace, flag)
    except ClusterUnavailableError as error:
        text = f"the API server does not answer ({error}). Does it run, and is it the one that --kubeconfig names?"
        raise StartRefusedError(text) from error
    except WriteRefusedError as error:
        text = f"this login may not do what the operator has to ({error}). Bind the roles of crds/access to it."
        raise StartRefusedError(text) from error
    except ObjectGoneError as error:
        text = f"there is no namespace {namespace}: create it, or name another one with --operator-namespace."
        raise StartRefusedError(text) from error


async def _kept(cluster: KubernetesCluster, namespace: str, flag: str | None) -> str:
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
            return await _kept(cluster, namespace, flag)
        return chosen
    if flag is not None:
        return flag
    if data.get("kubeSystemUID") != uid:
        raise StartRefusedError(  # two clusters would drive one fleet
            f"ConfigMap {namespace}/{CLUSTER_ID_CONFIGMAP} was written in another cluster (kube-system uid "
            f"{data.get('kubeSystemUID')}, here {uid}). If that cluster is gone, start with "
            f"--cluster-id {data.get('clusterID')} to take its machines over; else with a new id to leave them alone."
        )
    return str(data["clusterID"])
