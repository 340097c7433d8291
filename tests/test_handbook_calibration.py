"""Calibration under the recipe handbook: factors by mission, FLUXCONV, pixel area, marks, warnings.

Flux densities are worked out again from what is stored of the images and from numbers typed in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import put, spec
from iracdb_cli.main import main
from run_helpers import averages, images

from iracdb import Catalogue
from iracdb.errors import RunRefused, UsageError
from iracdb.irac.simulate import FrameSpec

WARM, CRYO, TRANSITION = 91_000_000, 91_000_256, 91_000_512
WARM_DAY, CRYO_DAY, CHANGING_DAY = 56_000.0, 54_000.0, 55_000.0
WARM_FACTOR, CRYO_FACTOR = 1.1336, 1.120  # of 3, 3-7 in channel 2
NOMINAL = 1.213  # arcsec, channel 2


def star(aorkey: int, expid: int, mjd: float, creator: str, **changes: Any) -> FrameSpec:
    return spec(
        aorkey=aorkey, expid=expid, mjd=mjd + expid / 1000, creator=creator,
        flux_mjy=30.0 + expid / 10, x=15.0 + expid / 20, y=15.2, **changes,
    )  # fmt: skip


def three(aorkey: int, mjd: float, creator: str, **changes: Any) -> list[FrameSpec]:
    return [star(aorkey, expid, mjd, creator, **changes) for expid in range(3)]


def write(folder: Path, *frames: FrameSpec) -> None:
    for frame in frames:
        put(folder, frame)
        put(folder, frame, "msk2d")
        put(folder, frame, "unc2d")


def own(*frames: FrameSpec, folder: Path) -> Catalogue:
    write(folder / "archive", *frames)
    catalogue = Catalogue(folder / "iracdb.sqlite")
    catalogue.ingest(folder / "archive")
    return catalogue


def handbook(catalogue: Catalogue, **options: Any) -> Any:
    return catalogue.run(**{"recipe": "handbook", "kind": "sub2d", **options})


@pytest.fixture(scope="module")
def missions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """Warm, cryogenic, and of the months between; tests add runs and change nothing else."""
    with own(
        *three(WARM, WARM_DAY, "S19.2.0"),
        *three(CRYO, CRYO_DAY, "S18.24.0"),
        *three(TRANSITION, CHANGING_DAY, "S19.2.0"),
        folder=tmp_path_factory.mktemp("missions"),
    ) as catalogue:  # fmt: skip
        yield catalogue


@pytest.fixture(scope="module")
def both(missions: Catalogue) -> Any:
    return handbook(missions, aors=[WARM, CRYO])


def flux_by_hand(rows: list[dict[str, Any]], factor: float, pixel: float, k: float = 1.0) -> float:
    """Mean flux density of the kept images, mJy, from their stored sums."""
    kept = [
        (row["raw"] - row["background"]) * row["calibration_factor"]
        / (row["array_location_factor"] * row["pixel_phase_factor"])
        for row in rows if row["kept"]
    ]  # fmt: skip
    assert kept
    return sum(kept) / len(kept) * factor * pixel**2 / 206265**2 * 1e9 / k


# ---- aperture corrections ------------------------------------------------------------------------


def test_each_mission_has_the_factor_of_its_own_table(missions: Catalogue, both: Any) -> None:
    assert both.parameters["aperture_correction"] is None
    assert both.parameters["aperture_correction_from"] == "handbook 1"
    found = averages(missions, both)
    assert [(row["aorkey"], row["mission"], row["aperture_correction"]) for row in found] == [
        (WARM, "WARM", WARM_FACTOR),
        (CRYO, "CRYO", CRYO_FACTOR),
    ]
    for row in found:
        mine = [each for each in images(missions, both) if each["aorkey"] == row["aorkey"]]
        by_hand = flux_by_hand(mine, row["aperture_correction"], NOMINAL)
        assert row["flux"] == pytest.approx(by_hand, rel=1e-12)
    assert missions.verify(both.run_id).verdict == "exact"


def test_the_manual_has_one_factor_for_both(missions: Catalogue) -> None:
    run = missions.run(kind="sub2d", radius=(3, 3, 7), aors=[WARM, CRYO])
    assert (run.parameters["aperture_correction"], run.parameters["aperture_correction_from"]) == (
        CRYO_FACTOR, "manual",
    )  # fmt: skip
    assert {row["aperture_correction"] for row in averages(missions, run)} == {CRYO_FACTOR}


def test_one_typed_factor_cannot_serve_for_both_missions(missions: Catalogue) -> None:
    two = {"aors": [WARM, CRYO], "aperture_correction": 1.3}
    with pytest.raises(RunRefused, match="One aperture correction cannot serve for both missions"):
        missions.plan(recipe="handbook", kind="sub2d", **two)
    missions.plan(kind="sub2d", radius=(3, 3, 7), **two)  # the manual's was one all along
    one = handbook(missions, where=f"mission = WARM and aorkey = {WARM}", aperture_correction=1.3)
    assert one.parameters["aperture_correction_from"] == "given"
    (row,) = averages(missions, one)
    assert (row["aorkey"], row["aperture_correction"]) == (WARM, 1.3)
    assert row["flux"] == pytest.approx(
        flux_by_hand(images(missions, one), 1.3, NOMINAL), rel=1e-12
    )


def test_a_radius_test_is_held_to_it_through_each_aperture(
    missions: Catalogue, tmp_path: Path
) -> None:
    radii = tmp_path / "radii.txt"
    radii.write_text("2 2 6\n2.5 3 7 1.3\n")
    asked = {"combinations": radii, "recipe": "handbook", "kind": "sub2d"}
    missions.plan_radius_test(200, aors=[WARM], **asked)
    with pytest.raises(RunRefused, match="One aperture correction cannot serve for both missions"):
        missions.plan_radius_test(200, aors=[WARM, CRYO], **asked)


def test_radii_without_a_factor_are_refused_with_those_that_have_one(missions: Catalogue) -> None:
    with pytest.raises(UsageError) as problem:
        missions.plan(recipe="handbook", kind="sub2d", radius=(2.5, 3, 7))
    said = str(problem.value)
    assert "The handbook has no aperture correction for radii 2.5 3 7" in said
    for radii in ("2 2 6", "2 12 20", "3 3 7", "3 12 20", "5 5 10", "8 12 20", "10 12 20"):
        assert radii in said
    run = handbook(missions, radius=(2.5, 3, 7), aperture_correction=1.15, aors=[WARM])
    assert averages(missions, run)[0]["aperture_correction"] == 1.15


# ---- marks and warnings --------------------------------------------------------------------------


def marks(catalogue: Catalogue, run: Any) -> dict[int, set[str]]:
    return {row["aorkey"]: set((row["marks"] or "").split()) for row in averages(catalogue, run)}


def test_what_the_recipe_was_made_for_has_no_mark(missions: Catalogue, both: Any) -> None:
    assert marks(missions, both) == {WARM: set(), CRYO: set()}
    # What is left to say: an odd entry of the table, and that no colour correction was asked for.
    odd, said = both.warnings
    assert odd.startswith("The warm aperture correction of channel 2 for 3 3 7, 1.1336, stands")
    assert said.startswith("Colour correction 1")


@pytest.mark.parametrize(
    ("options", "mark", "warning"),
    [
        ({"radius": (2, 2, 6)}, "off-aperture", "Correction off its aperture"),
        ({"centre": "gaussian"}, "off-centre", "derived with first moments"),
        ({"forced": True}, "off-centre", "centres are by the WCS"),
        (
            {"response": "reach"},
            "other-version",
            "reach were made for pipeline version",
        ),
    ],
)
def test_each_mark_and_its_warning(
    missions: Catalogue, options: dict[str, Any], mark: str, warning: str
) -> None:
    run = handbook(missions, aors=[WARM, CRYO], **options)
    assert marks(missions, run) == {WARM: {mark}, CRYO: {mark}}
    assert sum(warning in said for said in run.warnings) == 1


def test_nothing_corrected_is_not_off_anything(missions: Catalogue) -> None:
    run = handbook(missions, aors=[WARM], response="none", radius=(2, 2, 6), centre="gaussian")
    assert marks(missions, run) == {WARM: set()}
    # Centres matter to the correction within the pixel alone.
    location = handbook(missions, aors=[WARM], pixel_phase=False, centre="gaussian")
    assert marks(missions, location) == {WARM: set()}


def test_the_months_when_set_points_changed(missions: Catalogue) -> None:
    run = handbook(missions)
    assert marks(missions, run) == {WARM: set(), CRYO: set(), TRANSITION: {"transition"}}
    (said,) = [each for each in run.warnings if "set points" in each]
    assert said.startswith("3 frames of 15 May to 18 September 2009")
    # Other recipes warn of it too.
    manual = missions.plan(kind="sub2d", radius=(3, 3, 7))
    assert said in manual.warnings


@pytest.mark.parametrize(
    ("mjd", "marked"), [(54965.9, False), (54966.1, True), (55092.9, True), (55093.1, False)]
)
def test_the_days_of_the_transition(tmp_path: Path, mjd: float, marked: bool) -> None:
    with own(star(WARM, 0, mjd, "S19.2.0"), folder=tmp_path) as catalogue:
        run = handbook(catalogue)
        assert ("transition" in marks(catalogue, run)[WARM]) is marked


def test_other_versions_are_marked_where_they_are(tmp_path: Path) -> None:
    frames = [*three(WARM, WARM_DAY, "S18.18.0"), *three(CRYO, CRYO_DAY, "S18.25.0")]
    with own(*frames, *three(TRANSITION, WARM_DAY, "S19.2.1"), folder=tmp_path) as catalogue:
        run = handbook(catalogue)
        assert marks(catalogue, run) == {
            WARM: {"other-version"}, CRYO: {"other-version"}, TRANSITION: set()
        }  # fmt: skip
        (said,) = [each for each in run.warnings if "pipeline versions" in each]
        assert "S18.18.0, S18.25.0 of 6 frames" in said


def test_warnings_are_kept_and_shown(
    missions: Catalogue, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {
        "aors": [WARM],
        "radius": (2, 2, 6),
        "centre": "quadratic",
        "source_spectrum": "flat",
    }
    plan = missions.plan(recipe="handbook", kind="sub2d", **options)
    run = handbook(missions, **options)
    assert run.warnings == list(plan.warnings)
    assert len(run.warnings) == 4
    found = missions.sql(f"SELECT sentence FROM run_warning WHERE run_id = {run.run_id} ORDER BY 1")
    assert sorted(run.warnings) == [sentence for (sentence,) in found.rows]
    location = missions._database.url.database
    capsys.readouterr()
    assert main(["show", str(run.run_id), "--db", location]) == 0
    shown = capsys.readouterr().out.replace("\n", " ")
    assert main(["show", str(run.run_id), "--json", "--db", location]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["warnings"] == run.warnings
    for sentence in run.warnings:
        assert " ".join(sentence.split()) in " ".join(shown.split())


# ---- CREATOR and FLUXCONV ------------------------------------------------------------------------

OLD = {"FLUXCONV": 0.1469}
NEW = {"FLUXCONV": 0.1447}


def mixed(folder: Path, what: str) -> Catalogue:
    """One AOR whose second exposure has another CREATOR or FLUXCONV."""
    first = [star(WARM, expid, WARM_DAY, "S19.2.0", header=NEW) for expid in (0, 2)]
    other = {
        "CREATOR": star(WARM, 1, WARM_DAY, "S19.1.0", header=NEW),
        "FLUXCONV": star(WARM, 1, WARM_DAY, "S19.2.0", header=OLD),
    }[what]
    return own(*first, other, folder=folder)


@pytest.mark.parametrize("what", ["CREATOR", "FLUXCONV"])
@pytest.mark.parametrize("recipe", ["manual", "handbook"])
def test_no_average_over_different_calibrations(tmp_path: Path, recipe: str, what: str) -> None:
    shown = {"CREATOR": "CREATOR S19.1.0, S19.2.0", "FLUXCONV": "FLUXCONV 0.1447, 0.1469"}[what]
    with mixed(tmp_path, what) as catalogue:
        options = {"kind": "sub2d", "recipe": recipe, "radius": (3, 3, 7)}
        with pytest.raises(RunRefused, match=rf"AOR {WARM} .* different calibration: {shown}"):
            catalogue.run(**options)
        # Each for itself, and where it is asked for.
        condition = {"CREATOR": "creator = S19.2.0", "FLUXCONV": "header.FLUXCONV < 0.146"}[what]
        assert len(catalogue.plan(**options, where=condition).inputs) == 2
        run = catalogue.run(**options, allow_mixed_calibration=True)
        assert run.parameters["mixed_calibration"] == "allowed"
        assert "mixed-calibration" in marks(catalogue, run)[WARM]
        assert averages(catalogue, run)[0]["n_workable"] == 3


@pytest.mark.parametrize("what", ["CREATOR", "FLUXCONV"])
def test_the_code_of_2018_averaged_them(tmp_path: Path, what: str) -> None:
    with mixed(tmp_path, what) as catalogue:
        run = catalogue.run(kind="sub2d", recipe="published-2018", radius=(3, 3, 7))
        assert run.parameters["mixed_calibration"] == "allowed"
        assert averages(catalogue, run)[0]["n_workable"] == 3


def test_unlike_frames_may_be_of_different_calibration(tmp_path: Path) -> None:
    frames = [
        star(WARM, 0, WARM_DAY, "S19.2.0", header=NEW, frame_time=2.0),
        star(WARM, 1, WARM_DAY, "S19.2.0", header=OLD, frame_time=0.4),
    ]
    with own(*frames, folder=tmp_path) as catalogue:
        assert len(averages(catalogue, handbook(catalogue))) == 2


def test_fluxconv_rescales_by_a_factor_of_its_own(tmp_path: Path) -> None:
    with mixed(tmp_path, "FLUXCONV") as catalogue:
        plain = handbook(catalogue, allow_mixed_calibration=True)
        # Rescaled to one FLUXCONV they are of one calibration: nothing more need be allowed.
        run = handbook(catalogue, fluxconv=0.1447)
        by_frame = [row["calibration_factor"] for row in images(catalogue, run)]
        assert by_frame == [1.0, 0.1447 / 0.1469, 1.0]
        assert {row["calibration_factor"] for row in images(catalogue, plain)} == {1.0}
        for before, after in zip(images(catalogue, plain), images(catalogue, run), strict=True):
            for name in ("raw", "background", "sky", "net_error", "peak"):
                assert before[name] == after[name]
            factor = after["calibration_factor"]
            assert after["corrected"] == pytest.approx(before["corrected"] * factor, rel=1e-15)
        (row,) = averages(catalogue, run)
        by_hand = flux_by_hand(images(catalogue, run), WARM_FACTOR, NOMINAL)
        assert row["flux"] == pytest.approx(by_hand, rel=1e-12)
        shares = {s.cause: s for s in catalogue.why(plain.run_id, WARM, run.run_id).shares}
        change = row["flux"] - averages(catalogue, plain)[0]["flux"]
        assert shares["calibration"].mjy == pytest.approx(change, rel=1e-9)
        assert "rescaled by 1 -> 0.985" in shares["calibration"].what
        assert catalogue.verify(run.run_id).verdict == "exact"


def test_the_flux_follows_the_ratio_exactly(missions: Catalogue) -> None:
    plain = handbook(missions, aors=[WARM])
    held = {
        row[0]
        for row in missions.sql(
            f"SELECT DISTINCT fluxconv FROM file WHERE kind = 'sub2d' AND name LIKE '%{WARM}%'"
        ).rows
    }
    assert held == {0.1447}
    run = handbook(missions, aors=[WARM], fluxconv=2 * 0.1447)
    assert averages(missions, run)[0]["flux"] == 2 * averages(missions, plain)[0]["flux"]
    noise = [averages(missions, one)[0]["expected_noise"] for one in (plain, run)]
    assert noise[1] == pytest.approx(2 * noise[0], rel=1e-12)


@pytest.mark.parametrize("recipe", ["manual", "handbook", "published-2018"])
def test_a_silent_header_cannot_be_rescaled(tmp_path: Path, recipe: str) -> None:
    frames = [star(WARM, 0, WARM_DAY, "S19.2.0", header={"FLUXCONV": None})]
    with own(*frames, folder=tmp_path) as catalogue:
        options = {"kind": "sub2d", "recipe": recipe, "radius": (3, 3, 7)}
        assert averages(catalogue, catalogue.run(**options))[0]["n_workable"] == 1
        with pytest.raises(RunRefused, match="1 frame of AOR 91000000 do not tell FLUXCONV"):
            catalogue.run(**options, fluxconv=0.1447)


@pytest.mark.parametrize("channel", [3, 4])
def test_warm_channels_3_and_4_do_not_exist(tmp_path: Path, channel: int) -> None:
    warm = star(WARM, 0, WARM_DAY, "S19.2.0", channel=channel)
    cold = star(CRYO, 0, CRYO_DAY, "S18.24.0", channel=channel)
    with own(warm, cold, folder=tmp_path) as catalogue:
        for recipe in ("manual", "handbook"):
            options = {"kind": "sub2d", "recipe": recipe, "radius": (3, 3, 7)}
            with pytest.raises(RunRefused, match=f"Channel {channel} saw no sky after"):
                catalogue.plan(**options)
            plan = catalogue.plan(**options, where="mission = CRYO")
            assert [file.aorkey for file in plan.inputs] == [CRYO]


# ---- pixel area, spectrum, colour ----------------------------------------------------------------

SCALE_X, SCALE_Y = -1.2205, 1.2198


def test_the_pixels_area_by_headers(tmp_path: Path) -> None:
    told = {"PXSCAL1": SCALE_X, "PXSCAL2": SCALE_Y}
    with own(*three(WARM, WARM_DAY, "S19.2.0", header=told), folder=tmp_path) as catalogue:
        nominal = handbook(catalogue)
        header = handbook(catalogue, pixel_area="header")
        assert (header.parameters["pixel_size"], header.parameters["pixel_size_from"]) == (
            None, "header",
        )  # fmt: skip
        (before,), (after,) = averages(catalogue, nominal), averages(catalogue, header)
        assert before["pixel_size"] == NOMINAL
        assert after["pixel_size"] == pytest.approx((-SCALE_X * SCALE_Y) ** 0.5, rel=1e-15)
        ratio = abs(SCALE_X * SCALE_Y) / NOMINAL**2
        assert after["flux"] / before["flux"] == pytest.approx(ratio, rel=1e-12)
        found = catalogue.why(nominal.run_id, WARM, header.run_id)
        shares = {share.cause: share for share in found.shares}
        assert shares["pixel area"].percent == pytest.approx((ratio - 1) * 100, rel=1e-9)
        others = [share.mjy for cause, share in shares.items() if cause != "pixel area"]
        assert others == pytest.approx([0.0] * len(others), abs=1e-12)
        assert catalogue.verify(header.run_id).verdict == "exact"


@pytest.mark.parametrize("recipe", ["manual", "handbook", "published-2018"])
@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"PXSCAL1": -1.23, "PXSCAL2": 1.22}, "has frames of 2 pixel sizes"),
        ({"PXSCAL1": None, "PXSCAL2": 1.22}, "does not tell PXSCAL1 and PXSCAL2"),
    ],
)
def test_headers_that_differ_or_are_silent(
    tmp_path: Path, recipe: str, second: dict[str, Any], said: str
) -> None:
    frames = [
        star(WARM, 0, WARM_DAY, "S19.2.0", header={"PXSCAL1": -1.22, "PXSCAL2": 1.22}),
        star(WARM, 1, WARM_DAY, "S19.2.0", header=second),
    ]
    with own(*frames, folder=tmp_path) as catalogue:
        options = {"kind": "sub2d", "recipe": recipe, "radius": (3, 3, 7)}
        with pytest.raises(RunRefused, match=said):
            catalogue.plan(**options, pixel_area="header")
        catalogue.plan(**options)


def test_a_pixel_size_and_headers_together(missions: Catalogue) -> None:
    with pytest.raises(UsageError, match="either a pixel size or --pixel-area header"):
        missions.plan(recipe="handbook", kind="sub2d", pixel_area="header", pixel_size=1.2)


def test_a_flat_spectrum_is_not_corrected_for_its_place(missions: Catalogue) -> None:
    stellar = handbook(missions, aors=[WARM])
    flat = handbook(missions, aors=[WARM], source_spectrum="flat")
    assert (flat.parameters["array_location"], flat.parameters["source_spectrum"]) == (
        False, "flat",
    )  # fmt: skip
    before, after = images(missions, stellar), images(missions, flat)
    assert {row["array_location_factor"] for row in after} == {1.0}
    assert 1.0 not in {row["array_location_factor"] for row in before}
    assert [row["pixel_phase_factor"] for row in after] == [
        row["pixel_phase_factor"] for row in before
    ]
    assert any(said.startswith("A flat source spectrum") for said in flat.warnings)
    shares = {s.cause: s for s in missions.why(stellar.run_id, WARM, flat.run_id).shares}
    change = averages(missions, flat)[0]["flux"] - averages(missions, stellar)[0]["flux"]
    assert shares["array-location factor"].mjy == pytest.approx(change, rel=1e-9)
    assert change != 0


def test_the_colour_correction_divides(missions: Catalogue) -> None:
    plain = handbook(missions, aors=[WARM])
    run = handbook(missions, aors=[WARM], colour_correction=1.05)
    assert not any("Colour" in said for said in run.warnings)
    (before,), (after,) = averages(missions, plain), averages(missions, run)
    assert (before["colour_correction"], after["colour_correction"]) == (1.0, 1.05)
    for name in ("flux", "error", "standard_error", "expected_noise"):
        assert after[name] == pytest.approx(before[name] / 1.05, rel=1e-12)
    by_hand = flux_by_hand(images(missions, run), WARM_FACTOR, NOMINAL, 1.05)
    assert after["flux"] == pytest.approx(by_hand, rel=1e-12)
    found = missions.why(plain.run_id, WARM, run.run_id)
    shares = {share.cause: share for share in found.shares}
    assert shares["colour correction"].percent == pytest.approx((1 / 1.05 - 1) * 100, rel=1e-9)
    assert [s.cause for s in found.shares if s.mjy and abs(s.mjy) > 1e-12] == ["colour correction"]


@pytest.mark.parametrize("value", [0.0, -1.0, 1000.0, float("nan")])
def test_a_colour_correction_that_cannot_be(missions: Catalogue, value: float) -> None:
    with pytest.raises(UsageError, match="The colour correction must be from"):
        missions.plan(kind="sub2d", colour_correction=value)
