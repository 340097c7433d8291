"""A run's citable digest: the same for the same values, another for the least change."""

from __future__ import annotations

import hashlib
import json
import math
import random
import shutil
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published_helpers import copy_run
from run_helpers import select
from sqlalchemy import text
from verify_helpers import (
    STAR,
    archive,
    change,
    exposures,
    only,
    read_ecsv,
    read_votable,
    run_digest,
    table_digest,
    tree,
)

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.errors import InputRefused, NotFound, RunRefused, UsageError
from iracdb.export.tables import export_run
from iracdb.layouts import AOR_TABLES, IMG_TABLES
from iracdb.more_columns import AOR_MORE, IMG_MORE
from iracdb.runs import digest as digest_module
from iracdb.runs.digest import (
    Proof,
    digest_averages,
    digest_images,
    digest_results,
    joined_digest,
    prove,
    proven_digest,
)

Values = dict[tuple[str, Any], Sequence[Any]]


def as_table(values: Values) -> list[tuple[str, str, Sequence[Any]]]:
    return [(title, form, cells) for (title, form), cells in values.items()]


FLOATS = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))
INTEGERS = st.one_of(st.none(), st.integers(-(2**63) + 1, 2**63 - 1))
TEXTS = st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=8))
ROWS = st.lists(st.tuples(INTEGERS, FLOATS, TEXTS, FLOATS), max_size=12)


def values_of(rows: Sequence[tuple[Any, ...]]) -> Values:
    columns = list(zip(*rows, strict=True)) or [()] * 4
    names = [("AORKEY", "integer"), ("Flux", "float"), ("State", "text"), ("Error", "float")]
    return dict(zip(names, columns, strict=True))


# --- What it is made of --------------------------------------------------------------------------


@given(ROWS, ROWS)
@settings(max_examples=70, deadline=None)
def test_it_is_what_its_description_says(averages: Any, images: Any) -> None:
    made = digest_results(values_of(averages), values_of(images))
    assert made.averages.sha256 == table_digest("averages", as_table(values_of(averages)))
    assert made.images.sha256 == table_digest("images", as_table(values_of(images)))
    assert made.sha256 == run_digest(as_table(values_of(averages)), as_table(values_of(images)))
    assert made.averages.count == len(averages)


# Of the reference implementation of Certificate Transparency, which RFC 6962 describes.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
          "606162636465666768696a6b6c6d6e6f"]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("count", range(1, 9))
def test_the_tree_is_that_of_rfc_6962(count: int) -> None:
    leaves = [bytes.fromhex(leaf) for leaf in LEAVES[:count]]
    assert (
        digest_module._root([digest_module._leaf(leaf) for leaf in leaves]).hex()
        == (ROOTS[count - 1])
    )
    assert tree(leaves).hex() == ROOTS[count - 1]


def test_a_run_without_rows_has_one() -> None:
    nothing = digest_results(values_of([]), values_of([]))
    assert nothing.averages.columns == nothing.images.columns == ()
    assert nothing.sha256 == run_digest(as_table(values_of([])), as_table(values_of([])))
    assert digest_module._root([]) == hashlib.sha256(b"").digest()
    # Rows without any value are rows all the same.
    empty = digest_results(values_of([(None,) * 4]), values_of([]))
    assert empty.sha256 != nothing.sha256
    assert empty.averages.count == 1


# --- What it depends on --------------------------------------------------------------------------


