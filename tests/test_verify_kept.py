"""Verifying runs of 2018: those imported have no files here, those recomputed are recomputed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from published_helpers import copy_run, dump
from verify_helpers import a_copy, a_database, change, counts

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.runs.parameters import Parameters

SOME = ("run14", "run18", "upperSco_final")
KEPT = "run14_manu"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def origin(
    request: pytest.FixtureRequest, reference: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where there are a few published runs, and recomputations of each by both recipes."""
    folder = tmp_path_factory.mktemp("published")
    for name in SOME:
        copy_run(reference / "published_runs", folder / "runs", name)
    with ExitStack() as stack:
        location = str(folder / "iracdb.sqlite")
        if request.param == "postgresql":
            server = request.getfixturevalue("postgres_server")
            location = stack.enter_context(a_database(server))
        with Catalogue(location) as catalogue:
            catalogue.import_runs(folder / "runs", targets=[reference / "coordinates"])
            for name in SOME:
                for recipe in ("manual", "published-2018"):
                    again = catalogue.recompute(name, recipe=recipe)
                    catalogue.keep_recomputed(again, name=f"{name}_{recipe[:4]}")
        yield location


@pytest.fixture
def held(origin: str, tmp_path: Path) -> Iterator[Catalogue]:
    """The same, to be spoilt."""
    with a_copy(origin, tmp_path) as location, Catalogue(location, create=False) as catalogue:
        yield catalogue


def all_but_activities(catalogue: Catalogue) -> dict[str, Any]:
    return {name: rows for name, rows in dump(catalogue._database).items() if name != "activity"}


def test_an_imported_run_has_no_inputs(held: Catalogue) -> None:
    before = all_but_activities(held)
    for name in SOME:
        run = held.get(name)
        found = held.verify(name)
        assert (found.verdict, found.origin) == ("inputs-missing", "imported")
        assert not found.has_inputs
        assert counts(found) == ((0, 0, len(run.rows("img"))), (0, 0, len(run.rows("aor"))))
        assert (found.environment, found.faults, found.inputs) == ((), (), ())
    assert all_but_activities(held) == before


def test_a_kept_recomputation_is_recomputed(held: Catalogue) -> None:
    before = all_but_activities(held)
    for name in SOME:
        for recipe in ("manu", "publ"):
            kept = held.get(f"{name}_{recipe}")
            found = held.verify(kept.name)
            assert (found.verdict, found.origin, found.parent) == ("exact", "recomputed", name)
            rows = len(kept.rows("img")), len(kept.rows("aor"))
            assert counts(found) == ((rows[0], 0, 0), (rows[1], 0, 0))
            assert found.summary()["made_from"] == name
    assert all_but_activities(held) == before
    with held._database.read() as connection:
        made = t.activity.c
        query = t.activity.select().where(made.kind == "verify", made.outcome == "exact")
        assert len(connection.execute(query).all()) == 2 * len(SOME)


def average_of(name: str) -> str:
    return (
        "(SELECT a.id FROM aor_result a JOIN run r ON r.run_id = a.run_id "
        f"WHERE r.name = '{name}' AND a.row_number = 1)"
    )


def test_rows_of_a_kept_recomputation(held: Catalogue) -> None:
    change(held, "UPDATE image_result SET corrected = corrected * 2, sky = 1 WHERE row_number = 2 "
           f"AND aor_result_id = {average_of(KEPT)}")  # fmt: skip
    change(held, f"UPDATE aor_result SET flux = flux * 4 WHERE id = {average_of(KEPT)}")
    found = held.verify(KEPT)
    assert found.verdict == "differs"
    assert counts(found) == ((9, 1, 0), (0, 1, 0))
    columns = {(one.table, one.column) for one in found.compared.by_column()}
    assert columns == {("averages", "flux"), ("images", "corrected"), ("images", "sky")}
    assert any("results are not those noted" in said for said in found.faults)
    assert found.compared.rows[1].about["row"] == 2


