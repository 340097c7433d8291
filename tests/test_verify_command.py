"""``iracdb verify`` as a user types it, on the real archive and on runs of 2018."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from helpers import iracdb
from iracdb_cli.main import main
from published_helpers import copy_run, dump
from verify_helpers import a_copy, a_database, change

from iracdb import Catalogue
from iracdb.catalogue.tables import metadata

RADII = (3, 3, 7)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def origin(
    request: pytest.FixtureRequest, reference: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """Where there are runs over the real archive, one imported run, one recomputed; its files."""
    folder = tmp_path_factory.mktemp("origin")
    files = folder / "archive"
    for path in (reference / "archive").rglob("*_bcd.fits"):
        copy = files / path.relative_to(reference / "archive")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    copy_run(reference / "published_runs", folder / "runs", "run14")
    with ExitStack() as stack:
        location = str(folder / "iracdb.sqlite")
        if request.param == "postgresql":
            location = stack.enter_context(a_database(request.getfixturevalue("postgres_server")))
        with Catalogue(location) as catalogue:
            catalogue.ingest(files)
            catalogue.run(run_id=2, channel=2, radius=RADII)
            catalogue.run(run_id=3, channel=2, radius=RADII, recipe="published-2018")
            catalogue.run(run_id=4, channel=4, radius=RADII)
            catalogue.import_runs(folder / "runs")
            catalogue.keep_recomputed(catalogue.recompute("run14"), number=15)
        yield location, files


@pytest.fixture
def here(
    origin: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A copy in which one works; its location."""
    with a_copy(origin[0], tmp_path) as location:
        monkeypatch.setenv("IRACDB_DATABASE_URL", location)
        monkeypatch.chdir(tmp_path)
        yield location


