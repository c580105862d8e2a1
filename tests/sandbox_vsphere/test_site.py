"""The vSphere site of a sandbox, as its keeper runs it."""

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyVim import connect

from hostwright.sandbox import keeping, record
from hostwright.sandbox.failure import silent
from hostwright.sandbox.processes import marked
from hostwright.sandbox.sites import catalog
from hostwright.sandbox.sites.vsphere import VSphere


def keep(directory: Path) -> keeping.Keeping:
    lock = record.lock(directory)
    assert lock is not None
    keeper = keeping.start(directory, lock)
    os.close(lock)  # the keeper has it as well
    return keeper


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[keeping.Keeping]:
    yield keep(tmp_path)
    keeping.stop(tmp_path)


def test_its_facts_open_it_and_its_manifests_name_what_is_there(keeper: keeping.Keeping) -> None:
    site = VSphere()
    facts = site.start(keeper.directory, keeper, silent)
    host, port = facts["server"].split(":")
    service = connect.SmartConnect(
        host=host,
        port=int(port),
        user=facts["username"],
        pwd=facts["password"],
        sslContext=ssl.create_default_context(cafile=facts["ca"]),
    )
    secret, provider = site.manifests(facts)
    assert secret["stringData"]["ca.crt"] == Path(facts["ca"]).read_text()
    spec = provider["spec"]
    find = service.RetrieveContent().searchIndex.FindByInventoryPath
    datacenter = find(spec["vsphere"]["datacenter"])
    for place in (spec["vsphere"], *(domain["vsphere"] for domain in spec["failureDomains"])):
        assert find(f"{spec['vsphere']['datacenter']}/host/{place['cluster']}").resourcePool == find(
            place["resourcePool"].rpartition("/")[0]
        )
        assert find(place["resourcePool"]) is not None
        assert place["datastore"] in {each.name for each in datacenter.datastore}
        assert find(place["folder"]) is not None
    groups = [network["vsphere"]["portGroup"] for network in spec["networks"]]
    assert set(groups) <= {each.name for each in datacenter.network}
    assert [network["name"] for network in spec["networks"]] == list(catalog.NETWORKS)
    assert find(site.image_source()["vsphere"]["template"]).config.template
    connect.Disconnect(service)


def test_a_second_start_has_the_same_certificate_and_none_of_the_machines(keeper: keeping.Keeping) -> None:
    site = VSphere()
    first = site.start(keeper.directory, keeper, silent)
    kept = record.read(keeper.directory)
    assert kept is not None
    mark = kept.mark
    keeping.stop(keeper.directory)
    assert marked(mark) == []
    second = site.start(keeper.directory, keep(keeper.directory), silent)
    assert second["thumbprint"] == first["thumbprint"]
    assert second["password"] != first["password"]