@given(ROWS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_it_does_not_depend_on_the_order_of_rows(rows: Any, chance: random.Random) -> None:
    mixed = list(rows)
    chance.shuffle(mixed)
    assert digest_averages(values_of(rows)) == digest_averages(values_of(mixed))
    assert digest_images(values_of(rows)) == digest_images(values_of(mixed))


def one_bit(cell: Any, bit: int) -> Any:
    """A cell with one bit of it turned over."""
    if isinstance(cell, float):
        (number,) = struct.unpack(">Q", struct.pack(">d", cell))
        (found,) = struct.unpack(">d", struct.pack(">Q", number ^ (1 << bit)))
        return found
    if isinstance(cell, int):
        return cell ^ (1 << bit)
    content = bytearray(cell.encode())
    content[0] ^= 1 << (bit % 5)
    return content.decode()


@pytest.mark.parametrize("make", [digest_averages, digest_images])
@pytest.mark.parametrize("bit", range(63))
def test_one_bit_changes_it(make: Callable[[Values], Any], bit: int) -> None:
    rows = [(91000000 + n, 30.1 + n, f"HD{n}", 0.25 * n + 0.1) for n in range(5)]
    before = make(values_of(rows)).sha256
    for row in (0, 2, 4):
        for place in range(4):
            cells = list(rows[row])
            cells[place] = one_bit(cells[place], bit)
            if isinstance(cells[place], float) and not math.isfinite(cells[place]):
                continue
            changed = [*rows[:row], tuple(cells), *rows[row + 1 :]]
            assert make(values_of(changed)).sha256 != before, (row, place)


@pytest.mark.parametrize("make", [digest_averages, digest_images])
def test_no_value_is_neither_zero_nor_left_out(make: Callable[[Values], Any]) -> None:
    def of(*rows: tuple[Any, ...]) -> str:
        return str(make(values_of(rows)).sha256)

    full = (1, 2.0, "a", 3.0)
    digests = [
        of(full), of(full, full), of((1, 0.0, "a", 3.0)), of((1, None, "a", 3.0)),
        of((0, 2.0, "a", 3.0)), of((None, 2.0, "a", 3.0)), of((1, 2.0, None, 3.0)),
        of((1, 2.0, "0", 3.0)), of((1, 3.0, "a", 2.0)), of((1, 2.0, "a", None)),
        of((1, 2.0, "None", 3.0)), of((1, 0.0, "a", 3.0), full), of((1, None, "a", 3.0), full),
    ]  # fmt: skip
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, -0.0, "a", 3.0), (1, 0.0, "a", 3.0)),
        ((1, math.nan, "a", 3.0), (1, None, "a", 3.0)),
        ((1, -math.inf, "a", 3.0), (1, None, "a", 3.0)),
        ((1, 2.0, "", 3.0), (1, 2.0, None, 3.0)),
        ((1, 2.0, " a b\t\n", 3.0), (1, 2.0, "a b", 3.0)),
        ((1, 2.0, "a\r\nb\rc", 3.0), (1, 2.0, "a\nb\nc", 3.0)),
        ((1, 2, "a", 3.0), (1, 2.0, "a", 3.0)),
    ],
)
def test_values_that_are_one_in_the_tables(one: Any, other: Any) -> None:
    beside = (7, 8.0, "b", 9.0)
    assert digest_averages(values_of([one, beside])) == digest_averages(values_of([other, beside]))


def test_titles_and_forms_count() -> None:
    cells: list[Any] = [1, 2]
    digests = {
        digest_images({column: cells}).sha256
        for column in (("N", "integer"), ("M", "integer"), ("N", "float"))
    }
    assert len(digests) == 3
    # A title that looks like two columns is not two.
    values: Values = {("N", "integer"): cells, ("M", "integer"): cells}
    assert (
        digest_images(values).sha256 != digest_images({("N\tinteger\nM", "integer"): cells}).sha256
    )
    assert digest_images(values).sha256 != digest_images(dict(reversed(values.items()))).sha256


def test_averages_and_images_are_not_exchanged() -> None:
    rows = values_of([(1, 2.0, "a", 3.0)])
    assert digest_averages(rows).sha256 != digest_images(rows).sha256
    assert joined_digest("a", "b") != joined_digest("b", "a")


@pytest.mark.parametrize(
    ("form", "cell"),
    [("integer", 1.5), ("integer", "1"), ("integer", True), ("integer", 2**63), ("float", "x"),
     ("float", 2**53 + 1), ("float", False), ("text", 1), ("text", b"x"), ("float", [1.0])],
)  # fmt: skip
def test_what_is_of_another_kind_is_refused(form: Any, cell: Any) -> None:
    with pytest.raises(InputRefused, match=f"'N' holds .* which is no {form}"):
        digest_images({("N", form): [cell]})


