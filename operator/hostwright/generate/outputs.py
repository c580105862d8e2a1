"""The files that are generated, as path → text."""

from pathlib import Path

from hostwright.core.names import DEFAULT_OPERATOR_NAMESPACE
from hostwright.generate import charts, crds, discover, lock, reference
from hostwright.generate.policies import policies
from hostwright.generate.roles import catalog, roles
from hostwright.generate.text import as_yaml

#: Folders that hold nothing but what is written here; a file that is no longer generated is removed from them.
FOLDERS = ("crds", "docs/reference", charts.TEMPLATES)


def outputs() -> dict[str, str]:
    """Every generated file. `kubectl apply -f crds/` takes the CRDs only; policies and roles stand one folder below."""
    kinds, sections = discover.kinds(), discover.sections()
    files = {f"crds/{kind.plural}.yaml": as_yaml([crds.crd(kind, sections)]) for kind in kinds}
    files["crds/admission/policies.yaml"] = as_yaml(policies(kinds, sections, DEFAULT_OPERATOR_NAMESPACE))
    files["crds/access/roles.yaml"] = as_yaml(roles(kinds, DEFAULT_OPERATOR_NAMESPACE))
    files["crds/access/catalog.yaml"] = as_yaml(catalog(kinds))
    files |= charts.templates(kinds, sections) | charts.machines_schema(kinds, sections)
    return files | {f"docs/reference/{name}": text for name, text in reference.pages(kinds, sections).items()}


def write(root: Path) -> list[str]:
    """Bring the files under `root` up to date; which were written or removed."""
    wanted, late = outputs() | lock.runtime(root), stale(root)
    for name in late:
        path = root / name
        if name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[name])
        else:
            path.unlink()
    return late


def stale(root: Path) -> list[str]:
    """The files under `root` that are missing, differ, or are generated no more."""
    wanted = outputs() | lock.runtime(root)
    late = [name for name, text in wanted.items() if not (root / name).is_file() or (root / name).read_text() != text]
    there = [path.relative_to(root).as_posix() for folder in FOLDERS for path in (root / folder).rglob("*.*")]
    return sorted([*late, *(name for name in there if name not in wanted)])
