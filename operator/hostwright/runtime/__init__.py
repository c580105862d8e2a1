"""The process: kopf, the Kubernetes client, connections, lease, logs, metrics, HTTP."""
