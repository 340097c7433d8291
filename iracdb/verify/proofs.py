"""The proof of one average as JSON, written and read back with suspicion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from iracdb.errors import InputRefused, NotFound
from iracdb.runs.digest import SCHEME, Proof, proven_digest
from iracdb.verify.answers import DigestCheck, checked_digest, fits, is_digest

_LARGEST_FILE = 10_000_000


def proof_document(run: Any, digest: str, proof: Proof) -> dict[str, Any]:
    """Write a proof as plain values for JSON.

    Parameters
    ----------
    run : Row
        Of the table ``run``.
    digest : str
        The run's.
    proof : Proof
        Of one of its averages.

    Returns
    -------
    dict
        For `check_proof`.
    """
    return {
        "scheme": SCHEME,
        "results_sha256": digest,
        "run_name": run.name,
        "run_uuid": run.uuid,
        "columns": [
            {"title": title, "form": form, "value": proof.row[title]}
            for title, form in proof.forms.items()
        ],
        "averages": proof.count,
        "place": proof.index,
        "path": list(proof.path),
        "images_sha256": proof.images,
    }


def read_proof(path: str | Path) -> dict[str, Any]:
    """Read a proof from a file.

    Parameters
    ----------
    path : path
        Of a JSON file.

    Returns
    -------
    dict
        As it stands there.

    Raises
    ------
    NotFound
        Where the file cannot be read.
    InputRefused
        Where it is no proof.
    """
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
    except OSError as problem:
        raise NotFound(f"{path} cannot be read: {problem.strerror or problem}") from None
    if len(content) > _LARGEST_FILE:
        raise InputRefused(f"{path} is larger than any proof")
    try:
        document = json.loads(content, object_pairs_hook=_each_name_once)
    except (ValueError, RecursionError) as problem:
        raise InputRefused(f"{path} is no proof: {problem}") from None
    if not isinstance(document, dict):
        raise InputRefused(f"{path} is no proof: it is not one object")
    return document


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that says two things under one name."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def proof_of(document: dict[str, Any]) -> Proof:
    """Make a proof of its document.

    Parameters
    ----------
    document : dict
        Perhaps of a stranger.

    Returns
    -------
    Proof
        For `iracdb.runs.digest.proven_digest`, which checks its values.

    Raises
    ------
    InputRefused
        Where it is not of that form.
    """
    if document.get("scheme") != SCHEME:
        raise InputRefused(
            f"This is no proof by {SCHEME}: its scheme is {document.get('scheme')!r}"
        )
    columns = _typed(document, "columns", list)
    if any(not isinstance(c, dict) or set(c) != {"title", "form", "value"} for c in columns):
        raise InputRefused("The proof's columns are not of title, form and value each")
    if not all(isinstance(c["title"], str) and isinstance(c["form"], str) for c in columns):
        raise InputRefused("The proof's columns are not of title, form and value each")
    row = {column["title"]: column["value"] for column in columns}
    if len(row) != len(columns):
        raise InputRefused("The proof has a column twice")
    path = _typed(document, "path", list)
    if not all(isinstance(part, str) for part in path):
        raise InputRefused("The proof's path is not of hashes")
    return Proof(
        row=row,
        forms={column["title"]: column["form"] for column in columns},
        count=_typed(document, "averages", int),
        index=_typed(document, "place", int),
        path=tuple(path),
        images=_typed(document, "images_sha256", str),
    )


def _typed(document: dict[str, Any], name: str, kind: type) -> Any:
    value = document.get(name)
    if type(value) is not kind:
        raise InputRefused(f"The proof has no usable {name}")
    return value


def check_proof(path: str | Path, digest: str | None = None) -> DigestCheck:
    """Check a proof against a run's digest.

    Parameters
    ----------
    path : path
        Of the file that ``iracdb digest RUN --aor KEY`` wrote.
    digest : str, optional
        The run's; by default the one that stands in the proof, which proves only that it hangs
        together.

    Returns
    -------
    DigestCheck
        Yes where the average is of the run with that digest.

    Raises
    ------
    InputRefused
        Where it is no proof.
    """
    expected = None if digest is None else checked_digest(digest)
    document = read_proof(path)
    proof = proof_of(document)
    told = document.get("results_sha256")
    if expected is None and not (isinstance(told, str) and is_digest(told)):
        raise InputRefused(f"{path} tells no digest: give the run's")
    wanted = expected or str(told)
    differs: tuple[str, ...] = ()
    found: str | None = None
    try:
        found = proven_digest(proof)
        if not fits(found, wanted):
            differs = (f"it proves its average for a run with the digest {found}",)
    except InputRefused as problem:
        differs = (str(problem),)
    name = document.get("run_name")
    return DigestCheck(
        (str(path),), not differs, wanted, expected is None, found, differs,
        name if isinstance(name, str) else None, proof.row,
    )  # fmt: skip
