"""What the configuration promises without a lab running."""

from configparser import RawConfigParser
from pathlib import Path

from hostwright.sandbox.openstack import addresses, config
from hostwright.sandbox.openstack.places import Room

PORTS = {name: 20_000 + number for number, name in enumerate(addresses.SERVICES)}


def written(directory: Path) -> dict[str, RawConfigParser]:
    venv = directory / "venv"
    (venv / "etc/nova").mkdir(parents=True)
    (venv / "etc/nova/api-paste.ini").write_text("[composite:x]\n")
    room = Room(directory / "lab")
    config.write(room, PORTS, venv)
    found = {}
    for file in room.etc.glob("*/*.conf"):
        parser = RawConfigParser(default_section="")
        parser.read(file)
        found[file.stem] = parser
    return found


def test_nothing_is_kept_outside_the_labs_directory(tmp_path: Path) -> None:
    found = written(tmp_path)
    assert set(found) == {"keystone", "placement", "glance-api", "neutron", "nova", "cinder"}
    paths = [
        value
        for parser in found.values()
        for section in parser.sections()
        for value in parser[section].values()
        if value.startswith("/")
    ]
    assert len(paths) > 10
    assert [path for path in paths if not path.startswith(str(tmp_path))] == []
    # Keystone makes the keys it does not find below /etc
    for section in ("fernet_tokens", "fernet_receipts", "credential"):
        assert found["keystone"][section]["key_repository"].startswith(str(tmp_path))


def test_everything_listens_and_calls_on_the_loopback_only(tmp_path: Path) -> None:
    for name, parser in written(tmp_path).items():
        for section in parser.sections():
            for key, value in parser[section].items():
                if "://" in value and not value.startswith(("fake://", "file://")):
                    assert "127.0.0.1:" in value, (name, section, key)
