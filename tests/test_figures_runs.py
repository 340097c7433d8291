"""Figures of whole runs: curve of growth, frame, comparison, dither map, lineage."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable, Table
from figure_images import DPI, same_picture
from figure_runs import CUBES, FIRST, SECOND, SUB, measure, write_archive
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure as Drawing
from run_helpers import select

from iracdb import Catalogue
from iracdb.catalogue.database import Database, open_database
from iracdb.catalogue.urls import database_url
from iracdb.errors import NotFound
from iracdb.report.drawing import gather, picture, table_text
from iracdb.report.figures import compare, dithers, growth, lineage
from iracdb.report.node_layout import Node, place, size_of
from iracdb.report.node_shapes import LOOKS, outline
from iracdb.report.registry import figure_named
from iracdb.report.subject import Subject
from iracdb.runs import start
from iracdb.runs.results import Run

NAMES = ("growth", "frame", "compare", "dithers", "lineage")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("figures") / "archive")


@pytest.fixture(scope="module")
def catalogue(archive: Path) -> Iterator[Catalogue]:
    """The runs of `figure_runs`."""
    with Catalogue(archive.parent / "iracdb.sqlite") as made:
        measure(made, archive)
        yield made


@pytest.fixture
def published(published_runs_at: Callable[[str], str], tmp_path: Path) -> Iterator[Database]:
    location = published_runs_at(str(tmp_path / "published.sqlite"))
    with contextlib.closing(open_database(database_url(location), create=False)) as database:
        yield database


def subject(database: Catalogue | Database, *runs: int | str, **which: Any) -> Subject:
    held = database._database if isinstance(database, Catalogue) else database
    return Subject(held, tuple(Run(held, run) for run in runs), **which)


def table(database: Catalogue | Database, name: str, *runs: int | str, **which: Any) -> QTable:
    return gather(figure_named(name), subject(database, *runs, **which))


def drawn(name: str, made: QTable) -> list[Any]:
    """The axes of a figure, drawn where a caller wants it."""
    axes = figure_named(name).module.draw(made, Drawing().add_subplot())
    return axes if isinstance(axes, list) else [axes]


def said(axes: list[Any]) -> str:
    return " ".join(" ".join(one.get_text() for one in ax.texts) for ax in axes).replace("\n", " ")


def points(ax: Any, label: str) -> np.ndarray:
    (line,) = [one for one in ax.lines if one.get_label() == label]
    return np.column_stack(line.get_data()).astype(float)


# The curve of growth


def test_the_curve_of_growth_is_that_of_the_runs(catalogue: Catalogue) -> None:
    made = table(catalogue, "growth", 204)
    assert list(dict.fromkeys(made["study"])) == ["radius-test-200", "radius-test-300"]
    flux = {
        (row["run_id"], row["aorkey"]): (row["flux"], row["aperture_correction"])
        for row in select(catalogue, "SELECT * FROM aor_result WHERE run_id >= 200")
    }
    assert len(made) == len(flux) == 40
    for row in made:
        held, correction = flux[row["run_id"], row["aorkey"]]
        reference, _ = flux[100 * (row["run_id"] // 100), row["aorkey"]]
        assert row["flux"].value == held
        assert row["relative"] == pytest.approx(held / reference, rel=1e-14)
        assert row["relative_before"] == pytest.approx(held / correction / reference, rel=1e-14)
    for study, first in (("radius-test-200", 200), ("radius-test-300", 300)):
        told = made.meta["numbers"][study]
        assert told["recipe"] == ("manual" if first == 200 else "handbook")
        means = []
        for place_of, one in enumerate(told["apertures"].values()):
            percent = [
                100 * (flux[first + place_of, aor][0] / flux[first, aor][0] - 1)
                for aor in (FIRST, SECOND)
            ]
            means.append(statistics.fmean(percent))
            assert one["averages"] == 2
            assert one["mean"] == pytest.approx(means[-1], abs=1e-11)
            assert one["scatter"] == pytest.approx(statistics.pstdev(percent), abs=1e-11)
        assert told["apart"] == pytest.approx(max(means) - min(means), abs=1e-11)


def test_the_curve_that_is_drawn_is_that_of_the_table(catalogue: Catalogue) -> None:
    made = table(catalogue, "growth", 204, aors=(FIRST,))
    axes = drawn("growth", made)
    assert len(axes) == 4
    mine = made[(made["study"] == "radius-test-200") & (made["family"] == "12 to 20 pixels")]
    mine.sort("radius")
    for name, column in (("before", "relative_before"), ("after", "relative")):
        seen = points(axes[0], f"12 to 20 pixels, {name} correction")
        np.testing.assert_array_equal(seen[:, 0], mine["radius"].value)
        np.testing.assert_allclose(seen[:, 1], mine[column], rtol=1e-14)
    seen = points(axes[2], "12 to 20 pixels, averages")
    np.testing.assert_allclose(np.sort(seen[:, 1]), np.sort(100 * (mine["relative"] - 1)))
    low, high = axes[2].get_ylim()
    assert low < seen[:, 1].min() and seen[:, 1].max() < high
    assert "[pixels]" in axes[2].get_xlabel() and "[per cent]" in axes[2].get_ylabel()


def test_a_run_in_no_study_says_so(catalogue: Catalogue) -> None:
    for run, which, words in (
        (13, {}, "run13 is in no radius test"),
        (13, {"study": "radius-test-200"}, "run13 is not in the radius test radius-test-200"),
    ):
        made = table(catalogue, "growth", run, **which)
        assert len(made) == 0
        assert words in made.meta["missing"]
        assert words.split("-")[0] in said(drawn("growth", made))
    with pytest.raises(NotFound, match="no study other"):
        table(catalogue, "growth", 204, study="other")
    assert "has a flux" in said(drawn("growth", table(catalogue, "growth", 204, aors=(1,))))


def test_families_of_annuli() -> None:
    radii = [(5.0, 12.0, 20.0), (3.0, 12.0, 20.0), (3.0, 3.0, 7.0), (4.0, 6.0, 9.0)]
    assert growth.families(radii) == [
        "12 to 20 pixels", "12 to 20 pixels", growth.BESIDE, "6 to 9 pixels",
    ]  # fmt: skip


# The frame


def test_the_frame_that_is_drawn_is_that_of_the_table(catalogue: Catalogue) -> None:
    made = table(catalogue, "frame", 15)
    (ax,) = drawn("frame", made)
    (image,) = ax.images
    told = made.meta["cutout"]
    shown = np.ma.filled(image.get_array(), np.nan)
    np.testing.assert_array_equal(shown.ravel(), made["value"].value)
    assert image.get_extent() == [
        made["x"].min() - 0.5, made["x"].max() + 0.5, made["y"].min() - 0.5, made["y"].max() + 0.5
    ]  # fmt: skip
    for label, radius in (("source circle, 3 pixels", 3), ("annulus, 3 to 7 pixels", 3)):
        ring = points(ax, label)
        np.testing.assert_allclose(np.hypot(*(ring - told["at"]).T), radius)
    np.testing.assert_array_equal(points(ax, "fitted centre"), [told["centre"]])
    np.testing.assert_array_equal(points(ax, "expected by the WCS"), [told["expected"]])
    (hatched,) = [one for one in ax.collections if isinstance(one, PolyCollection)]
    middles = {tuple(path.vertices[:4].mean(axis=0)) for path in hatched.get_paths()}
    masked = made[np.asarray(made["masked"])]
    assert middles == set(zip(masked["x"].tolist(), masked["y"].tolist(), strict=True))
    crosses = points(ax, "without a value")
    assert len(crosses) == made.meta["numbers"]["without_value"] == 3
    (scale,) = [one for one in ax.lines if one.get_gid() == "scale"]
    length = np.ptp(scale.get_xdata()) * told["pixel_scale"]
    assert f"{length:.0f}″" in said([ax])
    assert told["aorkey"] == CUBES


def test_frames_that_cannot_be_shown(catalogue: Catalogue) -> None:
    made = table(catalogue, "frame", 13, aors=(1,))
    assert "no image in what is asked for" in said(drawn("frame", made))
    with pytest.raises(NotFound, match="has no image in row 99"):
        table(catalogue, "frame", 13, row=99)
    assert table(catalogue, "frame", 13, target="sim-star").meta["row"] == 1


# A run against another


def test_the_difference_of_two_runs(catalogue: Catalogue) -> None:
    made = table(catalogue, "compare", 13, 16)
    rows = {}
    for run in (13, 16):
        for row in catalogue.get(run).lightcurve(aors=[FIRST], unit="mJy"):
            rows[run, int(row["aorkey"]), int(row["expid"])] = float(row["flux"].value)
    assert set(made["aorkey"]) == {FIRST}
    pairs = [(rows[13, FIRST, expid], rows[16, FIRST, expid]) for expid in range(5)]
    apart = [b - a for a, b in pairs]
    np.testing.assert_allclose(made["difference"].value, apart, rtol=1e-9, equal_nan=True)
    percent = [100 * (b - a) / a for a, b in pairs]
    np.testing.assert_allclose(made["percent"], percent, rtol=1e-9, equal_nan=True)
    known = [one for one in apart if one == one]
    numbers = made.meta["numbers"]
    assert numbers["compared"] == len(known) > 0
    median = statistics.median(known)
    assert numbers["median_mjy"] == pytest.approx(median, rel=1e-9)
    spread = 1.4826 * statistics.median(abs(one - median) for one in known)
    assert numbers["scatter_mjy"] == pytest.approx(spread, rel=1e-9)
    assert ["position", "fitted", "forced"] in [one[:3] for one in made.meta["parameters"]]
    axes = drawn("compare", made)
    seen = np.vstack([np.column_stack(one.get_data()) for one in axes[1].lines[:-1]])
    shown = np.column_stack([made["flux_a"].value, made["percent"]])
    shown = shown[np.isfinite(shown).all(axis=1)]
    np.testing.assert_array_equal(seen[np.argsort(seen[:, 0])], shown[np.argsort(shown[:, 0])])
    assert sum(bar.get_height() for bar in axes[2].patches[:-1]) == len(known)
    assert "position fitted → forced" in said(axes)


def test_a_run_against_itself_and_against_another_channel(catalogue: Catalogue) -> None:
    made = table(catalogue, "compare", 13, 13)
    assert made.meta["numbers"]["same"] == made.meta["numbers"]["compared"] > 0
    assert "the same to the bit. No parameter" in said(drawn("compare", made))
    made = table(catalogue, "compare", 13, 15)
    assert len(made) == 0
    assert "run13 is of channel 1 and run15 of channel 2" in said(drawn("compare", made))


def test_per_cent_and_mjy() -> None:
    for flux, name in (([1.0, 2.0], "percent"), ([1.0, -2.0], "difference"), ([], "difference")):
        made = QTable({"flux_a": flux * u.mJy, "difference": np.zeros(len(flux)) * u.mJy})
        assert compare._shown(made)[0] == name


# The dither map


def test_the_positions_of_the_dither_map(catalogue: Catalogue) -> None:
    made = table(catalogue, "dithers", 13)
    found = select(
        catalogue,
        "SELECT i.row_number AS n, i.x_wcs, i.y_wcs, a.aorkey, f.dither_position AS d, f.naxis1 "
        "FROM image_result i JOIN aor_result a ON a.id = i.aor_result_id "
        "JOIN file f ON f.id = i.file_id WHERE a.run_id = 13",
    )
    witness = {row["n"]: row for row in found}
    assert len(made) == len(witness) == 12
    for row in made:
        held = witness[row["row"]]
        assert (row["x"].value, row["y"].value) == (held["x_wcs"], held["y_wcs"])
        assert held["d"] is None or row["number"] == held["d"]
        assert row["read_mode"] == {256: "FULL", 32: "SUB"}[held["naxis1"]]
    mine = [row for row in found if row["aorkey"] == FIRST]
    reach = max(
        np.hypot(a["x_wcs"] - b["x_wcs"], a["y_wcs"] - b["y_wcs"]) for a in mine for b in mine
    )
    assert made.meta["numbers"][str(FIRST)] == pytest.approx(reach, rel=1e-12)
    full, part, sub = drawn("dithers", made)
    for ax in (full, part):
        seen = points(ax, str(FIRST))
        rows = made[made["aorkey"] == FIRST]
        np.testing.assert_array_equal(seen, np.column_stack([rows["x"].value, rows["y"].value]))
    for ax, side in ((full, 256), (sub, 32)):
        (border,) = [one for one in ax.lines if one.get_gid() == "array"]
        assert np.ptp(border.get_xdata()) == np.ptp(border.get_ydata()) == side
    numbers = [one.get_text() for one in part.texts]
    assert {"1", "2", "3", "4", "5"} == set(numbers)
    assert [str(SUB)] == [one.get_label() for one in sub.lines if one.get_gid() is None]


def test_numbers_of_one_place_are_shortened() -> None:
    assert dithers.shortened([1, 2, 3, 5, 6]) == "1–3, 5, 6"
    assert dithers.shortened([1, 3, 5, 7]) == "1, 3, 5, …"


# The lineage


def test_the_lineage_is_that_of_the_catalogue(catalogue: Catalogue) -> None:
    made = table(catalogue, "lineage", 13, aors=(FIRST,))
    found = catalogue.lineage(13, aor=FIRST)
    assert set(made["id"]) == {row[0] for row in found.nodes.rows}
    assert {tuple(edge) for edge in made.meta["edges"]} == set(map(tuple, found.edges.rows))
    (flux,) = select(
        catalogue, f"SELECT flux, error FROM aor_result WHERE run_id = 13 AND aorkey = {FIRST}"
    )
    number = made[made["kind"] == "aor_result"]["second"][0]
    assert number == f"average: {flux['flux']:.6g} ± {flux['error']:.2g} mJy"
    (ax,) = drawn("lineage", made)
    arrows = [one for one in ax.patches if one.get_gid() in lineage._LINES]
    assert len(arrows) == len(made.meta["edges"])


def test_what_is_folded_is_counted(published: Database) -> None:
    made = table(published, "lineage", "ngc2506_ch2")
    for kind in ("image_result", "frame"):
        mine = made[made["kind"] == kind]
        assert len(mine) == lineage.FIRST + 1
        assert mine["folded"].sum() == made.meta["numbers"][kind] > lineage.MOST
        assert f"and {mine['folded'].max()} more" in mine["first"][-1]
    # No edge leads to what is not drawn.
    ends = {end for edge in made.meta["edges"] for end in edge[:2]}
    assert ends <= set(made["id"])


def test_no_two_nodes_overlap(catalogue: Catalogue, published: Database) -> None:
    for made in (
        table(catalogue, "lineage", 14),
        table(catalogue, "lineage", 13, aors=(SUB,)),
        table(published, "lineage", "ngc2506_ch2"),
    ):
        boxes = list(lineage.boxes_of(made).values())
        assert len(boxes) == len(made)
        for place_of, one in enumerate(boxes):
            for other in boxes[:place_of]:
                assert (
                    one.left + one.width <= other.left
                    or other.left + other.width <= one.left
                    or one.low + one.height <= other.low
                    or other.low + other.height <= one.low
                )
        (ax,) = drawn("lineage", made)
        texts = [one.get_path().get_extents() for one in ax.patches if one.get_gid() == "text"]
        assert len(texts) == len(made) + sum(made["second"] != "")
        # Each text lies within its node, so that none lies on another.
        for text in texts:
            assert any(
                box.left < text.x0 and text.x1 < box.left + box.width
                and box.low < text.y0 and text.y1 < box.low + box.height
                for box in boxes
            )  # fmt: skip


def test_kinds_are_told_apart_by_more_than_colour() -> None:
    assert len({(look.shape, look.name) for look in LOOKS.values()}) == len(LOOKS)
    for shape in {look.shape for look in LOOKS.values()}:
        extents = outline(shape, 1, 2, 60, 20).get_extents()
        assert (extents.x0, extents.y0, extents.x1, extents.y1) == pytest.approx((1, 2, 61, 22))


def test_a_text_is_no_formula_and_no_markup() -> None:
    node = Node("a", "target", ("$x^{2$ <b>\nα", "target"))
    assert size_of(node)[0] > size_of(Node("a", "target", ("x", "")))[0]
    assert place([node])["a"].left == 0


# All of them


SHOWN: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "growth": ((200,), {}), "frame": ((14,), {"row": 1}), "compare": ((13, 14), {}),
    "dithers": ((13,), {}), "lineage": ((14,), {}),
}  # fmt: skip
"""Runs, and what of them, that each figure is drawn of."""


def shown(catalogue: Catalogue, name: str) -> QTable:
    runs, which = SHOWN[name]
    return table(catalogue, name, *runs, **which)


def test_they_look_as_they_did(catalogue: Catalogue) -> None:
    for name in set(NAMES) - {"lineage"}:
        made = shown(catalogue, name)
        # A digest in the foot would tell of every change of a program.
        for run in made.meta["runs"]:
            run["results_sha256"] = "0" * 64
        same_picture(name, picture(figure_named(name), made, dpi=DPI))


def test_a_lineage_looks_as_it_did() -> None:
    """Of a graph made by hand: a real one tells who made it, and with what."""
    kinds = {
        "a": ("aor_result", "AOR 91000000, SIM-STAR", "average: 30.0936 ± 0.14 mJy"),
        "i1": ("image_result", "image 1", "kept"),
        "i2": ("image_result", "image 2", "rejected: high"),
        "r": ("run", "run 13 (run13)", "run"), "t": ("target", "SIM-STAR", "target"),
        "f1": ("file", "SPITZER_I1_91000000_0000_0000_1_bcd.fits", "file, sha256 17a24f7d4d7b"),
        "f2": ("file", "SPITZER_I1_91000000_0001_0000_1_bcd.fits", "file, sha256 f937d301b67c"),
        "p": ("parameters", "parameters 341ca6484f61", "47 parameters"),
        "s": ("software", "iracdb 0.1.0", "software"), "w": ("agent", "someone", "who"),
        "c": ("calibration", "response native", "calibration, sha256 4783d67a54c0"),
    }  # fmt: skip
    edges = [
        ("a", "i1", "wasDerivedFrom"), ("a", "i2", "wasDerivedFrom"), ("a", "r", "wasGeneratedBy"),
        ("a", "t", "wasDerivedFrom"), ("i1", "r", "wasGeneratedBy"), ("i2", "r", "wasGeneratedBy"),
        ("i1", "f1", "wasDerivedFrom"), ("i2", "f2", "wasDerivedFrom"), ("r", "f1", "used"),
        ("r", "f2", "used"), ("r", "p", "used"), ("r", "c", "used"),
        ("r", "s", "wasAssociatedWith"), ("r", "w", "wasAssociatedWith"),
    ]  # fmt: skip
    made = QTable(
        {"id": list(kinds), "kind": [one[0] for one in kinds.values()],
         "first": [one[1] for one in kinds.values()], "second": [one[2] for one in kinds.values()],
         "folded": [3 if one == "i2" else 1 for one in kinds]},
        meta={"title": "what a flux rests on", "runs": [], "edges": [list(e) for e in edges]},
    )  # fmt: skip
    same_picture("lineage", picture(figure_named("lineage"), made, dpi=DPI))


# Each figure as one vector format or the other, that with most words and that with pixels as both.
BEGINS = {"svg": b"<?xml", "pdf": b"%PDF"}
WRITTEN = {
    "growth": ["svg"], "frame": ["svg", "pdf"], "compare": ["pdf"], "dithers": ["svg"],
    "lineage": ["svg", "pdf"],
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_format_and_the_table(catalogue: Catalogue, name: str) -> None:
    made = shown(catalogue, name)
    for format_name in WRITTEN[name]:
        assert picture(figure_named(name), made, format_name).startswith(BEGINS[format_name])
    again = Table.read(table_text(made).decode(), format="ascii.ecsv")
    assert again.colnames == made.colnames and len(again) == len(made)
    assert again.meta["numbers"] == made.meta["numbers"]


@pytest.mark.parametrize("name", NAMES)
def test_imported_runs(published: Database, name: str) -> None:
    runs = ("run13", "run20") if name == "compare" else ("hd_cryo_final",)
    made = table(published, name, *runs)
    axes = drawn(name, made)
    FigureCanvasAgg(axes[0].figure).draw()
    if name == "growth":
        assert "is in no radius test" in said(axes)
    elif name == "frame":
        assert "was imported" in said(axes)
    else:
        assert len(made) > 0
    if name == "compare":
        assert made.meta["numbers"]["compared"] == 131
        assert made.meta["of"] == "averages"
        assert any("Averages are compared" in note for note in made.meta["notes"])


def test_published_differences_by_their_tables(published: Database, reference: Path) -> None:
    made = table(published, "compare", "run13", "run20")
    held = []
    for name in ("run13", "run20"):
        lines = Table.read(
            reference / "published_runs" / f"{name}_aor_data.csv", format="ascii.csv"
        )
        held.append(dict(zip(lines["AORKEY"].tolist(), lines["Flux (mJy)"], strict=True)))
    for row in made:
        key = int(row["aorkey"])
        assert row["difference"].value == pytest.approx(held[1][key] - held[0][key], abs=1e-9)


def test_a_run_without_results(
    catalogue: Catalogue, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(start, "execute", stop)
    with Catalogue(tmp_path / "iracdb.sqlite") as opened:
        opened.ingest(archive)
        with pytest.raises(RuntimeError):
            opened.run(1, channel=1)
        for name in ("growth", "frame", "lineage"):
            made = table(opened, name, 1)
            assert len(made) == 0
            assert made.meta["missing"] in said(drawn(name, made))
        with pytest.raises(NotFound, match="Nothing is held"):
            table(opened, "dithers", 1)
        made = table(opened, "compare", 1, 1)
        assert "is not finished" in said(drawn("compare", made))
