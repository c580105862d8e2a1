"""A local control plane and local sites, for the demo and the tests."""
