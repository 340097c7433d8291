"""What a comparison comes to in words, and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from iracdb.compare.made_by import ROWS, UNKNOWN, Difference
from iracdb.compare.parts import Part
from iracdb.compare.values import CHANGED, largest

if TYPE_CHECKING:
    from iracdb.compare.comparison import Comparison


def verdict(comparison: Comparison) -> str:
    """Tell in one sentence what a comparison comes to.

    Parameters
    ----------
    comparison : Comparison
        Of two runs.

    Returns
    -------
    str
        Without a full stop.
    """
    a, b = comparison.a.name, comparison.b.name
    if not comparison.comparable:
        return f"{a} and {b} cannot be compared: {comparison.reason}"
    if not comparison.differs:
        return f"nothing changed: {_twice(comparison)}"
    return "; ".join(sentences(comparison))


def sentences(comparison: Comparison) -> list[str]:
    """Tell what changed, part by part.

    Parameters
    ----------
    comparison : Comparison
        Of runs that can be compared.

    Returns
    -------
    list of str
        On images, on AORs, and on other columns where they differ.
    """
    a, b = comparison.a.name, comparison.b.name
    images, aors = comparison.parts
    said = [_counted(images, "image", a, b), _counted(aors, "AOR", a, b)]
    others = [s.name for s in aors.summaries if s.differs and s.name not in aors.decisive]
    if others:
        said.append(f"other columns of the AORs that differ: {', '.join(others)}")
    return said


def _twice(comparison: Comparison) -> str:
    a, b = comparison.a.name, comparison.b.name
    if comparison.a.run_id == comparison.b.run_id:
        return f"{a} was compared with itself"
    if comparison.same_files:
        return f"{a} and {b} are the same run twice, imported from tables of the same bytes"
    causes = comparison.made_by.causes
    if causes:
        names = ", ".join(dict.fromkeys(cause.name for cause in causes))
        return (
            f"{a} and {b} gave the same results to the bit, though they were made with "
            f"other {names}"
        )
    return f"{a} and {b} are the same run twice"


def _counted(part: Part, noun: str, a: str, b: str) -> str:
    counts = part.counts
    shared = part.shared
    if not shared:
        said = f"no {noun} is in both"
    elif counts["same"] == shared:
        said = f"{_the(shared, noun)} in both {'is' if shared == 1 else 'are'} the same to the bit"
    else:
        outcomes = (
            ("same", "the same to the bit"),
            ("rounding_only", "changed by rounding only"),
            ("changed", f"changed{_how_far(part)}"),
            ("flag_changed", "with a flag changed" if noun == "image" else "lost or gained a flux"),
        )
        words = [f"{counts[key]:,} {text}" for key, text in outcomes if counts[key]]
        said = f"of {_many(shared, noun)} in both: {', '.join(words)}"
    for key, run in (("only_a", a), ("only_b", b)):
        if counts[key]:
            said += f"; {_many(counts[key], noun)} only in {run}"
    return said


def _how_far(part: Part) -> str:
    """Tell how far values changed, and how many there are in one run alone."""
    rows = part.telling
    changed = rows.outcome == CHANGED
    largest_change = largest(rows.relative[changed])
    alone = int(rows.one_sided[changed].sum())
    said = f" by up to {100 * largest_change:.2g} %" if largest_change else ""
    return f"{said} ({alone:,} with a value in one run alone)" if alone else said


def _the(number: int, noun: str) -> str:
    return f"the one {noun}" if number == 1 else f"all {number:,} {noun}s"


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def causes_said(comparison: Comparison) -> str:
    """Tell what can have moved the numbers of two runs.

    Parameters
    ----------
    comparison : Comparison
        Of runs that can be compared.

    Returns
    -------
    str
        One sentence, without a full stop.
    """
    made_by = comparison.made_by
    alone = any(any(part.alone) for part in comparison.parts)
    causes = (cause for cause in made_by.causes if cause.moves != ROWS or alone)
    names = list(dict.fromkeys(cause.name for cause in causes))
    unknown = [each.name for each in made_by.parameters if each.moves == UNKNOWN]
    said = []
    if names:
        said.append(f"candidate causes: {', '.join(names)}")
    elif not made_by.not_told:
        said.append("nothing that is recorded of their making differs")
    else:
        said.append("nothing that both tell of their making differs and can be the cause")
    if unknown:
        said.append(f"told by one run alone: {', '.join(unknown)}")
    return "; ".join(said)


def summary(comparison: Comparison) -> dict[str, Any]:
    """Tell all of a comparison but its rows, as plain values for JSON.

    Parameters
    ----------
    comparison : Comparison
        Of two runs.

    Returns
    -------
    dict
        ``comparable``, ``reason``, ``parameters``, ``images``, ``aors``, and more.
    """
    made_by = comparison.made_by
    parts = comparison.parts if comparison.comparable else (None, None)
    return {
        "a": _run(comparison.a),
        "b": _run(comparison.b),
        "comparable": comparison.comparable,
        "reason": comparison.reason,
        "differs": comparison.differs if comparison.comparable else None,
        "verdict": comparison.verdict,
        "notes": list(comparison.notes),
        "parameters": _told(made_by.parameters),
        "software": _told(made_by.software),
        "calibration": _told(made_by.calibration),
        "inputs": {
            "known": made_by.inputs.known,
            "same": made_by.inputs.same,
            "other_pixels": made_by.inputs.other_pixels,
            "other_header": made_by.inputs.other_header,
            "only_a": made_by.inputs.only_a,
            "only_b": made_by.inputs.only_b,
            "companions": dict(made_by.inputs.companions),
        },
        "causes": [
            {
                "what": c.what,
                "name": c.name,
                "a": c.a,
                "b": c.b,
                "moves": c.moves,
                "why": c.sentence,
            }
            for c in made_by.causes
        ],
        "not_told": list(made_by.not_told),
        "images": _counts(parts[0]),
        "aors": _counts(parts[1]),
        "columns": {
            "images": _columns(parts[0]),
            "aors": _columns(parts[1]),
        },
    }


def _run(run: Any) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "name": run.name,
        "uuid": run.uuid,
        "origin": run.origin,
        "result_digest": run.result_digest,
    }


def _told(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    return [{"name": each.name, "a": each.a, "b": each.b} for each in differences]


def _counts(part: Part | None) -> dict[str, Any] | None:
    if part is None:
        return None
    return {**part.counts, "largest_relative_change": part.largest_relative_change}


def _columns(part: Part | None) -> list[dict[str, Any]]:
    return [] if part is None else [vars(summary) for summary in part.summaries]
