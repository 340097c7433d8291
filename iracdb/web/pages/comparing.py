"""Two runs compared: which, what differs, and one AOR of both."""

from __future__ import annotations

from threading import Lock
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from iracdb.errors import InputRefused, NotFound, UsageError
from iracdb.runs import registry
from iracdb.runs.results import Run
from iracdb.web.asked import catalogue_of, limit, number, run_of, whole, word
from iracdb.web.reading.choices import count_finished, list_choices
from iracdb.web.reading.comparisons import Average, Compared, Comparisons, counted
from iracdb.web.reading.side_by_side import averages_side_by_side, images_side_by_side
from iracdb.web.view import Column, Table, View

FEW = 200
"""Runs that a list to choose from can hold; of more, one types the number or the name."""

OUTCOMES = {
    "flag_changed": "flag changed", "changed": "changed", "rounding_only": "rounding only",
    "same": "same to the bit", "only_a": "only in {a}", "only_b": "only in {b}",
}  # fmt: skip
"""What rows can come to, the gravest first, in words."""

_FIRST = Lock()


def choose(request: Request) -> View | Response:
    """Choose two runs; with both chosen, go to their comparison."""
    asked = {name: word(request, name) for name in "ab"}
    with catalogue_of(request)._database.read() as connection:
        if all(asked.values()):
            a, b = (registry.find(connection, asked[name][:60]).run_id for name in "ab")
            ending = request.state.ending
            return RedirectResponse(
                f"/compare/{a}/{b}" + ("" if ending == "html" else f".{ending}"), status_code=303
            )
        total = count_finished(connection)
        rows = list_choices(connection, word(request, "q"), FEW if limit(request) else None)
    for row in rows:
        row["address"] = f"/run/{row['run_id']}"
    shown = {"few": total <= FEW, "wanted": word(request, "q"), "most": FEW}
    table = Table(_CHOICE_COLUMNS, rows, "Finished runs, the newest first")
    return View("compare_choose", "Compare two runs", {"total": total, **asked}, table, shown)


def two_runs(request: Request) -> View:
    """Show what differs between two runs."""
    a, b = run_of(request, "a"), run_of(request, "b")
    made = _comparisons(request).of(catalogue_of(request), a, b)
    asked = word(request, "outcome")
    if asked not in ("", "all", *OUTCOMES):
        raise UsageError(f"AORs are filtered by all, {', '.join(OUTCOMES)}, not by {asked[:40]!r}")
    chosen = [each for each in made.averages if _is_asked(each, asked)]
    size, after = limit(request), whole(request, "after")
    rows = [
        _average_row(each, a, b) for each in chosen[after : None if size is None else after + size]
    ]
    more = None
    if size is not None and after + size < len(chosen):
        more = f"?{urlencode({**({'outcome': asked} if asked else {}), 'after': after + size})}"
    words = _words(a, b)
    table = Table(_average_columns(a, b), rows, _caption(len(chosen), asked, words), more)
    data = {**made.summary, "differences": made.differences, "seconds": made.seconds}
    shown = {
        "asked": asked, "outcomes": words, "counted": counted(made.averages), "words": words,
        "sentences": made.sentences, "causes": made.causes, "differing_columns": _differing(made),
    }  # fmt: skip
    return View("compare", f"{a.name} and {b.name} compared", data, table, shown)


def _comparisons(request: Request) -> Comparisons:
    state = request.app.state
    with _FIRST:
        if getattr(state, "comparisons", None) is None:
            state.comparisons = Comparisons()
    kept: Comparisons = state.comparisons
    return kept


def _words(a: Run, b: Run) -> dict[str, str]:
    return {name: said.format(a=a.name, b=b.name) for name, said in OUTCOMES.items()}


def _is_asked(each: Average, asked: str) -> bool:
    return asked == "all" or (each.outcome != "same" if not asked else each.outcome == asked)


def _caption(count: int, asked: str, words: dict[str, str]) -> str:
    what = {"": "that differ", "all": "in all"}.get(asked) or words[asked]
    return f"AORs {what}: {count:,} {'average' if count == 1 else 'averages'}"


def _average_row(each: Average, a: Run, b: Run) -> dict[str, Any]:
    row = each._asdict()
    row["percent"] = None if each.relative is None else 100 * each.relative
    row["said"] = _words(a, b)[each.outcome]
    if each.outcome == "flag_changed":
        row["said"] = "lost its flux" if each.flux_b is None else "gained a flux"
    row["address"] = f"/compare/{a.run_id}/{b.run_id}/aor/{each.aorkey}"
    for run, ending in ((a, "a"), (b, "b")):
        row[f"aor_{ending}"] = f"/run/{run.run_id}/aor/{each.aorkey}"
    return row


def _differing(made: Compared) -> list[dict[str, Any]]:
    columns = made.summary["columns"]
    return [
        {"of": of, **each}
        for of in ("aors", "images")
        for each in columns[of]
        if each["rounding_only"] or each["changed"]
    ]