def test_no_title_holds_what_parts_titles() -> None:
    columns = [*AOR_MORE, *IMG_MORE, *(c for table in AOR_TABLES.values() for c in table),
               *(c for table, *_ in IMG_TABLES.values() for c in table)]  # fmt: skip
    for column in columns:
        assert not {", ", "\t", "\n"} & {column.title[n : n + k] for n in range(99) for k in (1, 2)}


# --- Proofs --------------------------------------------------------------------------------------


def root_by_rfc_9162(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Verify an inclusion by the loop of RFC 9162, section 2.1.3.2."""
    fn, sn, r = index, size - 1, leaf
    for p in path:
        assert sn != 0
        if fn & 1 or fn == sn:
            r = hashlib.sha256(b"\x01" + p + r).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = hashlib.sha256(b"\x01" + r + p).digest()
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    return r


def some_averages(count: int) -> Values:
    rows = [
        (91000000 + 7 * n % 23, 30.0 + n if n % 3 else None, f"HD {n}", 0.1 * n)
        for n in range(count)
    ]
    return values_of(rows)


@pytest.mark.parametrize("count", [*range(1, 18), 31, 64, 100])
def test_every_average_is_proven(count: int) -> None:
    values = some_averages(count)
    images = digest_images(some_averages(3)).sha256
    whole = joined_digest(digest_averages(values).sha256, images)
    records = sorted(digest_module._records(values)[1])
    for row in range(count):
        proof = prove(values, images, row)
        assert proven_digest(proof) == whole
        assert proof.row == {
            title: cells[row]
            for (title, _), cells in values.items()
            if any(cell is not None for cell in cells)
        }
        found = root_by_rfc_9162(
            hashlib.sha256(b"\x00" + records[proof.index]).digest(), proof.index, count,
            [bytes.fromhex(part) for part in proof.path],
        )  # fmt: skip
        assert found == tree(records)


def forged(proof: Proof) -> Iterator[tuple[str, Proof]]:
    """A proof with something in it that the run does not say."""
    row, forms = proof.row, proof.forms
    yield "another flux", replace(proof, row={**row, "Flux": 31.0 + 2**-40})
    yield "no flux", replace(proof, row={**row, "Flux": None})
    yield "another AOR", replace(proof, row={**row, "AORKEY": row["AORKEY"] + 1})
    yield "a fraction of an AOR", replace(proof, row={**row, "AORKEY": row["AORKEY"] + 0.5})
    yield "an AOR as text", replace(proof, row={**row, "AORKEY": str(row["AORKEY"])})
    yield "an AOR as a double", replace(proof, row={**row, "AORKEY": float(row["AORKEY"])})
    yield "a truth", replace(proof, row={**row, "AORKEY": True})
    yield "a list", replace(proof, row={**row, "AORKEY": [row["AORKEY"]]})
    yield "another name", replace(proof, row={**row, "State": "HD"})
    yield "one more claim", replace(proof, row={**row, "Host": "Kepler"})
    yield "one claim less", replace(proof, row={t: c for t, c in row.items() if t != "Error"})
    yield (
        "one column less",
        replace(
            proof,
            row={t: c for t, c in row.items() if t != "Error"},
            forms={t: f for t, f in forms.items() if t != "Error"},
        ),
    )
    flux_bits = struct.unpack(">q", struct.pack(">d", row["Flux"]))[0]
    yield (
        "the same bytes as a whole number",
        replace(proof, row={**row, "Flux": flux_bits}, forms={**forms, "Flux": "integer"}),
    )
    yield "columns exchanged", replace(proof, forms=dict(reversed(forms.items())))
    yield "a form that is none", replace(proof, forms={**forms, "Flux": "double"})
    yield (
        "a column hidden in a title",
        replace(
            proof,
            row={
                "AORKEY\tinteger\nFlux": row["AORKEY"],
                "State": row["State"],
                "Error": row["Error"],
            },
            forms={"AORKEY\tinteger\nFlux": "integer", "State": "text", "Error": "float"},
        ),
    )
    for place in range(len(proof.path)):
        path = list(proof.path)
        path[place] = hashlib.sha256(b"other").hexdigest()
        yield f"hash {place}", replace(proof, path=tuple(path))
    yield "a hash more", replace(proof, path=(*proof.path, proof.path[-1]))
    yield "a hash less", replace(proof, path=proof.path[:-1])
    yield "no hashes", replace(proof, path=())
    yield "hashes in another order", replace(proof, path=proof.path[::-1])
    yield "too many hashes", replace(proof, path=proof.path * 500, count=2**1500)
    yield "half a hash", replace(proof, path=(proof.path[0][:32], *proof.path[1:]))
    yield "no hash", replace(proof, path=("x" * 64, *proof.path[1:]))
    yield "another place", replace(proof, index=proof.index ^ 1)
    yield "no place", replace(proof, index=-1)
    yield "a place behind the last", replace(proof, index=proof.count)
    yield "more averages", replace(proof, count=proof.count + 1)
    yield "fewer averages", replace(proof, count=proof.count - 1)
    yield "no averages", replace(proof, count=0, index=0)
    yield "other images", replace(proof, images=hashlib.sha256(b"other").hexdigest())
    yield "images that are none", replace(proof, images="images")
    yield "images and a line", replace(proof, images=f"{proof.images}\nmore")


@pytest.mark.parametrize("count", [2, 5, 16])
@pytest.mark.parametrize("row", [1])
def test_a_forged_proof_is_refused(count: int, row: int) -> None:
    values = some_averages(count)
    images = digest_images(some_averages(3)).sha256
    proof = prove(values, images, row)
    whole = proven_digest(proof)
    tried = dict(forged(proof))
    assert len(tried) > 30
    for name, false in tried.items():
        if name == "hashes in another order" and len(proof.path) < 2:
            continue
        try:
            found = proven_digest(false)
        except InputRefused:
            continue
        assert found != whole, name


def test_equal_averages_are_proven_alike() -> None:
    values = values_of([(1, 2.0, "a", 3.0), (5, 2.0, "b", 3.0), (1, 2.0, "a", 3.0)])
    images = digest_images(values).sha256
    whole = joined_digest(digest_averages(values).sha256, images)
    assert [proven_digest(prove(values, images, row)) for row in range(3)] == [whole] * 3


# --- Runs made here ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two AORs with stars, one without a position, one off the array."""
    folder = tmp_path_factory.mktemp("frames")
    series = [*exposures(4), *exposures(2, replace(STAR, aorkey=91000256, label=None))]
    nowhere = replace(STAR, aorkey=91000512, header={"RA_REF": None, "DEC_REF": None})
    archive(folder, *series, nowhere, replace(STAR, aorkey=91000768, x=-40.0))
    return folder


AWKWARD = ' HD 1, "star" <&é☃> # \t'


def make_run(catalogue: Catalogue, frames: Path) -> str:
    catalogue.ingest(frames)
    run = catalogue.run(run_id=7, kind="sub2d", radius=(3, 3, 7), target=AWKWARD)
    return str(run.row.result_digest)


@pytest.fixture(scope="module")
def made(module_database: Any, frames: Path) -> Iterator[Catalogue]:
    with Catalogue(module_database.url.render_as_string(hide_password=False)) as catalogue:
        make_run(catalogue, frames)
        yield catalogue


@pytest.fixture(scope="module")
def elsewhere(frames: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """The same run in a catalogue of its own, in which it is neither the first nor alone."""
    place = tmp_path_factory.mktemp("elsewhere")
    with Catalogue(place / "iracdb.sqlite") as catalogue:
        for path in sorted(frames.rglob("*.fits"), reverse=True):
            catalogue.ingest(path)
        catalogue.run(run_id=1, kind="sub2d", radius=(2, 2, 6))
        make_run(catalogue, frames)
        yield catalogue


def test_it_is_noted_at_the_close_and_the_same_in_both_databases(
    made: Catalogue, elsewhere: Catalogue
) -> None:
    ours, others = made.get(7), elsewhere.get(7)
    assert ours.row.result_digest == ours.digest.sha256 == others.row.result_digest
    assert ours.digest == others.digest
    assert elsewhere.get(1).digest.sha256 != others.digest.sha256
    assert (ours.digest.averages.count, ours.digest.images.count) == (4, 8)


@pytest.mark.parametrize(("form", "read"), [("ecsv", read_ecsv), ("votable", read_votable)])
def test_it_is_made_again_from_exported_tables(
    made: Catalogue, tmp_path: Path, form: str, read: Callable[[Path], Any]
) -> None:
    run = made.get(7)
    export_run(run, tmp_path, formats=(form,))
    parts = {}
    for which, what in (("aor", "averages"), ("img", "images")):
        (path,) = tmp_path.glob(f"run7_{which}_data.*")
        meta, table = read(path)
        assert meta["results_sha256"] == run.result_digest
        told = only(table, meta[f"{what}_columns"].split(", "))
        parts[what] = told
        assert meta[f"{what}_sha256"] == table_digest(what, told)
    assert run_digest(parts["averages"], parts["images"]) == run.result_digest
    assert (
        f"Results          : sha256 {run.result_digest} \n"
        in (tmp_path / "run7_log.txt").read_text()
    )


# What a digest is not over: numbers of the catalogue's own, the order of rows, and what follows
# from other columns.
LOCAL = {
    "aor_result": {"id", "run_id", "target_id", "row_number", "target_text"},
    "image_result": {"aor_result_id", "frame_id", "file_id", "row_number", "repeat",
                     "link_evidence"},
}  # fmt: skip


def other_value(column: Any, value: Any) -> Any:
    """Another value that a column may hold: the next one."""
    if value is None:
        return {"FLOAT": 1.5, "DOUBLE": 1.5}.get(str(column.type).split("_")[0], "1")
    if isinstance(value, bool):
        return not value
    if isinstance(value, float):
        return math.nextafter(value, math.inf)
    return value + 1 if isinstance(value, int) else f"{value}x"


def test_every_column_counts(elsewhere: Catalogue) -> None:
    before = elsewhere.get(7).digest.sha256
    checked = 0
    for table in (t.aor_result, t.image_result):
        rows = f"{table.name} r" if table is t.aor_result else (
            "image_result r JOIN aor_result a ON a.id = r.aor_result_id"
        )  # fmt: skip
        of_run = "r.run_id = 7" if table is t.aor_result else "a.run_id = 7"
        for column in table.columns:
            name = column.name
            if name in LOCAL[table.name]:
                continue
            if name == "state":
                new: Any = "empty"
            elif name == "listed":
                new = False
            else:
                (first, *_) = select(
                    elsewhere,
                    f"SELECT r.{name} AS v FROM {rows} WHERE {of_run} ORDER BY r.row_number",
                )
                python = column.type.python_type
                old = first["v"] if first["v"] is None or python is not bool else bool(first["v"])
                empty = {float: 1.5, int: 3, str: "x", bool: True}[python]
                new = empty if old is None else other_value(column, old)
            key = (
                "id = (SELECT min(id) FROM aor_result WHERE run_id = 7)"
                if table is t.aor_result
                else "rowid = (SELECT min(i.rowid) FROM image_result i JOIN aor_result a "
                "ON a.id = i.aor_result_id WHERE a.run_id = 7)"
            )
            with elsewhere._database.engine.connect() as connection:
                # Taken back at the end.
                connection.execute(
                    text(f"UPDATE {table.name} SET {name} = :new WHERE {key}"), {"new": new}
                )
                run = connection.execute(text("SELECT * FROM run WHERE run_id = 7")).one()
                after = digest_of(connection, run)
                connection.rollback()
            assert after != before, f"{table.name}.{name}"
            checked += 1
    assert checked == 87
    assert elsewhere.get(7).digest.sha256 == before


def digest_of(connection: Any, run: Any) -> str:
    from iracdb.runs.digested import digest_of_run

    return digest_of_run(connection, run).sha256


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM image_result WHERE row_number = 3 AND aor_result_id IN "
        "(SELECT id FROM aor_result WHERE run_id = 7)",
        "UPDATE aor_result SET listed = :no WHERE run_id = 7 AND row_number = 4",
    ],
)
def test_a_row_less_changes_it(made: Catalogue, statement: str) -> None:
    before = made.get(7)
    with made._database.engine.connect() as connection:
        values = {"no": False} if ":no" in statement else {}
        assert connection.execute(text(statement), values).rowcount == 1
        assert digest_of(connection, before.row) != before.result_digest
        connection.rollback()


