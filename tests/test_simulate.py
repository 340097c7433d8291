"""The simulated archive: what it says of itself is true of its bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import warnings
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.io.fits.verify import VerifyWarning
from astropy.wcs import WCS
from photutils.aperture import CircularAnnulus, CircularAperture

from iracdb.errors import CannotWrite, UsageError
from iracdb.irac.handbook import APERTURE_CORRECTION, CHANNELS, PIXEL_SIZE, is_cryogenic
from iracdb.irac.names import KINDS, parse_name
from iracdb.irac.simulate import (
    Card,
    ExtraStar,
    FrameSpec,
    FrameTruth,
    SimulatedArchive,
    calibrated_fraction,
    encircled_energy,
    frame_truth,
    location_factor,
    phase_factor,
    read_truth,
    simulate_archive,
    simulate_frame,
    total_light,
    write_fits,
)
from iracdb.irac.simulate.plan import FIRST_AORKEY, next_aorkey
from iracdb.irac.simulate.star import aperture_fraction, star_image, surface_brightness

LIGHT = 299_792.458  # km/s


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> SimulatedArchive:
    return simulate_archive(tmp_path_factory.mktemp("simulated"), seed=3, frames=4)


def aor(archive: SimulatedArchive, number: int) -> list[FrameTruth]:
    rows = [row for row in archive.truth if row.aorkey == FIRST_AORKEY + 256 * number]
    assert rows
    return rows


def header(archive: SimulatedArchive, row: FrameTruth) -> fits.Header:
    return fits.getheader(archive.directory / row.file)


def digest(directory: Path) -> dict[str, str]:
    return {
        path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def net(image: np.ndarray, x: float, y: float, radius: float) -> float:
    source = CircularAperture((x, y), radius)
    sky = CircularAnnulus((x, y), 12.0, 20.0)
    total = float(source.do_photometry(image)[0][0])
    return total - float(sky.do_photometry(image)[0][0]) / sky.area * source.area


# --- the archive as a whole ---


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        simulate_archive(tmp_path / name, seed=seed, frames=1)
    first, again, other = (digest(tmp_path / name) for name in "abc")
    assert first == again
    assert first.keys() == other.keys()
    bad_files = f"r{next_aorkey()}/"
    drawn = [name for name in first if name.endswith("_bcd.fits") and bad_files not in name]
    assert all(first[name] != other[name] for name in drawn)


def test_number_of_frames(tmp_path: Path) -> None:
    made = simulate_archive(tmp_path, frames=6, full_frames=2, bad_files=False)
    assert made.bad == ()
    assert [len(aor(made, n)) for n in range(9)] == [2, 2, 2, 6, 4, 2, 4, 6, 4]


def test_switches(tmp_path: Path) -> None:
    made = simulate_archive(tmp_path, frames=1, noise=False, response=False)
    assert {row.array_location_factor for row in made.truth} == {1.0}
    assert {row.pixel_phase_factor for row in made.truth} == {1.0}
    corner = fits.getdata(made.directory / made.truth[0].file)[:5, :5]
    assert np.all(corner == np.float32(made.truth[0].background))


def test_default_size(tmp_path: Path) -> None:
    made = simulate_archive(tmp_path)
    assert sum(path.stat().st_size for path in made.written) < 40e6


def test_names_and_layout(archive: SimulatedArchive) -> None:
    for path in archive.written:
        name = parse_name(path.name)
        assert name is not None
        assert str(name) == path.name
        assert name.kind in KINDS
        folder = Path(f"r{name.aorkey}", f"ch{name.channel}", "bcd")
        assert path.parent == archive.directory / folder
    assert sorted(archive.written) == sorted(archive.directory.rglob("*.fits"))
    assert not list(archive.directory.rglob("*.part"))


def test_headers_agree_with_names(archive: SimulatedArchive) -> None:
    for row in archive.truth:
        name = parse_name(Path(row.file).name)
        assert name is not None
        with fits.open(archive.directory / row.file) as hdus:
            hdus.verify("exception")
            cards, image = hdus[0].header, hdus[0].data
            assert image.dtype == np.dtype(">f4")
            assert image.shape == ((64, 32, 32) if row.subarray else (256, 256))
            assert int(np.isnan(image).sum()) == row.nan_pixels
        told = tuple(cards[key] for key in ("CHNLNUM", "AORKEY", "EXPID", "DCENUM"))
        assert told == (row.channel, row.aorkey, row.expid, row.dcenum)
        assert told == (name.channel, name.aorkey, name.expid, name.dcenum)
        assert cards["SOS_VER"] == name.version
        assert "simulated by iracdb" in cards["ORIGIN"]
        assert (cards["RA_REF"], cards["DEC_REF"]) == (row.ra, row.dec)
        assert cards["OBJECT"] == row.target
        assert cards["READMODE"] == ("SUB" if row.subarray else "FULL")
        assert cards["BUNIT"] == "MJy/sr"


def test_modes(archive: SimulatedArchive) -> None:
    modes = set()
    for row in archive.truth:
        cards = header(archive, row)
        modes.add((row.channel, is_cryogenic(cards["MJD_OBS"]), row.subarray))
    assert modes == {
        *((1, True, False), (1, False, False), (2, False, False)),
        *((2, False, True), (4, True, True), (3, True, False)),
    }


def test_times(archive: SimulatedArchive) -> None:
    for row in archive.truth:
        cards = header(archive, row)
        place = np.array([cards[f"SPTZR_{axis}"] for axis in "XYZ"])
        ra, dec = np.radians([row.ra, row.dec])
        towards = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
        delay = (cards["HMJD_OBS"] - cards["MJD_OBS"]) * 86_400.0
        assert delay == pytest.approx(place @ towards / LIGHT, abs=0.01)
        assert cards["SPTZR_LT"] == pytest.approx(np.linalg.norm(place) / LIGHT, abs=1e-5)
        assert abs(cards["BMJD_OBS"] - cards["HMJD_OBS"]) < 5.0 / 86_400.0
        moment = np.datetime64(cards["DATE_OBS"]) - np.datetime64("1858-11-17T00:00:00")
        assert moment / np.timedelta64(1, "D") == pytest.approx(cards["MJD_OBS"], abs=6e-8)


def test_unique_times(archive: SimulatedArchive) -> None:
    frames = {(row.channel, row.aorkey, row.expid, row.dcenum) for row in archive.truth}
    times = {(row.channel, header(archive, row)["MJD_OBS"]) for row in archive.truth}
    events = {header(archive, row)["DCEID"] for row in archive.truth}
    # One frame is there in two versions.
    assert len(times) == len(events) == len(frames) == len(archive.truth) - 1


def test_wcs_puts_the_target_where_truth_says(archive: SimulatedArchive) -> None:
    for row in archive.truth:
        sky = WCS(header(archive, row), naxis=2)
        ra, dec = sky.all_pix2world(row.wcs_x, row.wcs_y, 0)
        assert float(ra) == pytest.approx(row.ra, abs=1e-9)
        assert float(dec) == pytest.approx(row.dec, abs=1e-9)
        x, y = sky.all_world2pix(row.ra, row.dec, 0, tolerance=1e-6)
        assert np.hypot(x - row.wcs_x, y - row.wcs_y) < 1e-4
        assert np.hypot(row.x - row.wcs_x, row.y - row.wcs_y) < 0.3
        # The header's own inverse is nearly one, as in the archive.
        plane = sky.wcs_world2pix([[row.ra, row.dec]], 1) - sky.wcs.crpix
        nearly = sky.sip_foc2pix(plane, 1)[0] - 1.0
        if 0.0 < row.x < 255.0 and 0.0 < row.y < 255.0:
            assert np.hypot(*(nearly - (row.wcs_x, row.wcs_y))) < 0.05


def test_star_is_where_truth_says(archive: SimulatedArchive) -> None:
    for row in aor(archive, 3) + aor(archive, 1):
        image = fits.getdata(archive.directory / row.file).astype(float)
        if row.subarray:
            image = np.nanmean(image[:, 1:], axis=0, keepdims=True)[0]
            image = np.vstack([np.full((1, 32), row.background), image])
        column, line = round(row.x), round(row.y)
        piece = image[line - 4 : line + 5, column - 4 : column + 5] - row.background
        grid = np.arange(-4, 5)
        x = column + (piece.sum(axis=0) * grid).sum() / piece.sum()
        y = line + (piece.sum(axis=1) * grid).sum() / piece.sum()
        assert np.hypot(x - row.x, y - row.y) < 0.08


def test_truth_is_complete(archive: SimulatedArchive) -> None:
    assert read_truth(archive.truth_path) == archive.truth
    with archive.truth_path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == [field.name for field in fields(FrameTruth)]
    assert all(value != "" for row in rows for value in row.values())
    bad = {one.path for one in archive.bad}
    science = [path for path in archive.written if path.name.endswith("_bcd.fits")]
    listed = [archive.directory / row["file"] for row in rows]
    assert sorted(listed) == sorted(path for path in science if path not in bad)


# --- what single AORs are there for ---


def test_cycling_dither(archive: SimulatedArchive) -> None:
    assert "cycl" in header(archive, aor(archive, 0)[0])["AORLABEL"]
    cards = [header(archive, row) for row in aor(archive, 0)]
    assert [card["DITHPOS"] for card in cards] == [1, 2, 3, 4]
    assert {card["DITHSCAL"] for card in cards} == {"small"}
    others = [header(archive, row) for row in archive.truth if row.aorkey != FIRST_AORKEY]
    assert not any("cycl" in card["AORLABEL"] for card in others)


def test_stare_has_no_dither(archive: SimulatedArchive) -> None:
    cards = header(archive, aor(archive, 3)[0])
    assert not {"DITHPOS", "DITHSCAL", "HDRMODE"} & set(cards)


def test_nan_pixels(archive: SimulatedArchive) -> None:
    rows = aor(archive, 2)
    assert [row.nan_pixels for row in rows] == [0, 3, 1, 0]
    for row, inside in ((rows[1], False), (rows[2], True)):
        image = fits.getdata(archive.directory / row.file)
        for y, x in np.argwhere(np.isnan(image)):
            distance = np.hypot(x - row.x, y - row.y)
            assert distance < 1.0 if inside else 12.5 < distance < 19.5


def test_cubes_lack_their_first_row(archive: SimulatedArchive) -> None:
    image = fits.getdata(archive.directory / aor(archive, 3)[0].file)
    assert np.isnan(image).sum() == 63 * 32 + 16
    assert not np.isnan(image[:, 1:]).any()
    assert not np.array_equal(image[1, 1:], image[2, 1:])


def test_pairs(archive: SimulatedArchive) -> None:
    rows = aor(archive, 6)
    assert [row.saturated for row in rows] == [False, True] * 4
    assert not any(row.saturated for row in archive.truth if row not in rows)
    for short, long in zip(rows[::2], rows[1::2], strict=True):
        assert short.expid == long.expid
        assert (short.x, short.y) == (long.x, long.y)
        cards = header(archive, short), header(archive, long)
        assert [card["HDRMODE"] for card in cards] == [True, True]
        assert [card["HDRFRAME"] for card in cards] == ["   short", "    long"]
        assert [card["FRAMTIME"] for card in cards] == [1.2, 30.0]
        assert [card["AORTIME"] for card in cards] == [30.0, 30.0]
        image = fits.getdata(archive.directory / long.file)
        full = 145_000.0 * cards[1]["FLUXCONV"] / (cards[1]["GAIN"] * 30.0)
        assert image.max() == pytest.approx(full, rel=1e-6)
        assert (image == image.max()).sum() >= 3


def test_target_leaves_the_array(archive: SimulatedArchive) -> None:
    on = [0.0 <= row.x <= 255.0 and 0.0 <= row.y <= 255.0 for row in aor(archive, 7)]
    assert on == [True, False, True, False, True, False]


def test_two_versions(archive: SimulatedArchive) -> None:
    rows = [row for row in aor(archive, 8) if row.expid == 1]
    assert [parse_name(Path(row.file).name).version for row in rows] == [1, 2]
    cards = [header(archive, row) for row in rows]
    assert [card["CREATOR"] for card in cards] == ["S18.18.0", "S19.2.0"]
    assert [card["FLUXCONV"] for card in cards] == [0.1253, 0.1257]
    assert cards[0]["MJD_OBS"] == cards[1]["MJD_OBS"]
    assert rows[0].flux_mjy == rows[1].flux_mjy


def test_companions(archive: SimulatedArchive) -> None:
    row = aor(archive, 3)[1]
    cube = fits.getdata(archive.directory / row.file)
    files = {}
    for kind in KINDS:
        path = Path(str(archive.directory / row.file).replace("_bcd", f"_{kind}"))
        if kind in ("cbcd", "cbunc", "brmsk"):
            assert not path.exists()
            continue
        with fits.open(path) as hdus:
            hdus.verify("exception")
            files[kind] = hdus[0].header, hdus[0].data.copy()
    for kind in ("bunc", "bimsk"):
        cards, data = files[kind]
        assert data.shape == cube.shape
        assert not {"READMODE", "AORLABEL", "CRVAL1", "CTYPE1", "RA_REF"} & set(cards)
        assert cards["DATE_OBS"]
        assert cards["DCENUM"] == 0
    assert files["bunc"][0]["CREATOR"] == "JPL_FOS SIS"
    for kind in ("unc2d", "msk2d", "cov2d"):
        cards, data = files[kind]
        assert data.shape == (32, 32)
        assert 14 <= len(cards) <= 18
        assert not {"DATE_OBS", "MJD_OBS", "DCENUM", "CREATOR"} & set(cards)
    assert files["sub2d"][0]["CTYPE1"] == "RA---TAN-SIP"
    missing = np.isnan(cube)
    assert np.array_equal(np.isnan(files["bunc"][1]), missing)
    assert np.array_equal(files["bimsk"][1] != 0, missing)
    assert np.array_equal(files["cov2d"][1], 64 - missing.sum(axis=0))
    collapsed = files["sub2d"][1]
    assert np.allclose(collapsed[1:], cube[:, 1:].mean(axis=0, dtype=float), rtol=1e-5)
    spread = cube[:, 1:].std(axis=0, dtype=float) / 8.0
    assert np.allclose(files["unc2d"][1][1:], spread, rtol=1e-4)


# --- bad files and refusals ---


def test_each_bad_file_is_bad_in_its_way(archive: SimulatedArchive) -> None:
    paths = {one.reason: one.path for one in archive.bad[:-1]}
    assert len(paths) == 7
    assert all(one.sentence for one in archive.bad)
    assert paths["empty"].stat().st_size == 0
    assert not paths["not-fits"].read_bytes().startswith(b"SIMPLE")
    start = paths["truncated-header"].read_bytes()
    assert start.startswith(b"SIMPLE")
    assert b"END     " not in start
    assert len(start) % 80
    for reason in ("empty", "not-fits", "truncated-header"):
        with pytest.raises(OSError, match=r"."), warnings.catch_warnings():
            warnings.simplefilter("ignore", VerifyWarning)
            fits.open(io.BytesIO(paths[reason].read_bytes()))
    assert fits.getheader(paths["other-instrument"])["INSTRUME"] == "MIPS"
    assert "AORKEY" not in fits.getheader(paths["no-aorkey"])
    named = parse_name(paths["other-aorkey"].name)
    assert named is not None
    assert fits.getheader(paths["other-aorkey"])["AORKEY"] != named.aorkey
    for path in (paths["truncated-pixels"], archive.bad[-1].path):
        whole = len(fits.Header.fromfile(path).tostring()) + 4 * 256 * 256
        assert 2880 < path.stat().st_size < whole


def test_one_bad_file_stands_among_good_ones(archive: SimulatedArchive) -> None:
    neighbours = {(archive.directory / row.file).parent for row in aor(archive, 1)}
    assert {archive.bad[-1].path.parent} == neighbours


def test_refuses_a_directory_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(CannotWrite, match="is not empty"):
        simulate_archive(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(CannotWrite, match="not a directory"):
        simulate_archive(tmp_path / "mine.txt")


@pytest.mark.parametrize(
    "wrong",
    [
        *({"seed": -1}, {"seed": 1.5}, {"seed": True}),
        *({"frames": 0}, {"frames": 10_000}, {"full_frames": 0}),
    ],
)
def test_refuses_wrong_numbers(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="whole number"):
        simulate_archive(tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()


def test_a_write_that_fails_leaves_no_truth(tmp_path: Path, monkeypatch) -> None:
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if "_0002_" in self.name:
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(CannotWrite, match="No space left on device"):
        simulate_archive(tmp_path, frames=3)
    assert not list(tmp_path.rglob("truth.csv"))


@pytest.mark.parametrize(
    "wrong",
    [
        *({"channel": 5}, {"background": -1.0}, {"flux_mjy": float("nan")}, {"dec": 89.9}),
        *({"frame_time": 0.0}, {"nan_pixels": ((0, 256),)}, {"nan_pixels": ((1, 2, 3),)}),
        {"extra_stars": (ExtraStar(1.0, 1.0, -2.0),)},
    ],
)
def test_refuses_an_impossible_frame(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        FrameSpec(**{"channel": 1, **wrong})


def test_noise_needs_a_generator() -> None:
    with pytest.raises(UsageError, match="generator"):
        simulate_frame(FrameSpec(channel=1))


# --- the star ---


@pytest.mark.parametrize("channel", CHANNELS)
def test_encircled_energy_against_a_fine_grid(channel: int) -> None:
    step = 0.02
    axis = np.arange(-20.5 + step / 2.0, 20.5, step)
    distance = np.hypot(axis[:, None], axis[None, :])
    brightness = surface_brightness(channel, distance) * step**2
    assert brightness.min() >= 0.0
    for radius in (1.0, 2.0, 3.0, 5.0, 10.0, 20.0):
        found = brightness[distance < radius].sum()
        assert found == pytest.approx(float(encircled_energy(channel, radius)), abs=4e-4)
    ends = encircled_energy(channel, [-1.0, 0.0, 20.0, 30.0])
    assert ends == pytest.approx([0.0, 0.0, 1.0, 1.0], abs=1e-14)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("phase", [(0.0, 0.0), (0.5, -0.5), (0.137, 0.391)])
def test_all_light_is_on_the_pixels(channel: int, phase: tuple[float, float]) -> None:
    image = star_image(channel, (64, 64), 31.0 + phase[0], 32.0 + phase[1])
    assert image.sum() == pytest.approx(1.0, abs=1e-6)
    column, row = 31, 33  # one pixel beside the core, against its own fine grid
    steps = (np.arange(200) + 0.5) / 200.0 - 0.5
    dx, dy = column + steps - 31.0 - phase[0], row + steps - 32.0 - phase[1]
    fine = surface_brightness(channel, np.hypot(dx[None, :], dy[:, None])).mean()
    assert image[row, column] == pytest.approx(fine, rel=1e-4)


@pytest.mark.parametrize("channel", CHANNELS)
def test_half_maximum(channel: int) -> None:
    radius = np.linspace(0.0, 2.0, 20_001)
    light = surface_brightness(channel, radius)
    width = 2.0 * radius[np.searchsorted(-light, -light[0] / 2.0)]
    assert 1.35 < width < 1.70


@pytest.mark.parametrize("channel", CHANNELS)
def test_apertures_on_pixels(channel: int) -> None:
    places = [(40.0 + i / 4.0, 40.0 + j / 4.0) for i in range(4) for j in range(4)]
    images = {place: star_image(channel, (81, 81), *place) for place in places}
    found = {
        radius: float(np.mean([net(image, *place, radius) for place, image in images.items()]))
        for radius in (2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
    }
    assert found[10.0] == pytest.approx(calibrated_fraction(channel), abs=2e-6)
    ring = (aperture_fraction(channel, 20.0) - aperture_fraction(channel, 12.0)) * 9.0 / 256.0
    assert found[3.0] == pytest.approx(aperture_fraction(channel, 3.0) - ring, abs=1e-3)
    tolerance = 0.01 if channel < 3 else 0.03
    for radius, light in found.items():
        expected = APERTURE_CORRECTION[(radius, 12.0, 20.0)][channel - 1]
        assert found[10.0] / light == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("channel", CHANNELS)
def test_flux_convention(channel: int) -> None:
    spec = FrameSpec(channel=channel, x=120.3, y=131.8, flux_mjy=7.5, noise=False, response=False)
    _, image = simulate_frame(spec)
    assert image.max() < spec.detector.saturation
    to_mjy = (PIXEL_SIZE[channel] / 206265.0) ** 2 * 1e9
    found = net(image.astype(float), 120.3, 131.8, 10.0) * to_mjy
    assert found == pytest.approx(7.5, rel=2e-4)
    truth = frame_truth(spec)
    light = (image - np.float32(spec.background)).sum(dtype=float)
    assert light == pytest.approx(truth.flux_mjy_sr_pixel, rel=2e-5)
    assert light == pytest.approx(total_light(channel, 7.5), rel=2e-5)


def test_no_such_channel() -> None:
    with pytest.raises(UsageError, match="no channel"):
        encircled_energy(0, 3.0)
    with pytest.raises(UsageError, match="no channel"):
        total_light(5, 3.0)


# --- one frame ---


@pytest.mark.parametrize("subarray", [False, True])
def test_noise_level(subarray: bool) -> None:
    spec = FrameSpec(channel=1, flux_mjy=0.0, background=4.0, subarray=subarray)
    cards, image = simulate_frame(spec, np.random.default_rng(11))
    told = {card.keyword: card.value for card in cards}
    scale = told["EXPTIME"] * told["GAIN"] / told["FLUXCONV"]
    expected = np.sqrt(4.0 * scale + told["RONOISE"] ** 2) / scale
    values = image.astype(float)
    error = expected / np.sqrt(values.size)
    assert values.mean() == pytest.approx(4.0, abs=5.0 * error)
    assert values.std() == pytest.approx(expected, rel=5.0 / np.sqrt(2.0 * values.size))


def test_response_multiplies_the_star_only() -> None:
    place = {"x": 20.15, "y": 233.4, "flux_mjy": 30.0, "noise": False}
    _, plain = simulate_frame(FrameSpec(channel=1, **place, response=False))
    spec = FrameSpec(channel=1, **place)
    _, seen = simulate_frame(spec)
    truth = frame_truth(spec)
    factor = truth.array_location_factor * truth.pixel_phase_factor
    assert abs(factor - 1.0) > 0.003
    background = np.float32(spec.background)
    bright = plain > 1.0
    ratio = (seen - background)[bright] / (plain - background)[bright]
    assert ratio == pytest.approx(factor, rel=1e-5)
    assert seen[0, 255] == plain[0, 255] == background


def test_response_factors() -> None:
    # At the array's middle only the constants are left; at the peak of the phase its height.
    assert location_factor(3, True, 127.9, 127.0) == pytest.approx(0.98318195, rel=1e-7)
    assert location_factor(4, False, 10.0, 20.0) == 1.0
    peak = 0.018823169 + 0.030359022 + 0.97909886
    assert phase_factor(1, True, 50.091603768, 60.0067795815) == pytest.approx(peak, rel=1e-7)
    assert phase_factor(4, True, 50.3, 60.4) == 1.0
    assert location_factor(2, False, 10.2, 11.7, subarray=True) == location_factor(
        2, False, 18.2, 227.7
    )
    # x.5 belongs to the pixel above: halves go away from zero.
    assert phase_factor(1, False, 10.5, 10.0) == phase_factor(1, False, 9.5, 10.0)
    assert phase_factor(1, False, 10.5, 10.0) == phase_factor(1, False, 11.5, 10.0)


@pytest.mark.reference
def test_response_against_the_routine(reference: Path) -> None:
    count = 0
    with (reference / "aphot_reference.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["mode"] not in ("cryo", "warm"):
                continue
            channel, cryogenic = int(row["channel"]), row["mode"] == "cryo"
            x, y = float(row["x"]), float(row["y"])
            factor = location_factor(channel, cryogenic, x, y, subarray=row["subarray"] == "1")
            factor *= phase_factor(channel, cryogenic, x, y)
            expected = float(row["observed_flux"]) / float(row["corrected_flux"])
            assert factor == pytest.approx(expected, rel=1e-13)
            count += 1
    assert count > 500


def test_header_changes(tmp_path: Path) -> None:
    spec = FrameSpec(
        channel=2,
        noise=False,
        label="it's a label",
        header={"CREATOR": "S18.7.0", "DITHPOS": 7, "RA_REF": None, "EXTRA": 0.1 + 0.2},
    )
    write_fits(tmp_path / "one.fits", *simulate_frame(spec))
    cards = fits.getheader(tmp_path / "one.fits")
    assert (cards["CREATOR"], cards["DITHPOS"], cards["EXTRA"]) == ("S18.7.0", 7, 0.1 + 0.2)
    assert cards["AORLABEL"] == "it's a label"
    assert "RA_REF" not in cards
    assert list(cards)[-1] == "HISTORY"


def test_cards_are_eighty_characters_and_round_trip(tmp_path: Path) -> None:
    numbers = [1.0 / 3.0, -1e-300, 1.7976931348623157e308, 0.1257, 30.0, 5e-324]
    cards = [Card(f"X{n}", value, "a comment " * 12) for n, value in enumerate(numbers)]
    assert {len(str(card)) for card in cards} == {80}
    write_fits(tmp_path / "one.fits", cards, np.zeros((2, 3), dtype=np.int16))
    read = fits.getheader(tmp_path / "one.fits")
    assert [read[f"X{n}"] for n in range(len(numbers))] == numbers


@pytest.mark.parametrize(
    "card", [Card("LONG", "x" * 80), Card("TOOLONGNAME", 1), Card("NAN", float("nan"))]
)
def test_cards_that_cannot_be(card: Card) -> None:
    with pytest.raises(UsageError):
        str(card)


def test_extra_stars_and_nan_in_one_plane() -> None:
    spec = FrameSpec(
        channel=4,
        mjd=54_000.0,
        subarray=True,
        noise=False,
        extra_stars=(ExtraStar(5.0, 25.0, 4.0),),
        nan_pixels=((3, 10, 11), (20, 21)),
    )
    _, cube = simulate_frame(spec)
    assert np.isnan(cube).sum() == 65
    assert np.isnan(cube[3, 10, 11])
    assert cube[0, 25, 5] > cube[0, 25, 10]
    assert frame_truth(spec).nan_pixels == 65
