"""Hostwright: Kubernetes resources in, running machines out."""