Typed = Callable[..., tuple[int, str]]


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    """Carry a command out: exit status and stdout; nothing goes to stderr."""

    def carry_out(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        status = main(list(words))
        printed = capsys.readouterr()
        assert printed.err == ""
        return status, printed.out

    return carry_out


def test_exactly_the_same(here: str, typed: Typed) -> None:
    for number, images, aors in ((2, 12 + 11, 2), (3, 12 + 11, 2), (4, 12, 1)):
        status, out = typed("verify", str(number))
        assert status == 0
        what = f"{images} image results, {aors} AOR result{'s' if aors > 1 else ''}"
        assert out.splitlines()[-1] == f"run{number} is exactly the same: {what}"
        assert f"Inputs: {images} of {images} files hold the bytes that were measured\n" in out


def test_json(here: str, typed: Typed) -> None:
    status, out = typed("verify", "run2", "--json")
    told = json.loads(out)
    assert (status, told["verdict"], told["partial"]) == (0, "exact", False)
    assert told["images"] == {"same": 23, "differs": 0, "not_checked": 0}
    assert told["aors"] == {"same": 2, "differs": 0, "not_checked": 0}
    assert told["inputs"] == {"same": 23, "moved": 0, "changed": 0, "missing": 0, "files": []}
    assert told["faults"] == told["columns"] == told["rows"] == []
    assert isinstance(told["environment"], list)


def test_a_sample_is_said_and_repeated(here: str, typed: Typed) -> None:
    status, out = typed("verify", "2", "--sample", "5")
    assert status == 0
    (said,) = [line for line in out.splitlines() if line.startswith("A sample: ")]
    seed = said.removeprefix("A sample: 5 of 23 images, with --seed ")
    assert "Inputs: 5 of 5 files hold" in out
    assert out.splitlines()[-2:] == [
        "Not checked: 18 image results, 2 AOR results",
        "In this sample run2 is exactly the same: 5 image results, 0 AOR results",
    ]
    first = json.loads(typed("verify", "2", "--sample", "5", "--seed", seed, "--json")[1])
    assert first["sample"] == {"images": 5, "of": 23, "seed": int(seed)}
    assert first["partial"] is True
    with Catalogue(here, create=False) as catalogue:
        query = "SELECT outcome, detail FROM activity WHERE kind = 'verify' ORDER BY id"
        rows = catalogue.sql(query).rows
    details = [json.loads(d) if isinstance(d, str) else d for _, d in rows]
    assert [outcome for outcome, _ in rows] == ["exact", "exact"]
    assert [detail["sample"]["seed"] for detail in details] == [int(seed)] * 2


def test_differences_are_shown(here: str, typed: Typed) -> None:
    with Catalogue(here, create=False) as catalogue:
        change(catalogue, "UPDATE image_result SET raw = raw * 1.25 WHERE row_number = 3 AND "
               "aor_result_id IN (SELECT id FROM aor_result WHERE run_id = 2)")  # fmt: skip
        change(catalogue, "UPDATE aor_result SET flux = flux + 1 WHERE run_id = 2 AND "
               "aorkey = 46466816")  # fmt: skip
        change(catalogue, "UPDATE software SET python = 'CPython 2.7'")
    status, out = typed("verify", "2")
    assert status == 1
    lines = out.splitlines()
    assert lines[-1] == "run2 differs: 1 of 23 image results, 1 of 2 AOR results"
    assert any(line.split()[:3] == ["python", "CPython", "2.7"] for line in lines)
    assert any(
        line.startswith("Record: Its results are not those noted at its close") for line in lines
    )
    rows = [line.split() for line in lines]
    assert any(row[:3] == ["images", "raw", "1"] and "0.2" in row for row in rows)
    assert any(row[:2] == ["images", "38703360"] and "raw" in row for row in rows)
    assert max(map(len, lines)) < 130
    told = json.loads(typed("verify", "2", "--json")[1])
    assert (told["verdict"], told["images"]["differs"]) == ("differs", 1)
    (image,) = [row for row in told["rows"] if row["table"] == "images"]
    assert (image["aorkey"], image["expid"], image["what"]) == (38703360, 2, "changed")
    pair = image["columns"]["raw"]
    assert pair["stored"] == pytest.approx(1.25 * pair["again"])
    assert [c["column"] for c in told["columns"]] == ["raw", "flux"]


def test_an_imported_run(here: str, typed: Typed) -> None:
    status, out = typed("verify", "14")
    assert status == 1
    assert out == (
        "run14 was imported: its images are not here to be measured again. "
        "'iracdb recompute 14' makes its averages again from its image table\n"
    )
    told = json.loads(typed("verify", "14", "--json")[1])
    assert (told["verdict"], told["made_from"]) == ("inputs-missing", None)
    assert told["images"] == {"same": 0, "differs": 0, "not_checked": 10}


def test_a_kept_recomputation(here: str, typed: Typed) -> None:
    status, out = typed("verify", "15")
    assert status == 0
    assert out.startswith("Recomputed from the image table of run14\n")
    assert out.endswith("run15 is exactly the same: 10 image results, 1 AOR result\n")
    assert json.loads(typed("verify", "15", "--json")[1])["made_from"] == "run14"


def test_inputs_are_named(here: str, typed: Typed, origin: tuple[str, Path]) -> None:
    paths = sorted((origin[1] / "r46466816").rglob("*.fits"))
    kept = [path.read_bytes() for path in paths[:3]]
    try:
        content = bytearray(kept[0])
        content[len(content) // 2] ^= 1
        paths[0].write_bytes(content)
        place = kept[1].index(b"OBSRVR  =") + 11
        paths[1].write_bytes(kept[1][:place] + b"Z" + kept[1][place + 1 :])
        paths[2].unlink()
        status, out = typed("verify", "2")
        told = json.loads(typed("verify", "2", "--json")[1])
    finally:
        for path, before in zip(paths, kept, strict=False):
            path.write_bytes(before)
    assert status == 1
    lines = out.splitlines()
    assert lines[0] == "Inputs: 20 of 23 files hold the bytes that were measured"
    assert lines[1] == f"  changed: {paths[0]}: other pixels"
    assert lines[2] == f"  changed: {paths[1]}: the same pixels under another header"
    assert lines[3] == f"  missing: {paths[2]}"
    assert lines[-3:] == [
        "Exactly the same: 20 image results, 1 AOR result",
        "Not checked: 3 image results, 1 AOR result",
        "run2 cannot be made again: 2 files changed, 1 file missing",
    ]
    assert told["verdict"] == "inputs-changed"
    states = [(one["name"], one["state"], one["what"]) for one in told["inputs"]["files"]]
    assert states[:2] == [
        (paths[0].name, "changed", "pixels"),
        (paths[1].name, "changed", "header"),
    ]
    assert states[2][:2] == (paths[2].name, "missing")
    assert typed("verify", "2")[0] == 0


def test_refused(here: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Catalogue(here, create=False) as catalogue:
        change(catalogue, "UPDATE run SET state = 'running' WHERE run_id = 4")
    for words, said in ((["verify", "9"], "There is no run 9"), (["verify", "4"], "not finished"),
                        (["verify", "--", "-1"], "There is no run -1")):  # fmt: skip
        assert main(words) == 3
        printed = capsys.readouterr()
        assert printed.out == ""
        assert said in printed.err


def test_show_tells_the_digest(here: str, typed: Typed) -> None:
    for run in ("2", "14", "15"):
        digest = typed("digest", run)[1].split()[0]
        assert f"sha256 {digest}" in typed("show", run)[1]
        assert json.loads(typed("show", run, "--json")[1])["result_digest"] == digest


# --- Interrupted ---------------------------------------------------------------------------------

_INTERRUPT = """
import os, signal
from iracdb.verify.again import _Comparing as owner

calls, original = 0, owner.aor

def interrupting(*arguments):
    global calls
    calls += 1
    if calls == 2:
        os.killpg(os.getpgid(0), signal.SIGINT)  # as Ctrl-C does: workers too
    return original(*arguments)

owner.aor = interrupting
"""


def without_statistics(location: str) -> dict[str, Any]:
    with Catalogue(location, create=False) as catalogue:
        return dump(catalogue._database)


def test_an_interrupt_leaves_nothing(here: str, tmp_path: Path) -> None:
    jobs = "1" if "://" in here else "2"
    before, files = without_statistics(here), sorted(os.listdir(tmp_path))
    done = iracdb(
        "verify", "2", "--jobs", jobs, "--db", here, before=_INTERRUPT, cwd=tmp_path,
        start_new_session=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip().startswith("iracdb: Interrupted")
    assert "Traceback" not in done.stderr
    assert without_statistics(here) == before
    assert set(before) == set(metadata.tables)
    assert sorted(os.listdir(tmp_path)) == files


def test_an_unwritable_catalogue_is_verified(
    here: str, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "://" in here:
        with Catalogue(here, create=False) as catalogue, catalogue._database.write() as connection:
            name = connection.engine.url.database
            connection.exec_driver_sql(
                f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'
            )
    else:
        with Catalogue(here, create=False) as catalogue, catalogue._database.write() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER no_activity BEFORE INSERT ON activity "
                "BEGIN SELECT RAISE(ABORT, 'attempt to write a readonly database'); END"
            )
    before = without_statistics(here)
    assert typed("verify", "2")[0] == 0
    assert without_statistics(here) == before