def test_what_became_of_a_file_is_not_in_it(frames: Path, tmp_path: Path) -> None:
    """Newer files, other runs, other places: a finished run is what it was."""
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        noted = make_run(catalogue, frames)
        archive(tmp_path / "more", replace(STAR, version=2), replace(STAR, expid=9))
        catalogue.ingest(tmp_path / "more")
        catalogue.run(kind="sub2d", radius=(3, 3, 7))
        # The same bytes under the name of a newer version: from now on they are called so.
        (old,) = frames.rglob("*91000256_0001_0000_1_sub2d.fits")
        new = tmp_path / old.name.replace("_1_sub2d", "_2_sub2d")
        shutil.copy(old, new)
        catalogue.ingest(new)
        names = catalogue.sql("SELECT name FROM file").rows
        assert (new.name,) in names
        assert (old.name,) not in names
        assert catalogue.get(7).digest.sha256 == noted
        assert catalogue.verify(7).exact


# --- Asked for -----------------------------------------------------------------------------------


def test_proofs_of_every_average_of_a_run(made: Catalogue) -> None:
    from iracdb.verify.proofs import proof_of

    noted = made.get(7).row.result_digest
    keys = [row["aorkey"] for row in select(made, "SELECT aorkey FROM aor_result WHERE run_id = 7")]
    assert len(keys) == 4
    for key in keys:
        document = json.loads(json.dumps(made.proof(7, key)))
        assert document["results_sha256"] == noted
        assert proven_digest(proof_of(document)) == noted
        told = {column["title"]: column["value"] for column in document["columns"]}
        assert told["AORKEY"] == key
        assert (told["Flux (mJy)"] is None) == (key in (91000512, 91000768))


