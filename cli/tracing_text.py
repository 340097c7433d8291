"""A lineage in words: what its tables and its tree both say."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from .output import many, shown_path

if TYPE_CHECKING:
    from iracdb.trace.graph import Lineage

DIGITS = 12
"""How much of a hash people are shown."""

STATUSES = ("kept", "rejected", "unusable", "not told")

_CONTEXT = {
    "parameters": "Parameters", "software": "Software", "calibration": "Response",
    "target_list": "Target list", "source": "Imported from",
}  # fmt: skip
_TARGETS = 3
_PACKAGES = ("numpy", "astropy", "photutils")


def records(found: Lineage) -> list[dict[str, Any]]:
    """Give the images of a lineage, each by the names of the columns.

    Parameters
    ----------
    found : Lineage
        Either way.

    Returns
    -------
    list of dict
        In order.
    """
    return [dict(zip(found.images.columns, row, strict=True)) for row in found.images.rows]


def average_rows(found: Lineage) -> list[tuple[Any, ...]]:
    """Give the averages of a lineage with how many images became what.

    Parameters
    ----------
    found : Lineage
        Downward.

    Returns
    -------
    list of tuple
        Row number, target, frames alike, flux, error, and a count for each of `STATUSES`.
    """
    counted = Counter((one["average"], one["status"]) for one in records(found))
    rows = []
    for average in found.of_kind("aor_result"):
        told = average["attributes"]
        row = told["row_number"]
        rows.append(
            (row, told["target"], told["frame_group"], rounded(told["flux"], "#.6g"),
             rounded(told["error"], "#.3g"), *(counted[row, status] for status in STATUSES))
        )  # fmt: skip
    return rows


def made_of(found: Lineage) -> list[tuple[str, str]]:
    """Say what made a number beside its images, a line each.

    Parameters
    ----------
    found : Lineage
        Downward.

    Returns
    -------
    list of tuple
        Title and text.
    """
    runs = found.of_kind("run")
    rows = [("Run", run_text(runs[0]["attributes"]))]
    rows += [("Made from", run_text(run["attributes"])) for run in runs[1:]]
    targets = [_context_text(node) for node in found.of_kind("target")]
    rows += [("Target", text) for text in targets[:_TARGETS]]
    if len(targets) > _TARGETS:
        rows.append(("Target", f"and {len(targets) - _TARGETS:,} more (--json)"))
    rows += [(_CONTEXT[node["kind"]], _context_text(node)) for node in found.of_kind(*_CONTEXT)]
    measured = [one for one in records(found) if one["file"] is not None]
    pipelines = Counter((one["creator"], one["fluxconv"]) for one in measured)
    for (creator, fluxconv), count in pipelines.items():
        rows.append(("Pipeline", f"{pipeline_text(creator, fluxconv)}: {many(count, 'image')}"))
    files = [file["attributes"] for file in found.of_kind("file")]
    if files:
        held = sum(file["header_held"] for file in files)
        there = sum(file["present"] for file in files)
        rows.append(("Files", f"{many(len(files), 'file')}, {there:,} there"))
        rows.append(("Headers", f"{held:,} held: iracdb header {files[0]['name']}"))
    links = Counter(
        (one["link_grade"], one["link_evidence"]) for one in records(found) if one["link_grade"]
    )
    for (grade, evidence), count in sorted(links.items()):
        rows.append(("Links", f"{many(count, 'image')} of grade {grade}: {evidence}"))
    return rows


def companions_of_images(found: Lineage) -> dict[int, dict[str, str]]:
    """List the other files of their frames that served for images.

    Parameters
    ----------
    found : Lineage
        Downward.

    Returns
    -------
    dict
        SHA-256 by role, by the image's row number.
    """
    nodes = [node["attributes"] for node in found.of_kind("image_result")]
    return {node["row_number"]: node.get("companions", {}) for node in nodes}


def run_text(run: dict[str, Any]) -> str:
    """Say which run, of when and of whom.

    Parameters
    ----------
    run : dict
        Of its node.

    Returns
    -------
    str
        One line.
    """
    state = "imported, reduced" if run["origin"] == "imported" else run["state"]
    when = day(run["finished_at"])
    said = f"{run['run_id']} ({run['name']}), {state}{f' {when}' if when else ''}"
    if run["host"]:
        said += f", by {run['operator'] or 'unknown'} on {run['host']}"
    return said + (", withdrawn" if run["withdrawn_at"] else "")


def _context_text(node: dict[str, Any]) -> str:
    told, kind = node["attributes"], node["kind"]
    if kind == "parameters":
        radii = [told.get(f"radius_{which}") for which in ("source", "inner", "outer")]
        shown = " ".join("?" if radius is None else f"{radius:g}" for radius in radii)
        digest = node["id"].split(":", 1)[1][:DIGITS]
        return f"{told.get('recipe') or 'no recipe'}, radii {shown}, sha256 {digest}"
    if kind == "software":
        commit = "" if told["git_commit"] is None else f", commit {told['git_commit'][:DIGITS]}"
        packages = ", ".join(f"{name} {told['packages'].get(name)}" for name in _PACKAGES)
        return f"iracdb {told['iracdb']}{commit}, {told['python']}, {packages}"
    if kind == "calibration":
        return f"{told['name']}, coefficients sha256 {told['sha256'][:DIGITS]}"
    if kind == "target":
        if told["ra"] is None:
            return f"{told['name']}: position unknown"
        place = f"{told['name']}: {told['ra']!r} {told['dec']!r} ICRS"
        return place if told.get("epoch") is None else f"{place}, {_motion_text(told)}"
    return f"{shown_path(told['path'])}, sha256 {told['sha256'][:DIGITS]}"


def _motion_text(told: dict[str, Any]) -> str:
    parts = []
    if told["pm_ra"] is not None:
        parts.append(f"moving by {told['pm_ra']:g} {told['pm_dec']:g} mas/yr")
    if told["parallax"] is not None:
        parts.append(f"parallax {told['parallax']:g} mas")
    return f"{' and '.join(parts)} from {told['epoch']!r}"


def pipeline_text(creator: str | None, fluxconv: float | None) -> str:
    """Say what calibrated a file.

    Parameters
    ----------
    creator : str or None
        CREATOR.
    fluxconv : float or None
        FLUXCONV.

    Returns
    -------
    str
        Both.
    """
    known = [("CREATOR", creator), ("FLUXCONV", None if fluxconv is None else repr(fluxconv))]
    told = [f"{keyword} {value}" for keyword, value in known if value is not None]
    return ", ".join(told) or "CREATOR not told"


def image_text(one: dict[str, Any]) -> str:
    """Say what became of an image.

    Parameters
    ----------
    one : dict
        From `records`.

    Returns
    -------
    str
        One line.
    """
    why = f" ({one['why']})" if one["why"] else ""
    return f"image {one['image']}: {one['status']}{why}"


def through_text(one: dict[str, Any]) -> str:
    """Say what ties an image to a file or frame, and how surely.

    Parameters
    ----------
    one : dict
        From `records`.

    Returns
    -------
    str
        Such as ``file``, or ``frame (A)`` for an imported image whose link is of grade A.
    """
    grade = f" ({one['link_grade']})" if one["link_grade"] else ""
    return f"{one['through']}{grade}"


def files_of_frames(found: Lineage) -> dict[str, str]:
    """Name the files that show each frame, by the frame's label.

    Parameters
    ----------
    found : Lineage
        Downward, of an imported run.

    Returns
    -------
    dict
        Names with commas between.
    """
    labels = {node["id"]: node["label"] for node in found.of_kind("frame", "file")}
    # What a table alone knows, by the frame with files that is the same.
    linked = {there: here for here, there, word in found.edges.rows if word == "alternateOf"}
    shown: dict[str, list[str]] = {}
    for file, frame, word in found.edges.rows:
        if word == "specializationOf":
            shown.setdefault(labels[linked.get(frame, frame)], []).append(labels[file])
    return {frame: ", ".join(names) for frame, names in shown.items()}


def why_here(found: Lineage, run: dict[str, Any]) -> str:
    """Say why a run without a result on a file is told of all the same.

    Parameters
    ----------
    found : Lineage
        Upward.
    run : dict
        Of the run's node.

    Returns
    -------
    str
        A few words.
    """
    node = f"run:{run['uuid']}"
    labels = {one["id"]: one["label"] for one in found.of_kind("run", "study")}
    for later, earlier, word in found.edges.rows:
        if later == node and word == "wasInformedBy" and earlier in labels:
            return f"made from {labels[earlier]}"
    for later, earlier, word in found.edges.rows:
        if earlier == node and word == "hadMember":
            return f"stands in the study {labels[later]}"
    return "declared it as an input, and has no result on it"


def export_text(told: dict[str, Any]) -> str:
    """Say in a line what an export wrote, and where.

    Parameters
    ----------
    told : dict
        What its activity tells: files, and a folder or a path.

    Returns
    -------
    str
        Names of files, and the place.
    """
    names = [file["name"] for file in told.get("files") or () if isinstance(file, dict)]
    place = told.get("folder") or told.get("path")
    where = [] if place is None else [f"in {shown_path(str(place))}"]
    return " ".join([", ".join(names), *where]).strip() or "files"


def study_text(study: dict[str, Any]) -> str:
    """Say which runs stand in a study.

    Parameters
    ----------
    study : dict
        Of its node.

    Returns
    -------
    str
        One line.
    """
    numbers = ", ".join(str(run["run_id"]) for run in study["runs"])
    return f"{study['name']} ({study['kind']}): runs {numbers}"


def day(when: str | None) -> str | None:
    """Write a time to the minute.

    Parameters
    ----------
    when : str or None
        As the catalogue keeps it.

    Returns
    -------
    str or None
        None where there is none.
    """
    return None if when is None else when[:16].replace("T", " ")


def rounded(number: float | None, form: str) -> str:
    """Round a number for the eye.

    Parameters
    ----------
    number : float or None
        None for none.
    form : str
        Such as ``'#.6g'``.

    Returns
    -------
    str
        ``nan`` where there is none.
    """
    return "nan" if number is None else format(number, form)
