"""BMCs of the sandbox: sushy-tools' Redfish emulator behind one HTTPS port for each, with faults on request."""
