"""The addresses, in the order in which they are looked at: each says what it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from iracdb.web.pages import (
    aors,
    comparing,
    figures,
    files,
    images,
    lineages,
    reporting,
    runs,
    sql,
)


class Page(NamedTuple):
    """One address.

    Parameters
    ----------
    path : str
        With the names of its parts.
    function : callable
        From a request to a View or a Response.
    raw : bool, optional
        Whether it is a file of its own, such as a picture, and has no JSON.
    """

    path: str
    function: Callable[..., Any]
    raw: bool = False

    @property
    def json_path(self) -> str:
        """What its JSON and CSV are called, without the ending."""
        return "/runs" if self.path == "/" else self.path

    @property
    def sentence(self) -> str:
        """What it shows: the first line of its function's docstring, which says it."""
        return (self.function.__doc__ or "").strip().split("\n", 1)[0]


PAGES: tuple[Page, ...] = (
    Page("/", runs.start),
    Page("/run/{run}/lightcurve", runs.lightcurve),
    Page("/run/{run}", runs.run),
    Page("/run/{run}/aor/{aorkey}", aors.aor),
    Page("/run/{run}/image/{row}", images.image),
    Page("/run/{run}/figure/{name}.png", figures.png, raw=True),
    Page("/run/{run}/figure/{name}.svg", figures.svg, raw=True),
    Page("/run/{run}/figure/{name}.pdf", figures.pdf, raw=True),
    Page("/run/{run}/figure/{name}.ecsv", figures.ecsv, raw=True),
    Page("/run/{run}/figure/{name}", figures.figure),
    Page("/files", files.files),
    Page("/file/{file}/header.txt", files.header_text, raw=True),
    Page("/file/{file}", files.file),
    Page("/frame/{frame}", files.frame),
    Page("/problems", files.problems),
    Page("/compare", comparing.choose),
    Page("/compare/{a}/{b}", comparing.two_runs),
    Page("/compare/{a}/{b}/aor/{aorkey}", comparing.one_aor),
    Page("/run/{run}/aor/{aorkey}/lineage", lineages.of_aor),
    Page("/file/{file}/lineage", lineages.of_file),
    Page("/frame/{frame}/lineage", lineages.of_frame),
    Page("/sql", sql.sql),
    Page("/run/{run}/report.html", reporting.report, raw=True),
)
"""All of them."""