def one_aor(request: Request) -> View:
    """Show one AOR in two runs: why its flux differs, and its images side by side."""
    a, b, aorkey = run_of(request, "a"), run_of(request, "b"), number(request, "aorkey")
    with catalogue_of(request)._database.read() as connection:
        averages = averages_side_by_side(connection, a.row, b.row, aorkey)
        images = images_side_by_side(connection, a.row, b.row, aorkey)
    if not averages and not images:
        raise NotFound(f"Neither {a.name} nor {b.name} holds AOR {aorkey}")
    size, after = limit(request), whole(request, "after")
    asked = word(request, "outcome")
    chosen = [row for row in images if asked in ("", row["outcome"])]
    rows = chosen[after : None if size is None else after + size]
    words = _words(a, b)
    for row in rows:
        row["said"] = words[row["outcome"]]
        row["address"] = f"/frame/{row['frame']}"
        for run, ending in ((a, "a"), (b, "b")):
            row[f"image_{ending}"] = f"/run/{run.run_id}/image/{row[f'row_{ending}']}"
    more = None
    if size is not None and after + size < len(chosen):
        more = f"?{urlencode({**request.query_params, 'after': after + size})}"
    wanted = whole(request, "row") or next((one.row_a for one in averages if one.row_a), None)
    outcomes = {name: sum(row["outcome"] == name for row in images) for name in OUTCOMES}
    data = {
        "a": _told(a), "b": _told(b), "aorkey": aorkey, "images": outcomes,
        "averages": [_average_row(each, a, b) for each in averages],
        "why": _why(request, a, b, aorkey, wanted),
    }  # fmt: skip
    title = f"AOR {aorkey} in {a.name} and {b.name}"
    table = Table(_image_columns(a, b), rows, f"Images of AOR {aorkey}, side by side", more)
    shown = {"asked": asked, "words": words, "wanted": wanted, "total": len(images)}
    return View("compare_aor", title, data, table, shown)


def _told(run: Run) -> dict[str, Any]:
    return {"run_id": run.run_id, "name": run.name}


def _why(request: Request, a: Run, b: Run, aorkey: int, row: int | None) -> dict[str, Any]:
    """Tell why the flux of an average differs, or why that cannot be told."""
    try:
        found = catalogue_of(request).why(a.run_id, aorkey, b.run_id, row=row)
    except (InputRefused, NotFound) as problem:
        return {"row": row, "said": problem.message, "shares": [], "notes": []}
    return {
        "row": row, "said": None, "change": found.change, "percent": found.percent,
        "a": vars(found.a), "b": vars(found.b), "shares": [vars(each) for each in found.shares],
        "telling": [each.cause for each in found.telling], "notes": list(found.notes),
    }  # fmt: skip


_CHOICE_COLUMNS = (
    Column("run_id", "Run"), Column("name", "Name", link="address"), Column("channel", "Channel"),
    Column("recipe", "Recipe"), Column("origin", "Origin"), Column("finished_at", "Finished"),
    Column("withdrawn", "Withdrawn"),
)  # fmt: skip


def _average_columns(a: Run, b: Run) -> tuple[Column, ...]:
    return (
        Column("said", "Outcome"), Column("aorkey", "AOR", link="address"),
        Column("target", "Target"), Column("row_a", f"Row of {a.name}", link="aor_a"),
        Column("row_b", f"Row of {b.name}", link="aor_b"),
        Column("flux_a", f"Flux in {a.name}", "mJy", ".8g"),
        Column("flux_b", f"Flux in {b.name}", "mJy", ".8g"),
        Column("difference", "Difference", "mJy", ".4g"), Column("percent", "Change", "%", ".4g"),
        Column("errors", "In errors", "", ".3g"), Column("also", "Differs in"),
    )  # fmt: skip


def _image_columns(a: Run, b: Run) -> tuple[Column, ...]:
    both = (
        ("row", "Row", "", "", "image"), ("status", "Status", "", "", ""),
        ("flux", "Flux", "mJy", ".8g", ""), ("x", "x", "pix", ".4f", ""),
        ("y", "y", "pix", ".4f", ""), ("sky", "Sky", "MJy/sr", ".5g", ""),
    )  # fmt: skip
    sides = [
        Column(f"{name}_{ending}", f"{title}, {run.name}", unit, form,
               f"{link}_{ending}" if link else "")
        for name, title, unit, form, link in both
        for run, ending in ((a, "a"), (b, "b"))
    ]  # fmt: skip
    return (
        Column("said", "Outcome"), Column("frame", "Frame", link="address"),
        Column("time", "Time (MJD)", "d", ".6f"), Column("file", "File"),
        Column("plane", "Plane"), *sides[:6],
        Column("flux_percent", "Change", "%", ".4g"), *sides[6:], Column("differs", "Differs in"),
    )  # fmt: skip
