"""Hostwright: Kubernetes resources in, running machines out."""

#: Here, so that it is known where nothing is installed, as in the image.
__version__ = "0.1.0"
