"""The sites a sandbox can bring along; each has the same catalog, so that one manifest runs on all of them."""

from hostwright.sandbox.sites.openstack import OpenStack
from hostwright.sandbox.sites.redfish import Redfish
from hostwright.sandbox.sites.simulated import Simulated
from hostwright.sandbox.sites.site import Site
from hostwright.sandbox.sites.vsphere import VSphere

SITES: dict[str, Site] = {site.name: site for site in (Simulated(), OpenStack(), VSphere(), Redfish())}
