"""A run as an RO-Crate: a folder that says of itself what it holds and how it was made.

RO-Crate 1.1 with the profile Process Run Crate 0.5. Files that the run read are named with their
hashes, and not copied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from iracdb.errors import CannotWrite
from iracdb.export.prov.names import IRACDB, content_name
from iracdb.export.prov.run_part import moment, person_name

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
METADATA = "ro-crate-metadata.json"

_TERMS = "https://w3id.org/ro/terms/workflow-run/context"
_DONE = "http://schema.org/CompletedActionStatus"
_WEB = ("http://", "https://")

_NO_LICENCE = (
    "#license",
    "No licence stated",
    "Whoever made this crate stated no licence for it: ask before using it again.",
)


def described_crate(facts: Mapping[str, Any], folder: Path, files: Mapping[str, str]) -> None:
    """Write the description of a crate into the folder that holds its files.

    Parameters
    ----------
    facts : mapping
        From `iracdb.export.prov.crate_facts.facts_of`.
    folder : Path
        Where the files are.
    files : mapping
        What each file is, by its name.

    Raises
    ------
    CannotWrite
        Where the package `rocrate` is not installed.
    """
    try:
        from rocrate.rocrate import ROCrate  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise CannotWrite(
            "RO-Crates need the package rocrate: pip install 'iracdb[standards]'"
        ) from None
    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(_TERMS)
    _root(crate, facts)
    results = [_result(crate, folder / name, what) for name, what in files.items()]
    crate.root_dataset["mentions"] = _action(crate, facts, results)
    crate.metadata.write(folder)


def _context(crate: Any, identifier: str, kind: str, told: Mapping[str, Any]) -> Any:
    from rocrate.model.contextentity import ContextEntity  # type: ignore[import-untyped]

    known = {name: value for name, value in told.items() if value not in (None, [])}
    return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **known}))


def _root(crate: Any, facts: Mapping[str, Any]) -> None:
    run = facts["run"]
    root = crate.root_dataset
    root["name"] = f"IRAC photometry {run.name}"
    root["description"] = facts["description"]
    root["identifier"] = f"urn:uuid:{run.uuid}"
    root["datePublished"] = facts["date"]
    root["license"] = _license(crate, facts["license"])
    root["conformsTo"] = _context(
        crate, PROFILE, "CreativeWork", {"name": "Process Run Crate", "version": "0.5"}
    )
    if facts["operator"] is not None:
        root["author"] = _person(crate, facts)


def _license(crate: Any, stated: str | None) -> Any:
    if stated is None:
        identifier, name, description = _NO_LICENCE
        return _context(
            crate, identifier, "CreativeWork", {"name": name, "description": description}
        )
    if not stated.startswith(_WEB):
        return stated
    told = {"name": stated, "description": "The licence that was stated.", "url": stated}
    return _context(crate, stated, "CreativeWork", told)


def _person(crate: Any, facts: Mapping[str, Any]) -> Any:
    identifier = _uri(person_name(facts["operator"], facts["host"]))
    return crate.get(identifier) or _context(
        crate, identifier, "Person", {"name": facts["operator"]}
    )


def _uri(name: str) -> str:
    """Write in full what the PROV document names with our prefix."""
    return IRACDB + name.removeprefix("iracdb:")


def _result(crate: Any, path: Path, what: str) -> Any:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    kind = {".csv": "text/csv", ".json": "application/json"}.get(path.suffix, "text/plain")
    return crate.add_file(
        path,
        path.name,
        properties={
            "name": path.name,
            "description": what,
            "encodingFormat": kind,
            "contentSize": str(path.stat().st_size),
            "sha256": digest,
        },
    )


def _action(crate: Any, facts: Mapping[str, Any], results: list[Any]) -> Any:
    run = facts["run"]
    return _context(
        crate,
        f"urn:uuid:{run.uuid}#run",
        "CreateAction",
        {
            "name": f"Run {run.name}",
            "description": run.command or "The command is not known.",
            "startTime": _time(run.started_at),
            "endTime": _time(run.finished_at),
            "actionStatus": _DONE,
            "instrument": _instrument(crate, facts),
            "agent": None if facts["operator"] is None else _person(crate, facts),
            "object": [*_inputs(crate, facts), *_parameters(crate, run)],
            "result": results,
        },
    )


def _time(text: str | None) -> str | None:
    """Write a time as the profile's checks want it; a date alone where the zone is not known."""
    when = moment(text)
    if when is None:
        return None
    return (
        when.date().isoformat() if when.tzinfo is None else when.isoformat(timespec="milliseconds")
    )


def _instrument(crate: Any, facts: Mapping[str, Any]) -> Any:
    software = facts["software"]
    if software is None:
        name = "photometry pipeline of 2018" if facts["run"].origin == "imported" else "iracdb"
        return _context(crate, "#software", "SoftwareApplication", {"name": name})
    needed = [
        _context(
            crate,
            f"https://pypi.org/project/{name}/{version}/",
            "SoftwareApplication",
            {"name": name, "softwareVersion": version, "url": f"https://pypi.org/project/{name}/"},
        )
        for name, version in sorted(software.packages.items())
    ]
    return _context(
        crate,
        f"{IRACDB}software-{software.digest}",
        "SoftwareApplication",
        {
            "name": "iracdb",
            "softwareVersion": software.iracdb,
            "url": _home(),
            "description": f"{software.python}, {software.platform}"
            + ("" if software.git_commit is None else f", commit {software.git_commit}"),
            "softwareRequirements": needed,
        },
    )


def _home() -> str | None:
    """Tell where this program is described, as its package does."""
    try:
        stated = metadata("iracdb").get_all("Project-URL") or []
    except PackageNotFoundError:
        return None
    return stated[0].split(",", 1)[-1].strip() if stated else None


def _inputs(crate: Any, facts: Mapping[str, Any]) -> list[Any]:
    made = [
        _context(
            crate,
            _uri(content_name(row.sha256)),
            "CreativeWork",
            {
                "name": row.name,
                "alternateName": row.role,
                "encodingFormat": "image/fits",
                "version": row.version,
                "contentSize": str(row.size),
                "sha256": row.sha256,
            },
        )
        for row in facts["files"]
    ]
    response, targets = facts["response"], facts["targets"]
    if response is not None:
        told = {"name": f"{response.kind} {response.name}", "description": response.origin,
                "sha256": response.sha256}  # fmt: skip
        made.append(
            _context(crate, f"{IRACDB}{response.kind}-{response.sha256}", "CreativeWork", told)
        )
    if targets is not None:
        told = {"name": Path(targets.path).name, "alternateName": targets.path,
                "sha256": targets.sha256}  # fmt: skip
        made.append(_context(crate, _uri(content_name(targets.sha256)), "CreativeWork", told))
    return made


def _parameters(crate: Any, run: Any) -> list[Any]:
    return [
        _context(crate, f"#parameter-{name}", "PropertyValue", {"name": name, "value": value})
        for name, value in sorted(run.parameters.items())
        if value is not None
    ]