def test_an_average_that_is_not_there_or_not_alone(made: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"run7\) has no average of AOR 17"):
        made.proof(7, 17)
    with pytest.raises(NotFound, match="with that target and group"):
        made.proof(7, 91000000, target="nobody")
    positions = tmp_path / "two.csv"
    positions.write_text(
        "AOR Filepath,Target Coordinates\nr91000000,270.0 +66.0\nr91000000,270.001 +66.001\n"
    )
    archive(tmp_path, *exposures(2), replace(STAR, expid=5, frame_time=0.4))
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.ingest(tmp_path)
        run = catalogue.run(kind="sub2d", radius=(3, 3, 7), targets=positions)
        with pytest.raises(UsageError, match="has 4 averages of AOR 91000000: name one with"):
            catalogue.proof(1, 91000000)
        with pytest.raises(UsageError, match="has 2 averages"):
            catalogue.proof(1, 91000000, target="270.0 +66.0")
        found = catalogue.proof(1, 91000000, target="270.0 +66.0", group="SUB 0.4 s")
        assert found["results_sha256"] == run.result_digest


def test_an_unfinished_run_has_none(made: Catalogue, elsewhere: Catalogue) -> None:
    change(elsewhere, "UPDATE run SET state = 'running' WHERE run_id = 1")
    try:
        with pytest.raises(RunRefused, match="not finished"):
            elsewhere.digest(1)
        with pytest.raises(RunRefused, match="not finished"):
            elsewhere.check_digest(1, "0" * 64)
    finally:
        change(elsewhere, "UPDATE run SET state = 'finished' WHERE run_id = 1")


