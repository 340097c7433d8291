"""``verify --digest``: rows, exported tables, proofs and catalogues against a digest."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from iracdb_cli.main import main
from verify_helpers import STAR, archive, change, exposures

from iracdb import Catalogue
from iracdb.export.tables import export_run
from iracdb.verify.answers import DigestCheck
from iracdb.verify.files import check_files

RADII = (3, 3, 7)
OTHER = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue with run 5, its tables in both formats, and a proof."""
    folder = tmp_path_factory.mktemp("made")
    archive(folder / "frames", *exposures(3), *exposures(2, replace(STAR, aorkey=91000256)))
    with Catalogue(folder / "iracdb.sqlite") as catalogue:
        catalogue.ingest(folder / "frames")
        run = catalogue.run(run_id=5, kind="sub2d", radius=RADII)
        export_run(run, folder / "out", formats=("csv", "ecsv", "votable"))
        proof = catalogue.proof(5, 91000256)
    (folder / "out" / "proof.json").write_text(json.dumps(proof))
    (folder / "digest").write_text(str(run.result_digest))
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, in which one works."""
    shutil.copy(made / "iracdb.sqlite", tmp_path / "iracdb.sqlite")
    shutil.copytree(made / "out", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IRACDB_DATABASE_URL", raising=False)
    return tmp_path


@pytest.fixture
def digest(made: Path) -> str:
    return (made / "digest").read_text()


Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    """Carry a command out: exit status, stdout, stderr."""

    def carry_out(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(list(words))
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return carry_out


AOR = ["run5_aor_data.ecsv", "run5_aor_data.vot"]
IMG = ["run5_img_data.ecsv", "run5_img_data.vot"]


# --- Yes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shown", [slice(64), slice(12), slice(63)])
@pytest.mark.parametrize(
    "what", [["5"], ["run5"], ["RUN5"], ["iracdb.sqlite"], ["proof.json"], [AOR[0]], [AOR[1]],
             [IMG[0]], [IMG[1]], [AOR[0], IMG[1]], [IMG[0], AOR[0]]],
    ids=" ".join,
)  # fmt: skip
def test_yes(here: Path, typed: Typed, digest: str, what: list[str], shown: slice) -> None:
    given = digest[shown]
    status, out, err = typed("verify", "--digest", given.upper(), *what)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("Yes: ")
    assert "with the digest" in lines[0]
    assert lines[1] == f"  {digest}"
    assert (f"of which {len(given)} of 64 digits were given" in out) is (len(given) < 64)
    assert typed("verify", *what, "--digest", given)[0] == 0


@pytest.mark.parametrize("what", [["5"], ["iracdb.sqlite"], ["proof.json"], AOR[:1], IMG[1:],
                                  [AOR[1], IMG[1]]], ids=" ".join)  # fmt: skip
def test_what_they_carry(here: Path, typed: Typed, digest: str, what: list[str]) -> None:
    for words in ([*what, "--digest"], ["--digest", *what]):
        status, out, _ = typed("verify", *words)
        assert (status, out.splitlines()[1]) == (0, f"  {digest}")
        assert "that it carries" in out or "that they carry" in out
    if what != ["5"]:
        assert typed("verify", *what)[0] == 0


def test_a_proof_shows_what_it_proves(here: Path, typed: Typed, digest: str) -> None:
    with Catalogue("iracdb.sqlite") as catalogue:
        row = catalogue.get(5).averages()[1]
    out = typed("verify", "proof.json", "--digest", digest)[1]
    assert (
        f"AORKEY 91000256, Target SIM-STAR, Frame Group SUB 2.0 s, Flux (mJy) {row.flux!r}" in out
    )
    told = json.loads(typed("verify", "proof.json", "--digest", digest, "--json")[1])
    assert told["row"]["Flux (mJy)"] == row.flux
    assert (told["agrees"], told["found"], told["carried"]) == (True, digest, False)


# --- No ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (["5"], "its rows have the digest"),
        (["iracdb.sqlite"], "its rows have the digest"),
        (["proof.json"], "it proves its average for a run with the digest"),
        ([AOR[0]], "the file is of a run with the digest"),
        ([AOR[1], IMG[0]], "the file is of a run with the digest"),
    ],
)
def test_another_digest(here: Path, typed: Typed, digest: str, what: list[str], said: str) -> None:
    for wrong in (OTHER, digest[:20] + OTHER[:44], OTHER[:12], digest[1:]):
        status, out, _ = typed("verify", "--digest", wrong, *what)
        assert status == 1
        assert out.splitlines()[0].startswith("No: ")
        assert f"{said} {digest}" in out
        told = json.loads(typed("verify", "--digest", wrong, *what, "--json")[1])
        assert (told["agrees"], told["expected"], told["found"]) == (False, wrong, digest)


def last_digit(text: str) -> str:
    """Change the last digit of the last number with a fraction."""
    (*_, match) = re.finditer(r"\d+\.\d+", text)
    digit = text[match.end() - 1]
    return text[: match.end() - 1] + ("4" if digit != "4" else "5") + text[match.end() :]


def first_row_again(text: str) -> str:
    if "<TR>" in text:
        row = text[text.index("<TR>") : text.index("</TR>") + 5]
        return text.replace("</TABLEDATA>", f"{row}</TABLEDATA>")
    return f"{text}{text.splitlines()[-1]}\n"


@pytest.mark.parametrize("edit", [last_digit, first_row_again])
@pytest.mark.parametrize("name", [*AOR, *IMG])
def test_a_changed_table(
    here: Path, typed: Typed, digest: str, name: str, edit: Callable[[str], str]
) -> None:
    path = here / name
    text = path.read_text()
    cut = text.rindex("</TABLEDATA>") if name.endswith("vot") else len(text)
    changed = edit(text[:cut]) + text[cut:] if edit is last_digit else edit(text)
    assert changed != text
    path.write_text(changed)
    which = "averages" if "aor" in name else "images"
    sibling = (IMG if "aor" in name else AOR)[0]
    for words in ([name, "--digest", digest], [name], [name, sibling], [sibling, name]):
        status, out, _ = typed("verify", *words)
        assert status == 1, words
        assert f"the {which} in {name} were changed" in out
    assert typed("verify", sibling, "--digest", digest)[0] == 0


def test_a_table_without_one_of_its_columns(here: Path, typed: Typed, digest: str) -> None:
    path = here / AOR[0]
    path.write_text(path.read_text().replace("Flux (mJy)", "Flux"))
    status, out, _ = typed("verify", AOR[0], "--digest", digest)
    assert status == 1
    assert "the averages in run5_aor_data.ecsv are not complete" in out or "were changed" in out


@pytest.mark.parametrize("name", ["averages_sha256", "images_sha256", "results_sha256"])
def test_changed_words_about_itself(here: Path, typed: Typed, digest: str, name: str) -> None:
    path = here / AOR[0]
    path.write_text(re.sub(rf"{name}: \w+", f"{name}: {OTHER}", path.read_text()))
    carried, given = typed("verify", AOR[0]), typed("verify", AOR[0], "--digest", digest)
    if name == "averages_sha256":
        # The cells speak for themselves.
        assert (carried[0], given[0]) == (0, 0)
    elif name == "images_sha256":
        assert (carried[0], given[0]) == (1, 1)
        assert "do not go together" in carried[1]
        assert typed("verify", AOR[0], IMG[0], "--digest", digest)[0] == 0
    else:
        assert (carried[0], given[0]) == (1, 0)


def test_tables_of_two_runs(here: Path, typed: Typed) -> None:
    archive(here / "frames", *exposures(2))
    with Catalogue("other.sqlite") as catalogue:
        catalogue.ingest(here / "frames")
        export_run(catalogue.run(kind="sub2d", radius=RADII), here, formats=("ecsv",))
    status, out, _ = typed("verify", AOR[0], "run1_img_data.ecsv")
    assert (status, "the two tables are of different runs" in out) == (1, True)


def test_rows_changed_since_the_close(here: Path, typed: Typed, digest: str) -> None:
    with Catalogue("iracdb.sqlite") as catalogue:
        change(catalogue, "UPDATE image_result SET kept = NOT kept WHERE row_number = 1")
        now = catalogue.digest(5).sha256
    assert now != digest
    for words in (["--digest", digest, "5"], ["--digest", "5"], ["iracdb.sqlite"]):
        status, out, _ = typed("verify", *words)
        assert status == 1
        assert f"its rows have the digest {now}" in out
        assert f"at its close {digest} was noted: its rows were changed since" in out
    status, out, err = typed("digest", "5")
    assert (status, out.split()[0]) == (0, now)
    assert f"The digest noted at its close is {digest}" in err


# --- Forged proofs -------------------------------------------------------------------------------


def edited(column: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def edit(document: dict[str, Any]) -> None:
        (found,) = [each for each in document["columns"] if each["title"] == column]
        found["value"] = value

    return edit


FORGERIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "flux": edited("Flux (mJy)", 30.0),
    "no flux": edited("Flux (mJy)", None),
    "flux as text": edited("Flux (mJy)", "30"),
    "AOR": edited("AORKEY", 91000000),
    "AOR and a half": edited("AORKEY", 91000256.5),
    "AOR as a double": edited("AORKEY", 91000256.0),
    "yes": edited("Repeat", False),
    "a list": edited("AORKEY", [91000256]),
    "target": edited("Target", "Vega"),
    "a column more": lambda d: d["columns"].append(
        {"title": "Host", "form": "text", "value": "Kepler"}
    ),
    "a column less": lambda d: d["columns"].pop(),
    "a column twice": lambda d: d["columns"].append(d["columns"][0]),
    "columns in another order": lambda d: d["columns"].reverse(),
    "more in a column": lambda d: d["columns"][0].update(note="x"),
    "a form": lambda d: d["columns"][0].update(form="float"),
    "a form that is none": lambda d: d["columns"][0].update(form="double"),
    "a form that is no text": lambda d: d["columns"][0].update(form=["integer"]),
    "columns that are none": lambda d: d.update(columns={"AORKEY": 1}),
    "place": lambda d: d.update(place=1 - d["place"]),
    "place that is no number": lambda d: d.update(place="0"),
    "true": lambda d: d.update(averages=True),
    "averages": lambda d: d.update(averages=3),
    "infinitely many": lambda d: d.update(averages=float("inf")),
    "path": lambda d: d.update(path=[OTHER]),
    "no path": lambda d: d.update(path=[]),
    "a long path": lambda d: d.update(path=[OTHER] * 5000, averages=2**5001),
    "path of numbers": lambda d: d.update(path=[1]),
    "images": lambda d: d.update(images_sha256=OTHER),
    "images that are none": lambda d: d.update(images_sha256=None),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_proof(here: Path, typed: Typed, digest: str, name: str) -> None:
    path = here / "proof.json"
    document = json.loads(path.read_text())
    FORGERIES[name](document)
    path.write_text(json.dumps(document))
    for words in (["--digest", digest, "proof.json"], ["proof.json"]):
        status, out, err = typed("verify", *words)
        assert status in (1, 3), (out, err)
        assert (out == "") is (status == 3)
        assert err.count("\n") == (status == 3)


def test_what_stands_beside_a_proof_proves_nothing(here: Path, typed: Typed, digest: str) -> None:
    """A digest written into the proof itself is only the word of who wrote it."""
    path = here / "proof.json"
    document = json.loads(path.read_text())
    document.update(results_sha256=OTHER, run_name="another", run_uuid="none")
    path.write_text(json.dumps(document))
    assert typed("verify", "proof.json")[0] == 1
    assert typed("verify", "proof.json", "--digest", digest)[0] == 0


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "{}", '{"scheme": "iracdb-result-2"}', '{"a": 1, "a": 2}', "[" * 10_000,
     '{"scheme": "iracdb-result-1"}', "\x00\x01"],
)  # fmt: skip
def test_json_that_is_no_proof(here: Path, typed: Typed, digest: str, content: str) -> None:
    (here / "p.json").write_text(content)
    status, out, err = typed("verify", "p.json", "--digest", digest)
    assert (status, out, err.count("\n")) == (3, "", 1)


def test_a_proof_that_says_a_thing_twice(here: Path, typed: Typed, digest: str) -> None:
    text = (here / "proof.json").read_text()
    assert typed("verify", "proof.json", "--digest", digest)[0] == 0
    (here / "proof.json").write_text(
        text.replace('"value": 91000256', '"value": 1, "value": 91000256')
    )
    assert typed("verify", "proof.json", "--digest", digest)[0] == 3


# --- What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 2, "Name a run, or a file that carries a digest"),
        (["--digest"], 2, "Name a run, or a file"),
        (["--digest", OTHER], 2, "Name a run, or a file"),
        (["5", "6"], 2, "Give one run at a time"),
        (["5", "proof.json"], 2, "Give a run or files, not both"),
        (["--digest", OTHER, "5", AOR[0]], 2, "Give a run or files, not both"),
        (["--digest", OTHER[:11], "5"], 2, "'0123456789a' is no digest"),
        (["--digest", OTHER + "0", "5"], 2, "is no digest: give its 64 hexadecimal digits"),
        (["--digest", "sha256", "5"], 2, "'sha256' is no digest"),
        (["--digest", OTHER, "5", "--sample", "3"], 2, "--sample goes with measuring a run again"),
        ([AOR[0], "--jobs", "1"], 2, "--jobs goes with measuring a run again"),
        (["--digest", "5", "--seed", "1"], 2, "--seed goes with measuring a run again"),
        ([AOR[0], AOR[1]], 2, "Two files of one kind of table"),
        ([AOR[0], IMG[0], AOR[1]], 2, "Give one file, or the two tables of one run"),
        ([AOR[0], "proof.json"], 2, "Give one file, or the two tables of one run"),
        (["6", "--digest"], 3, "There is no run 6"),
        (["none.ecsv"], 3, "none.ecsv cannot be read"),
        (["run5_aor_data.csv"], 3, "carries no digest: it is neither ECSV"),
        (["--digest", OTHER, "run5_log.txt"], 3, "carries no digest"),
        (["."], 3, ". cannot be read: Is a directory"),
        (["--sample", "0", "5"], 2, "--sample"),
        (["--seed", "1", "5"], 2, "A seed chooses a sample"),
    ],
)
def test_refused(here: Path, typed: Typed, words: list[str], status: int, said: str) -> None:
    found, out, err = typed("verify", *words)
    assert (found, out, err.count("\n")) == (status, "", 1)
    assert said in err
    assert "fault of iracdb" not in err


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.ecsv", "x"), ("a.ecsv", "# %ECSV 1.0\n# ---\n# {oops\nx\n1\n"), ("a.vot", "<VOTABLE"),
     ("a.vot", "<html></html>"), ("a.ecsv", ""), ("a.xml", "")],
)  # fmt: skip
def test_tables_that_are_none(here: Path, typed: Typed, name: str, content: str) -> None:
    (here / name).write_text(content)
    found, out, err = typed("verify", name)
    assert (found, out, err.count("\n")) == (3, "", 1)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("results_scheme: iracdb-result-1", "results_scheme: iracdb-result-9", "iracdb-result-9"),
        ("results_scheme", "results_plan", "carries no digest: export the run again"),
        ("averages_sha256: ", "averages_sha256: x", "no usable averages_sha256"),
    ],
)
def test_tables_without_a_usable_digest(
    here: Path, typed: Typed, old: str, new: str, said: str
) -> None:
    path = here / AOR[0]
    path.write_text(path.read_text().replace(old, new))
    found, out, err = typed("verify", AOR[0])
    assert (found, out) == (3, "")
    assert said in err


def test_a_catalogue_of_several_runs(here: Path, typed: Typed) -> None:
    with Catalogue("iracdb.sqlite") as catalogue:
        change(
            catalogue,
            "INSERT INTO run (run_id, uuid, name, name_key, origin, state, layout, parameters, "
            "parameters_digest) VALUES (6, 'u', 'run6', 'run6', 'executed', 'running', "
            "'16-14-NY', '{}', 'x')",
        )
    found, _, err = typed("verify", "iracdb.sqlite")
    assert found == 3
    assert "holds 2 runs (run5, run6): name one, with --db iracdb.sqlite" in err
    assert "not finished" in typed("verify", "--digest", "6")[2]
    assert "not finished" in typed("digest", "6")[2]
    assert typed("verify", "--digest", "5", "--db", "iracdb.sqlite")[0] == 0


def test_a_frozen_run(reference: Path, here: Path, typed: Typed, digest: str) -> None:
    with Catalogue("iracdb.sqlite") as catalogue:
        catalogue.import_runs(reference / "published_runs" / "run14_log.txt")
        catalogue.keep_recomputed(catalogue.recompute("run14"), number=15)
        digests = {number: catalogue.digest(number).sha256 for number in (5, 14, 15)}
        for number in digests:
            catalogue.freeze(number, here / f"frozen{number}.sqlite")
    assert digests[5] == digest
    for number, cited in digests.items():
        # The file of run 15 holds its parent too.
        name = f"frozen{number}.sqlite"
        assert typed("verify", name, "--digest", cited[:30])[0] == 0
        assert typed("verify", name)[0] == 0
        assert typed("verify", name, "--digest", OTHER)[0] == 1
        assert typed("verify", "--digest", cited, str(number), "--db", name)[0] == 0
        assert typed("digest", str(number), "--db", name)[1].split()[0] == cited
    assert typed("verify", "15", "--db", "frozen15.sqlite")[0] == 0
    assert typed("verify", "14", "--db", "frozen14.sqlite")[0] == 1
    before = (here / "frozen5.sqlite").read_bytes()
    assert typed("verify", "5", "--db", "frozen5.sqlite")[:2] == typed("verify", "5")[:2]
    assert (here / "frozen5.sqlite").read_bytes() == before


def test_a_frozen_run_that_was_changed(here: Path, typed: Typed, digest: str) -> None:
    import sqlite3

    with Catalogue("iracdb.sqlite") as catalogue:
        catalogue.freeze(5, here / "frozen.sqlite")
    (here / "frozen.sqlite").chmod(0o644)
    with sqlite3.connect(here / "frozen.sqlite") as connection:
        connection.execute("UPDATE aor_result SET flux = flux * 2")
    connection.close()
    for words in ((), ("--digest", digest)):
        status, out, _ = typed("verify", "frozen.sqlite", *words)
        assert (status, "its rows were changed since" in out) == (1, True)


def test_another_sqlite_file(here: Path, typed: Typed) -> None:
    import sqlite3

    with sqlite3.connect("x.sqlite") as connection:
        connection.execute("CREATE TABLE a (b)")
    connection.close()
    assert typed("verify", "x.sqlite")[0] == 4


def test_a_run_of_which_no_digest_was_noted(
    reference: Path, here: Path, typed: Typed, tmp_path: Path
) -> None:
    with Catalogue("imported.sqlite") as catalogue:
        catalogue.import_runs(reference / "published_runs" / "run14_log.txt")
        with catalogue._database.write() as connection:
            connection.exec_driver_sql("UPDATE run SET result_digest = NULL")
        digest = catalogue.digest(14).sha256
        export_run(catalogue.get(14), tmp_path, formats=("ecsv",))
    found, _, err = typed("verify", "imported.sqlite")
    assert found == 2
    assert "No digest of run 14 (run14) was noted" in err
    assert typed("verify", "imported.sqlite", "--digest", digest)[0] == 0
    assert typed("verify", "14", "--digest", digest, "--db", "imported.sqlite")[0] == 0
    assert typed("verify", "run14_aor_data.ecsv", "--digest", digest)[0] == 0


# --- digest --------------------------------------------------------------------------------------


def test_digest_prints_the_parts(here: Path, typed: Typed, digest: str) -> None:
    status, out, err = typed("digest", "5")
    assert (status, err) == (0, "")
    with Catalogue("iracdb.sqlite") as catalogue:
        found = catalogue.digest("run5")
    assert out.splitlines() == [
        f"{digest}  run5",
        f"{found.averages.sha256}  2 averages",
        f"{found.images.sha256}  5 images",
    ]
    told = json.loads(typed("digest", "run5", "--json")[1])
    assert (told["sha256"], told["noted"], told["scheme"]) == (digest, digest, "iracdb-result-1")
    assert told["averages"]["rows"] == 2
    assert told["images"]["columns"][0] == "Time[MJD]"
    assert told["images"]["sha256"] == found.images.sha256


def test_digest_writes_a_proof(here: Path, typed: Typed, digest: str) -> None:
    status, out, _ = typed("digest", "5", "--aor", "91000000")
    assert status == 0
    assert json.loads(out)["results_sha256"] == digest
    (here / "other.json").write_text(out)
    assert typed("verify", "other.json", "--digest", digest)[0] == 0
    assert typed("digest", "5", "--aor", "91000000", "--target", "SIM-STAR")[1] == out
    assert typed("digest", "5", "--aor", "17")[0] == 3
    assert typed("digest", "5", "--aor", "91000000", "--target", "Vega")[0] == 3
    assert typed("digest", "5", "--target", "Vega")[0] == 2
    assert typed("digest", "6")[0] == 3


def test_what_a_stranger_wrote_is_printed_harmlessly(here: Path, typed: Typed, digest: str) -> None:
    document = json.loads((here / "proof.json").read_text())
    document["run_name"] = "\x1b[31mred"
    (here / "proof.json").write_text(json.dumps(document))
    out = typed("verify", "proof.json", "--digest", digest)[1]
    assert "\x1b" not in out
    assert "\\x1b[31mred" in out


# --- From Python ---------------------------------------------------------------------------------


@pytest.fixture
def catalogue(here: Path) -> Iterator[Catalogue]:
    with Catalogue(here / "iracdb.sqlite") as opened:
        yield opened


def test_the_same_from_python(catalogue: Catalogue, here: Path, digest: str) -> None:
    checks = [
        catalogue.check_digest(5, digest), catalogue.check_digest("run5"),
        catalogue.check_files(here / AOR[0], digest=digest),
        catalogue.check_files(here / AOR[0], here / IMG[1]), check_files([here / "proof.json"]),
    ]  # fmt: skip
    assert [check.agrees for check in checks] == [True] * 5
    assert [check.carried for check in checks] == [False, True, False, True, True]
    assert {check.found for check in checks} == {digest}
    wrong = catalogue.check_digest(5, OTHER)
    assert isinstance(wrong, DigestCheck)
    assert (wrong.agrees, wrong.run, len(wrong.differs)) == (False, "run5", 2)
