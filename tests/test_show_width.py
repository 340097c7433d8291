"""On a narrow terminal tables fit, and say what they leave out; elsewhere nothing is left out."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import put, spec
from iracdb_cli.main import main
from iracdb_cli.output import print_table

from iracdb import Catalogue

STYLE = re.compile(r"\x1b\[[0-9;]*m")
NAME = "SIM-a name that takes some room"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two runs over two missions of one star."""
    folder = tmp_path_factory.mktemp("wide")
    for place, mjd in enumerate((53_000.0, 53_100.0, 56_001.0, 56_400.0, 56_900.0)):
        for expid in range(2):
            put(
                folder / "archive",
                spec(aorkey=90_000_000 + 256 * place, expid=expid, mjd=mjd + expid / 100,
                     flux_mjy=100 + place + expid / 10, label="SIM_a_long_label_of_an_AOR"),
            )  # fmt: skip
    path = folder / "iracdb.sqlite"
    with Catalogue(path) as catalogue:
        catalogue.ingest(folder / "archive")
        options = {"channel": 2, "kind": "sub2d", "radius": (3, 3, 7), "target": NAME}
        comment = "the comment of a run is as long as somebody likes"
        catalogue.run(run_id=13, **options, comment=comment)
        catalogue.run(run_id=14, **options, sky="median", pixel_phase=False)
        catalogue.run(run_id=15, **options, aors=[90_000_000])
    yield path


@pytest.fixture
def typed(made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def carry_out(*words: str, columns: int | None = 80) -> tuple[str, str]:
        with monkeypatch.context() as patch:
            patch.setenv("TERM", "xterm")
            if columns is not None:
                patch.setenv("COLUMNS", str(columns))
                patch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
            assert main([*words, "--db", str(made)]) in (0, 1)
        found = capsys.readouterr()
        return STYLE.sub("", found.out), found.err

    return carry_out


def tables(text: str) -> list[str]:
    """The lines of tables: from the titles above a rule to the first empty line or sentence."""
    lines, found = text.splitlines(), []
    for place, line in enumerate(lines):
        if line and set(line) == {"─"}:
            found.append(lines[place - 1])
            for below in lines[place:]:
                if not below:
                    break
                found.append(below)
    return found


@pytest.mark.parametrize("words", [("runs",), ("aors",), ("compare", "13", "14")])
def test_tables_fit_a_narrow_terminal(typed, words: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    out, err = typed(*words)
    if words[0] != "compare":
        assert max(map(len, out.splitlines())) <= 80
    rules = [line for line in out.splitlines() if line and set(line) == {"─"}]
    assert rules and max(map(len, rules)) <= 80
    assert "Left out, since the terminal is too narrow: " in err
    assert "…" not in out, "nothing is cut"
    full, quiet = typed(*words, columns=None)
    assert "Left out" not in quiet
    for title in re.findall(r"narrow: ([^()]*) \(", err)[0].split(", "):
        assert title in full
    wide, said = typed(*words, columns=400)
    assert "Left out" not in said
    assert wide.split() == full.split()


def test_a_digest_is_folded_and_not_cut(typed, made: Path) -> None:  # type: ignore[no-untyped-def]
    out, _ = typed("show", "13")
    with Catalogue(made) as catalogue:
        digest = catalogue.get(13).result_digest
    assert digest is not None
    assert digest in "".join(out.split())
    assert max(map(len, tables(out))) <= 80


def test_show_draws_on_a_terminal_alone(typed, made: Path) -> None:  # type: ignore[no-untyped-def]
    out, _ = typed("show", "13")
    picture = out[out.index("5 averages by time, mJy") :].splitlines()
    assert max(map(len, picture)) <= 80
    assert any("cryogenic" in line and "warm" in line for line in picture)
    with Catalogue(made) as catalogue:
        fluxes = [row.flux for row in catalogue.get(13).averages()]
    labels = [float(line.split(" ┤")[0]) for line in picture if " ┤" in line]
    assert labels[0] == pytest.approx(max(fluxes), abs=0.01)
    assert labels[-1] == pytest.approx(min(fluxes), abs=0.01)
    assert "by time" not in typed("show", "13", columns=None)[0]
    assert "by time" not in typed("show", "13", "--no-curve")[0]
    assert "5 averages by time, mJy" in typed("show", "13", "--curve", columns=None)[0]
    assert "by time" not in typed("show", "13", "--curve", "--json", columns=None)[0]


def test_a_run_over_one_aor_is_drawn_image_by_image(typed) -> None:  # type: ignore[no-untyped-def]
    assert "2 images by time, mJy" in typed("show", "15")[0]


def test_what_cannot_be_encoded_is_drawn_plainly(  # type: ignore[no-untyped-def]
    made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (tmp_path / "out").open("w", encoding="ascii", errors="replace") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["show", "13", "--curve", "--db", str(made)]) == 0
    text = (tmp_path / "out").read_text(encoding="ascii")
    picture = text[text.index("5 averages by time") :]
    assert "?" not in picture.split("Problem")[0]
    assert " +" in picture and "cryogenic" in picture


def test_numbers_stand_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    print_table(("Words", "Number", "Spare"), [("one two three four " * 3, 123456.5, "x" * 30)],
                spare=("Spare",), more="--json lists all")  # fmt: skip
    found = capsys.readouterr()
    assert "123456.5" in found.out
    assert max(len(STYLE.sub("", line)) for line in found.out.splitlines()) <= 40
    assert found.err == ("Left out, since the terminal is too narrow: Spare (--json lists all)\n")