# --- Imported runs -------------------------------------------------------------------------------

SOME = ("run1", "run5", "run13", "run14", "run20", "ngc2506_ch2", "upperSco_final")


@pytest.fixture(scope="module")
def some_runs(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    for name in SOME:
        copy_run(reference / "published_runs", folder, name)
    return folder


@pytest.fixture(scope="module")
def imported(
    module_database: Any, some_runs: Path, reference: Path, frames: Path
) -> Iterator[Catalogue]:
    with Catalogue(module_database.url.render_as_string(hide_password=False)) as catalogue:
        catalogue.import_runs(some_runs, targets=[reference / "coordinates"])
        yield catalogue


def test_runs_that_are_the_same_twice(imported: Catalogue) -> None:
    one, five, thirteen = (imported.digest(number) for number in (1, 5, 13))
    assert five == thirteen
    assert one.images == five.images
    assert one.averages.sha256 != five.averages.sha256
    others = {imported.digest(name).sha256 for name in SOME}
    assert len(others) == len(SOME) - 1


@pytest.fixture(scope="module")
def digests_without_lists(
    some_runs: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    with Catalogue(tmp_path_factory.mktemp("no_lists") / "iracdb.sqlite") as catalogue:
        catalogue.import_runs(some_runs)
        return {name: catalogue.digest(name) for name in SOME}


def test_lists_of_targets_and_databases_make_no_difference(
    imported: Catalogue, digests_without_lists: dict[str, Any]
) -> None:
    assert {name: imported.digest(name) for name in SOME} == digests_without_lists


@pytest.mark.parametrize(("form", "read"), [("ecsv", read_ecsv), ("votable", read_votable)])
def test_imported_tables_are_digested_from_their_export(
    imported: Catalogue, tmp_path: Path, form: str, read: Callable[[Path], Any]
) -> None:
    # How long a table is makes no difference to what a database gives, nor to the format.
    long = {"ecsv": "run20", "votable": "ngc2506_ch2"}[form]
    on_sqlite = imported._database.dialect == "sqlite"
    for name in ("run14", "upperSco_final", *([long] if on_sqlite else [])):
        export_run(imported.get(name), tmp_path, formats=(form,))
        parts = {}
        for which, what in (("aor", "averages"), ("img", "images")):
            (path,) = tmp_path.glob(f"{name}_{which}_data.*")
            meta, table = read(path)
            parts[what] = only(table, meta[f"{what}_columns"].split(", "))
        assert run_digest(parts["averages"], parts["images"]) == imported.digest(name).sha256


def test_what_an_imported_table_prints_counts(imported: Catalogue) -> None:
    """Coordinates as text and the fraction of workable images are columns of their own there."""
    for name, statement in (
        ("run14", "UPDATE aor_result SET target_text = '270.0, 58.0' WHERE run_id = 14"),
        ("run20", "UPDATE aor_result SET n_workable = 4 WHERE run_id = 20 AND row_number = 1"),
        ("run13", "UPDATE aor_result SET n_rejected = 3 WHERE run_id = 13 AND row_number = 2"),
    ):
        run = imported.get(name)
        before = run.digest.sha256
        with imported._database.engine.connect() as connection:
            assert connection.execute(text(statement)).rowcount >= 1
            assert digest_of(connection, run.row) != before, name
            connection.rollback()


def test_links_to_frames_make_no_difference(imported: Catalogue) -> None:
    kept = imported.keep_recomputed(imported.recompute("run14"), name="again14")
    before = imported.digest("run14"), imported.digest(kept)
    grades = (
        "UPDATE image_result SET link_grade = 'C', link_evidence = 'other' WHERE link_grade = 'B'"
    )
    with imported._database.engine.connect() as connection:
        assert connection.execute(text(grades)).rowcount > 0
        runs = [imported.get(which).row for which in ("run14", kept)]
        assert [digest_of(connection, row) for row in runs] == [one.sha256 for one in before]
        connection.rollback()