def test_a_row_more_and_a_row_less(held: Catalogue) -> None:
    change(held, f"DELETE FROM image_result WHERE row_number = 2 AND aor_result_id = "
           f"{average_of(KEPT)}")  # fmt: skip
    change(held, f"UPDATE image_result SET plane = 3 WHERE row_number = 3 AND aor_result_id = "
           f"{average_of(KEPT)}")  # fmt: skip
    found = held.verify(KEPT)
    assert counts(found) == ((8, 3, 0), (1, 0, 0))
    whats = sorted(row.what for row in found.compared.rows)
    assert whats == ["not made again", "not stored", "not stored"]
    change(held, f"UPDATE aor_result SET frame_group = 'x' WHERE id = {average_of(KEPT)}")
    found = held.verify(KEPT)
    assert counts(found)[1] == (0, 2, 0)


def test_rows_of_its_parent(held: Catalogue) -> None:
    change(held, "UPDATE image_result SET raw = raw * 2 WHERE row_number = 3 "
           f"AND aor_result_id = {average_of('run14')}")  # fmt: skip
    found = held.verify(KEPT)
    assert (found.verdict, found.faults) == ("differs", ())
    images, averages = counts(found)
    assert images[1] >= 1
    assert averages == (0, 1, 0)


@pytest.mark.parametrize("noted", [False, True])
def test_a_parameter_of_a_kept_recomputation(held: Catalogue, noted: bool) -> None:
    run = held.get(KEPT)
    other = Parameters({**run.parameters.values, "pixel_size": 1.5})
    digest = other.digest if noted else run.row.parameters_digest
    with held._database.write() as connection:
        connection.execute(
            t.run.update()
            .where(t.run.c.run_id == run.run_id)
            .values(parameters=other.values, parameters_digest=digest)
        )
    found = held.verify(KEPT)
    assert found.verdict == "differs"
    assert counts(found) == ((10, 0, 0), (1, 0, 0))
    assert "Its parameter pixel_size is 1.5, and recomputing applies 1.221" in found.faults
    assert any("parameters are not those noted" in said for said in found.faults) is not noted


def test_a_recipe_that_is_not_known(held: Catalogue) -> None:
    run = held.get(KEPT)
    other = Parameters({**run.parameters.values, "recipe": "future"})
    with held._database.write() as connection:
        row = t.run.c.run_id == run.run_id
        connection.execute(t.run.update().where(row).values(parameters=other.values))
    found = held.verify(KEPT)
    assert (found.verdict, counts(found)) == ("differs", ((0, 0, 10), (0, 0, 1)))
    assert "There is no recipe 'future' to recompute by" in found.faults


def test_links_raised_since_make_no_difference(held: Catalogue) -> None:
    """Linking raises the rows of a run and of what was recomputed from it alike."""
    change(held, "UPDATE image_result SET link_grade = 'A', link_evidence = 'seen'")
    # Images whose AOR nothing told may have found it.
    change(held, "UPDATE aor_result SET aorkey = aorkey + 1, reason = 'found' WHERE NOT listed")
    for name in (KEPT, "run18_manu", "run18_publ"):
        assert held.verify(name).exact, name


def test_a_recomputation_whose_parent_is_not_here(held: Catalogue) -> None:
    change(held, f"UPDATE run SET parent_run_id = NULL WHERE name = '{KEPT}'")
    found = held.verify(KEPT)
    assert (found.verdict, found.has_inputs) == ("inputs-missing", False)
    assert counts(found) == ((0, 0, 10), (0, 0, 1))


def test_a_parameter_of_an_imported_run(held: Catalogue) -> None:
    change(
        held,
        "UPDATE run_parameter SET value = '9' WHERE name = 'radius_source' AND run_id = "
        "(SELECT run_id FROM run WHERE name = 'run14')",
    )
    found = held.verify("run14")
    assert found.verdict == "inputs-missing"
    assert found.faults == (
        "The table run_parameter says that radius_source is 9, the run itself 10.0",
    )
