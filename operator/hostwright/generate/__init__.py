"""What is written by `make generate` and compared by `make check`: CRDs, policies, roles, reference."""
