"""The log of a run: the lines that the original's users know, then our own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iracdb.runs.parameters import Parameters
from iracdb.runs.results import Run


def log_text(run: Run) -> str:
    """Write a run's log.

    Parameters
    ----------
    run : Run
        A finished run.

    Returns
    -------
    str
        One line a field; the same for the same run, whenever it is written.
    """
    return "".join(f"{name:<17}: {value} \n" for name, value in log_fields(run))


def log_fields(run: Run, *, as_noted: bool = False) -> list[tuple[str, str]]:
    """List the fields of a run's log, in order.

    Parameters
    ----------
    run : Run
        A finished run.
    as_noted : bool, optional
        Whether the digest of the results is only told where it is noted: to make it, all of them
        are read.

    Returns
    -------
    list of tuple
        Name and value.
    """
    if run.row.origin == "imported":
        return [(name.strip(), value.strip()) for name, value in run.log_fields()]
    told = (*_known(run), *_ours(run, as_noted))
    return [(name, " ".join(str(value).split())) for name, value in told]


def _known(run: Run) -> list[tuple[str, Any]]:
    radii = [run.parameters[f"radius_{which}"] for which in ("source", "inner", "outer")]
    return [
        ("Date Reduced", str(run.row.finished_at).removesuffix("Z")),
        ("Input Parameters", run.row.command or _as_command(run)),
        ("Instrument", f"IRAC Channel {run.row.channel}"),
        ("File Type", str(run.row.kind).upper()),
        ("Target", _targets(run.targets)),
        ("Radius Used", "not given" if None in radii else ", ".join(f"{r:g}" for r in radii)),
        ("Problem AORs", " ".join(str(aorkey) for aorkey, _ in run.problems)),
        ("Comments", run.row.comment or "No comment was specified"),
    ]


def _ours(run: Run, as_noted: bool) -> list[tuple[str, Any]]:
    parameters, software = run.parameters, run.software
    counts = run.counts
    if software is None:
        raise ValueError("a run made here has software")
    state = {None: "", True: ", nothing uncommitted", False: ", with uncommitted changes"}
    return [
        ("Run", f"{run.row.run_id} ({run.row.name}), {run.row.uuid}"),
        ("Recipe", f"{parameters['recipe']}, version {parameters['recipe_version']}"),
        ("Aperture Corr.", _correction(parameters)),
        ("Pixel Size", _pixel_size(parameters)),
        ("Centre, Sky", f"{parameters['centre']}, {parameters['sky']}"),
        ("Rejection", parameters["rejection"]),
        ("Response", _response(parameters)),
        ("AORs, Images", f"AORs {counts.aors}, averages {counts.averages}, images {counts.images}, "
                         f"workable {counts.workable}, rejected {counts.rejected}"),
        ("Parameters", f"sha256 {run.row.parameters_digest}"),
        ("Inputs", f"{counts.inputs} files, sha256 {run.row.inputs_digest}"),
        ("Results", _results(run, as_noted)),
        ("Software", f"iracdb {software.iracdb}, {software.python}, "
         + ", ".join(f"{name} {version}" for name, version in sorted(software.packages.items()))),
        ("Platform", software.platform),
        ("Source", f"commit {software.git_commit}{state[software.git_clean]}"
         if software.git_commit else "installed package"),
        ("Started, Ended", f"{run.row.started_at}, {run.row.finished_at}"),
        ("Operator", f"{run.row.operator or 'unknown'} on {run.row.host}"),
    ]  # fmt: skip


def _results(run: Run, as_noted: bool) -> str:
    digest = run.row.result_digest if as_noted else run.result_digest
    if digest is not None:
        return f"sha256 {digest}"
    return "not noted" if as_noted and run.state == "finished" else "not complete"


def _correction(parameters: Parameters) -> str:
    value, source = parameters["aperture_correction"], parameters["aperture_correction_from"]
    return f"by mission ({source})" if value is None else f"{value!r} ({source})"


def _pixel_size(parameters: Parameters) -> str:
    value, source = parameters["pixel_size"], parameters["pixel_size_from"]
    return f"by frame ({source})" if value is None else f"{value!r} arcsec ({source})"


def _response(parameters: Parameters) -> str:
    parts = {"array_location": "array location", "pixel_phase": "pixel phase"}
    applied = [title for name, title in parts.items() if parameters[name]]
    engine = " ".join(filter(None, (parameters["engine"], parameters["engine_version"])))
    source = parameters["idl_source"]
    return (
        f"{parameters['response']} ({' and '.join(applied) or 'not applied'}) by {engine}"
        f"{f', source sha256 {source}' if source else ''}, coefficients "
        f"{parameters['response_coefficients']}"
    )


def _targets(names: Sequence[str]) -> str:
    if len(names) <= 3:
        return ", ".join(names)
    return f"{', '.join(names[:3])} and {len(names) - 3} more"


def _as_command(run: Run) -> str:
    """Write the call that was made from Python as one."""
    typed = run.row.parameters_typed or {}
    arguments = ", ".join(f"{name}={value!r}" for name, value in sorted(typed.items()))
    return f"Catalogue.run({arguments})"
