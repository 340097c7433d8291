"""``--sky`` and ``--centre``: what a run does with them, on real frames and to the bit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from built_once import Beginnings
from run_helpers import images, write_frames
from sqlalchemy import update

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.errors import UsageError
from iracdb.irac.simulate import FrameSpec
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.centre import centre_named
from iracdb.photometry.sky import sky_named

DOCS = Path(__file__).parents[1] / "docs"
APERTURES = ((2, 2, 6), (3, 3, 7), (5, 5, 10))


@pytest.fixture
def catalogue(
    any_location: str, begun_with: Beginnings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    def fill(place: str) -> None:
        folder = tmp_path_factory.mktemp("archive")
        plain = FrameSpec(channel=2, aorkey=91000000, x=120.3, y=130.6, subarray=False)
        write_frames(folder, *(replace(plain, expid=e, x=120.3 + e) for e in range(3)))
        with Catalogue(place) as made:
            made.ingest(folder)

    with Catalogue(begun_with(any_location, fill), create=False) as opened:
        yield opened


@pytest.mark.parametrize("sky", ["mean", "median", "mode"])
@pytest.mark.parametrize("centre", ["gaussian", "moment", "quadratic"])
def test_a_run_stores_what_the_pieces_give(catalogue: Catalogue, sky: str, centre: str) -> None:
    from astropy.io import fits

    run = catalogue.run(run_id=5, channel=2, radius=(3, 12, 20), sky=sky, centre=centre)
    assert (run.parameters["sky"], run.parameters["centre"]) == (sky, centre)
    aperture = Aperture(3, 12, 20)
    for image in images(catalogue, run):
        (path,) = catalogue.sql(
            f"SELECT path FROM file_location WHERE file_id = {image['file_id']}"
        ).rows[0]
        pixels = fits.getdata(path).astype(float)[np.newaxis]
        expected = np.array([image["x_wcs"]]), np.array([image["y_wcs"]])
        found = centre_named(centre)(pixels, *expected)
        assert (image["x"], image["y"]) == (found.x[0], found.y[0])
        level = sky_named(sky)(pixels, found.x, found.y, aperture)
        assert image["sky"] == level.level[0]
        assert image["sky_sigma"] == level.sigma[0]
        assert image["sky_pixels"] == level.pixels[0]
        assert image["background"] == level.level[0] * aperture.area
    assert catalogue.verify(5).verdict == "exact"


def test_why_puts_the_change_on_the_sky(catalogue: Catalogue) -> None:
    catalogue.run(run_id=5, channel=2, radius=(3, 3, 7))
    catalogue.run(run_id=6, channel=2, radius=(3, 3, 7), sky="mode")
    found = catalogue.why(5, 91000000, 6)
    shares = {share.cause: share.mjy for share in found.shares}
    assert abs(found.change) > 0.001
    assert shares["sky"] == pytest.approx(found.change, rel=1e-9)


def test_a_run_made_before_there_was_a_scatter_is_still_exact(catalogue: Catalogue) -> None:
    catalogue.run(run_id=5, channel=2, rejection="sigma:1")
    run = catalogue.get(5)
    later = {"engine", "engine_version", "idl_source", "response", "pixel_phase", "array_location",
             "wcs", "where"}  # fmt: skip
    then = {name: value for name, value in run.row.parameters.items() if name not in later}
    then["response"] = "native"
    with catalogue._database.write() as connection:
        connection.execute(update(t.run).values(parameters=then))
        connection.execute(update(t.image_result).values(sky_sigma=None, rejection_bound=None))
    found = catalogue.verify(5)
    assert found.compared.images.same == 3
    assert found.compared.averages.same == 1
    # Emptied in a run that could have told them, they are missed.
    with catalogue._database.write() as connection:
        connection.execute(update(t.run).values(parameters=dict(run.row.parameters)))
    assert catalogue.verify(5).compared.images.same == 0


def spread(catalogue: Catalogue, first: int, **options: Any) -> float:
    fluxes = []
    for number, radius in enumerate(APERTURES, start=first):
        run = catalogue.run(run_id=number, radius=radius, response="none", **options)
        fluxes.append(float(run.aor_data["Flux (mJy)"][0].value))
    return 100 * (max(fluxes) - min(fluxes)) / float(np.mean(fluxes))


@pytest.mark.reference
@pytest.mark.parametrize(("aor", "channel"), [(24649984, 4), (38703360, 2), (46466816, 2)])
def test_the_page_tells_how_far_apertures_agree(
    reference: Path, tmp_path: Path, aor: int, channel: int
) -> None:
    page = (DOCS / "measuring.md").read_text()
    cells = r"((?:[\d.]+ % \| )+[\d.]+ %)"
    row = re.search(rf"^\| {aor} \| {channel} \| {cells} \|$", page, re.MULTILINE)
    assert row is not None
    told = [float(cell.strip(" %")) for cell in row.group(1).split("|")]
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.ingest(reference / "archive" / f"r{aor}")
        found = [
            spread(catalogue, first, channel=channel, sky=sky, rejection="none")
            for first, sky in ((1, "mean"), (11, "median"), (21, "mode"))
        ]
        moment = spread(
            catalogue, 31, channel=channel, sky="mode", centre="moment", rejection="none"
        )
    assert found == pytest.approx(told, abs=0.0051)
    # What the Science Center's centre and the mode come to together.
    assert moment < 0.5


def test_names_that_are_none() -> None:
    from iracdb.runs.request import Request

    with pytest.raises(UsageError, match="No sky is called 'median2'"):
        Request.of({"sky": "median2"})
    with pytest.raises(UsageError, match="No centre is called 'eye'"):
        Request.of({"centre": "eye"})
