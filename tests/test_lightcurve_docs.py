"""docs/lightcurves.md: its commands print what it shows, its tables are the program's."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.table import QTable
from docs_helpers import blocks, console, table, text_of, the_same
from iracdb_cli.main import cli, main

from iracdb.photometry.units import UNITS
from iracdb.runs.lightcurve_columns import (
    IDENTITY,
    MEASURED,
    PRINTED_TIME,
    TIMES,
    flux_columns,
)

PAGE = "docs/lightcurves.md"


def test_the_page_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IRACDB_DATABASE_URL", raising=False)
    shown = 0
    for words, expected in console(text_of(PAGE)):
        assert words[0] == "iracdb"
        status = main(words[1:])
        found = capsys.readouterr()
        assert status == (3 if "no target" in expected else 0), words
        if expected:
            shown += 1
            # Lines drawn across a table are as wide as its numbers.
            told = (found.out + found.err).replace("─", "")
            assert the_same(expected.replace("─", ""), told), told
    assert shown == 3
    reading, making = blocks(text_of(PAGE), "python")
    names: dict[str, object] = {}
    exec(compile(reading, PAGE, "exec"), names)
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("SIM-HD 290458 handbook ")
    assert second == "372 images, 372 kept"
    assert float(third.split()[-1]) == pytest.approx(1, abs=0.1)
    exec(compile(making, PAGE, "exec"), names)
    assert capsys.readouterr().out == "electron MJy / sr\n"
    curve = names["curve"]
    assert isinstance(curve, QTable)
    listed = [row[0] for row in table(text_of(PAGE), "column", "unit")]
    assert [name for name in listed if name != PRINTED_TIME.title] == curve.colnames


def test_tables_of_the_page() -> None:
    text = text_of(PAGE)
    columns = (*IDENTITY, *TIMES, PRINTED_TIME, *flux_columns("mJy"), *MEASURED)
    units = {"flux", "flux_err", "flux_uncorrected"}
    assert table(text, "column", "unit") == [
        [c.title, "--unit" if c.title in units else c.unit or "", c.sentence] for c in columns
    ]
    assert dict(table(text, "unit", "what it is")) == UNITS
    listed = {row[0] for row in table(text, "option", "what it does")}
    options = {option.opts[0] for option in cli.commands["lightcurve"].params}
    assert listed == {name for name in options if name.startswith("--")} - {"--db", "--debug"}
    assert "--within" in text
