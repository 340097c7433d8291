"""The pixels around a star, read again: against the file itself, and where they cannot be had."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from built_once import Beginnings
from figure_runs import FIRST, MASKED, NOWHERE, measure, write_archive
from run_helpers import select
from sqlalchemy import update

from iracdb import Catalogue
from iracdb.catalogue.database import open_database
from iracdb.catalogue.tables import file, file_location
from iracdb.catalogue.urls import database_url
from iracdb.errors import NotFound
from iracdb.irac.frames import make_wcs
from iracdb.report.cutout import MARGIN, Cutout, first_usable, read_cutout
from iracdb.runs.results import Run


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("cutout") / "archive")


@pytest.fixture
def catalogue(any_location: str, archive: Path, begun_with: Beginnings) -> Iterator[Catalogue]:
    """The runs of `figure_runs`, in both kinds of database."""

    def fill(place: str) -> None:
        with Catalogue(place) as made:
            measure(made, archive)

    with Catalogue(begun_with(any_location, fill), create=False) as opened:
        yield opened


def cutout(catalogue: Catalogue, run: int, row: int, reach: float | None = None) -> Cutout:
    found = read_cutout(catalogue._database, Run(catalogue._database, run), row, reach)
    assert isinstance(found, Cutout), found
    return found


def reason(catalogue: Catalogue, run: int | str, row: int) -> str:
    found = read_cutout(catalogue._database, Run(catalogue._database, run), row)
    assert isinstance(found, str)
    return found


def told(catalogue: Catalogue, run: int, row: int) -> dict:
    """The image as it is stored, with its file."""
    (found,) = select(
        catalogue,
        "SELECT i.*, f.name, l.path FROM image_result i "
        "JOIN aor_result a ON a.id = i.aor_result_id JOIN file f ON f.id = i.file_id "
        "JOIN file_location l ON l.file_id = f.id "
        f"WHERE a.run_id = {run} AND i.row_number = {row}",
    )
    return found


def test_pixels_are_those_of_the_file(catalogue: Catalogue) -> None:
    for row in (1, 4):
        image, found = told(catalogue, 13, row), cutout(catalogue, 13, row)
        data = fits.getdata(image["path"]).astype(np.float64)
        left, low = found.origin
        rows, columns = found.pixels.shape
        np.testing.assert_array_equal(found.pixels, data[low : low + rows, left : left + columns])
        assert found.centre == (image["x"], image["y"])
        assert found.expected == (image["x_wcs"], image["y_wcs"])
        assert found.at == found.centre
        assert found.radii == (10.0, 12.0, 20.0)
        # All of the annulus is shown, and MARGIN beyond it.
        for at, first, length in zip(found.at, found.origin, (columns, rows), strict=True):
            assert abs(first - (at - 20 - MARGIN)) <= 0.5
            assert abs(first + length - 1 - (at + 20 + MARGIN)) <= 0.5
        assert found.masked is None
        assert found.told["file"] == image["name"]
        assert np.isnan(found.pixels).sum() == (2 if found.told["aorkey"] == FIRST else 0)


def test_what_is_summed_in_the_circle_is_what_the_run_measured(catalogue: Catalogue) -> None:
    """The pixels whole in the circle, on paper, come near the stored sum."""
    image, found = told(catalogue, 13, 1), cutout(catalogue, 13, 1)
    rows, columns = np.indices(found.pixels.shape)
    x, y = columns + found.origin[0], rows + found.origin[1]
    inside = np.hypot(x - found.at[0], y - found.at[1]) <= found.radii[0]
    assert np.nansum(found.pixels[inside]) == pytest.approx(image["raw"], rel=0.02)


def test_reach_and_the_arrays_edge(catalogue: Catalogue) -> None:
    found = cutout(catalogue, 13, 1, reach=2)
    assert found.pixels.shape == (5, 5)
    whole = cutout(catalogue, 13, 1, reach=1e4)
    assert whole.pixels.shape == (256, 256)
    assert whole.origin == (0, 0)


def test_masked_pixels_are_those_of_the_mask(catalogue: Catalogue) -> None:
    found = cutout(catalogue, 14, 1, reach=40)
    assert found.masked is not None
    left, low = found.origin
    marked = {(row + low, column + left) for row, column in np.argwhere(found.masked)}
    assert {(row, column) for _, row, column in MASKED} <= marked
    assert marked <= {(row, column) for _, row, column in MASKED} | set(NOWHERE)


def test_a_cube_is_reduced_as_the_run_reduced_it(catalogue: Catalogue) -> None:
    image, found = told(catalogue, 15, 1), cutout(catalogue, 15, 1, reach=40)
    cube = fits.getdata(image["path"]).astype(np.float64)
    kept = [plane for plane in range(64) if plane not in (0, 57)]
    witness = np.mean(cube[kept], axis=0)
    assert found.pixels.shape == (32, 32)
    known = np.isfinite(found.pixels)
    np.testing.assert_allclose(found.pixels[known], witness[known], rtol=1e-12)
    assert {tuple(place) for place in np.argwhere(~known)} == {(14, 19), (12, 9), (20, 12)}
    assert found.masked is not None and found.masked[14, 19] and found.masked[12, 9]


def test_a_forced_aperture_lies_where_the_target_is_expected(catalogue: Catalogue) -> None:
    found = cutout(catalogue, 16, 1)
    assert found.at == found.expected
    assert found.told["position"] == "forced"


def test_scale_and_directions_are_those_of_the_sky(catalogue: Catalogue) -> None:
    image, found = told(catalogue, 13, 1), cutout(catalogue, 13, 1)
    header = fits.getheader(image["path"])
    wcs = make_wcs({key: header[key] for key in header if key not in ("COMMENT", "HISTORY", "")})
    here = SkyCoord(*wcs.all_pix2world(*found.at, 0), unit="deg")
    for direction, angle in ((found.north, 0), (found.east, 90)):
        assert direction is not None
        there = here.directional_offset_by(angle * u.deg, 0.5 * u.arcsec)
        moved = np.array(wcs.all_world2pix(there.ra, there.dec, 0, tolerance=1e-9)) - found.at
        np.testing.assert_allclose(moved / np.hypot(*moved), direction, atol=2e-3)
    # North and east are a right angle, east to the left of north.
    assert np.dot(found.north, found.east) == pytest.approx(0, abs=0.02)
    corner = SkyCoord(*wcs.all_pix2world(found.at[0] + 1, found.at[1], 0), unit="deg")
    assert found.pixel_scale == pytest.approx(here.separation(corner).arcsec, rel=0.01)


def test_the_first_usable_image(catalogue: Catalogue) -> None:
    database = catalogue._database
    run = Run(database, 14)
    (row,) = select(
        catalogue,
        "SELECT min(i.row_number) AS n FROM image_result i JOIN aor_result a "
        "ON a.id = i.aor_result_id WHERE a.run_id = 14 AND i.raw IS NOT NULL",
    )
    assert first_usable(database, run) == row["n"]
    assert first_usable(database, run, aors=(1,)) is None
    assert first_usable(database, run, ("nobody",)) is None
    assert first_usable(database, run, aors=(FIRST,)) is not None


def test_rows_that_there_are_not(catalogue: Catalogue) -> None:
    for row in (0, -1, 9999, 2**70):
        with pytest.raises(NotFound, match="has no image in row"):
            read_cutout(catalogue._database, Run(catalogue._database, 13), row)


@pytest.fixture
def own(tmp_path: Path, archive: Path) -> Iterator[tuple[Catalogue, Path]]:
    """A catalogue over an archive that may be spoiled."""
    folder = shutil.copytree(archive, tmp_path / "own")
    with Catalogue(tmp_path / "own.sqlite") as opened:
        opened.ingest(folder)
        opened.run(13, channel=1, aors=[FIRST], recipe="handbook", radius=(3, 3, 7))
        yield opened, folder


def test_a_file_that_is_gone_or_changed(own: tuple[Catalogue, Path]) -> None:
    catalogue, _ = own
    path = Path(told(catalogue, 13, 1)["path"])
    content = path.read_bytes()
    path.write_bytes(content + bytes(2880))
    assert "is not the file that was ingested" in reason(catalogue, 13, 1)
    path.unlink()
    assert "cannot be read" in reason(catalogue, 13, 1)
    assert isinstance(cutout(catalogue, 13, 2), Cutout)


def test_a_file_that_is_nowhere(own: tuple[Catalogue, Path]) -> None:
    catalogue, _ = own
    with catalogue._database.write() as connection:
        connection.execute(update(file_location).values(present=False))
    assert "is not where it was ingested" in reason(catalogue, 13, 1)


def test_a_mask_that_is_changed_is_told(own: tuple[Catalogue, Path]) -> None:
    catalogue, folder = own
    before = cutout(catalogue, 13, 1)
    assert before.masked is not None and before.notes == ()
    mask = next(folder.rglob(f"*{FIRST}_0000_0000*bimsk.fits"))
    os.utime(mask, (1, 1))
    after = cutout(catalogue, 13, 1)
    assert after.masked is None
    np.testing.assert_array_equal(after.pixels, before.pixels)
    (note,) = after.notes
    assert note.startswith("No mask is shown") and "has changed" in note


def test_a_header_without_coordinates_has_no_directions(own: tuple[Catalogue, Path]) -> None:
    catalogue, _ = own
    with catalogue._database.write() as connection:
        connection.execute(update(file).values(wcs=None))
    found = cutout(catalogue, 13, 1)
    assert found.north is found.east is None
    # The run converts by the handbook's size of a pixel.
    assert found.pixel_scale == pytest.approx(1.22, abs=0.01)


def test_an_imported_run_has_no_pixels(
    published_runs_at: Callable[[str], str], tmp_path: Path
) -> None:
    location = published_runs_at(str(tmp_path / "published.sqlite"))
    with contextlib.closing(open_database(database_url(location), create=False)) as database:
        run = Run(database, "hd_cryo_final")
        row = first_usable(database, run)
        assert row is not None
        found = read_cutout(database, run, row)
        assert isinstance(found, str)
        assert "hd_cryo_final was imported" in found
