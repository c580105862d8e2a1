"""The site's state file: SQLite, one row for each machine, written before an answer is sent."""

import sqlite3
import uuid
from pathlib import Path

import msgspec

from hostwright.providers.simulated.model import CATALOG, Kept, Model
from hostwright.providers.simulated.rows import Catalog, Gone, Machine

_SCHEMA = """
create table if not exists fact (name text primary key, body blob not null);
create table if not exists machine (id text primary key, number integer not null, body blob not null);
create table if not exists gone (revision integer primary key, body blob not null);
"""


class StateError(Exception):
    """The state file cannot be used."""


class StateFile:
    """A commit is in the file when it returns, so that a killed process loses nothing it has answered.

    `synchronous=NORMAL` on a write-ahead log: a killed process loses nothing, a power cut may lose the last moments.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = sqlite3.connect(path, timeout=1.0, isolation_level=None)
            self._file.execute("pragma locking_mode=exclusive")
            self._file.execute("pragma journal_mode=wal")
            self._file.execute("pragma synchronous=normal")
            self._file.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise StateError(
                f"{path} cannot be used as state: {error}. Is another site using it? Name another file with --state."
            ) from error

    def load(self) -> Kept:
        facts = dict(self._file.execute("select name, body from fact").fetchall())
        if "site" not in facts:
            return Kept(site=str(uuid.uuid4()), revision=0, catalog=CATALOG)
        machines = self._file.execute("select body from machine order by number").fetchall()
        gone = self._file.execute("select body from gone order by revision").fetchall()
        return Kept(
            site=msgspec.json.decode(facts["site"], type=str),
            revision=msgspec.json.decode(facts["revision"], type=int),
            catalog=msgspec.json.decode(facts["catalog"], type=Catalog),
            machines=tuple(msgspec.json.decode(body, type=Machine) for (body,) in machines),
            gone=tuple(msgspec.json.decode(body, type=Gone) for (body,) in gone),
        )

    def save_facts(self, model: Model) -> None:
        """Identity and catalog, at the start and when they change."""
        facts = {"site": model.site, "catalog": model.catalog, "revision": model.revision}
        self._file.execute("begin")
        for name, value in facts.items():
            self._file.execute("insert or replace into fact values (?, ?)", (name, msgspec.json.encode(value)))
        self._file.execute("commit")

    def save(self, model: Model) -> None:
        """All machines that changed since the last time."""
        if not model.changed:
            return
        gone = {item.id: item for item in model.gone} if any(id_ not in model.machines for id_ in model.changed) else {}
        self._file.execute("begin")
        for machine_id in model.changed:
            machine = model.machines.get(machine_id)
            if machine is not None:
                body = msgspec.json.encode(machine)
                self._file.execute(
                    "insert or replace into machine values (?, ?, ?)", (machine.id, machine.number, body)
                )
            else:
                self._file.execute("delete from machine where id = ?", (machine_id,))
                if machine_id in gone:
                    row = gone[machine_id]
                    self._file.execute(
                        "insert or replace into gone values (?, ?)", (row.revision, msgspec.json.encode(row))
                    )
        self._file.execute("insert or replace into fact values ('revision', ?)", (msgspec.json.encode(model.revision),))
        if gone:
            self._file.execute("delete from gone where revision < ?", (model.gone[0].revision,))
        self._file.execute("commit")
        model.changed.clear()

    def close(self) -> None:
        self._file.close()
