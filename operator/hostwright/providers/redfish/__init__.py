"""Bare metal over Redfish: what a BMC says and does; no backend yet, since its kind is not there (no section.py)."""
