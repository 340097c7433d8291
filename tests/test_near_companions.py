"""Masks and uncertainties of full-array frames are read near the stars, some of them missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from handbook_helpers import write_with_companions

from iracdb.irac.files import read_irac_file
from iracdb.irac.frames import FrameFile, read_pixels, sky_to_pixel, sky_to_pixels
from iracdb.irac.mask_bits import FATAL
from iracdb.irac.simulate import FrameSpec
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.measure import measure_block
from iracdb.photometry.planes import Planes
from iracdb.runs.images import FARTHEST_OF_CENTRES, read_images
from iracdb.runs.measuring import Block, measure

PLANES = Planes("mean", tuple(range(64)))


def frame_file(path):
    file = read_irac_file(path)
    offset = len(file.header.verbatim)
    given = (file.size, file.mtime_ns, file.bitpix, file.shape, offset, False, file.wcs)
    return FrameFile(str(path), *given)


@pytest.fixture(scope="module")
def block(tmp_path_factory):
    """Four frames: both companions, no mask, no uncertainties, neither; and where the star is."""
    folder = tmp_path_factory.mktemp("companions")
    found = []
    for expid, without in enumerate(((), ("bimsk",), ("bunc",), ("bimsk", "bunc"))):
        # A fatal pixel in the annulus, one far away, and one in the star's circle of the last.
        bits = ((10, 131, 127), (11, 5, 5), (3, 128, 130))
        spec = FrameSpec(
            channel=1, aorkey=91000000, expid=expid, x=127.3, y=126.8, mask_bits=bits,
            nan_pixels=((121, 127),),
        )  # fmt: skip
        write_with_companions(folder, spec, "bcd", without)
        paths = {kind: list(folder.rglob(f"*_{expid:04d}_0000_*_{kind}.fits"))
                 for kind in ("bcd", "bimsk", "bunc")}  # fmt: skip
        mask, errors = (frame_file(*paths[k]) if paths[k] else None for k in ("bimsk", "bunc"))
        found.append(replace(frame_file(*paths["bcd"]), mask=mask, uncertainty=errors))
    facts = read_irac_file(found[0].path).facts
    return tuple(found), (facts["ra_ref"], facts["dec_ref"])


def test_what_is_read_near_is_what_is_there(block):
    frames, target = block
    at = np.concatenate([sky_to_pixel(frame.wcs, *target) for frame in frames])
    far = at + 60
    # What an earlier block left is not seen: it lay elsewhere, and in another order.
    read_images(frames[::-1], far[:, :1], far[:, 1:], 20.0, PLANES, FATAL)
    images = read_images(frames, at[:, :1], at[:, 1:], FARTHEST_OF_CENTRES, PLANES, FATAL)
    assert images.unmasked.tolist() == [False, True, False, True]
    assert images.frame.tolist() == [0, 1, 2, 3]
    for k, frame in enumerate(frames):
        rows, columns = (slice(int(c) - 20, int(c) + 20) for c in (at[k, 1], at[k, 0]))
        near = (k, rows, columns)
        np.testing.assert_array_equal(images.values[near], read_pixels(frame)[rows, columns])
        if frame.mask is None:
            assert not images.masked[k].any()
        else:
            bits = read_pixels(frame.mask).astype(int)[rows, columns]
            np.testing.assert_array_equal(images.masked[near], (bits & FATAL) != 0)
            assert images.masked[near].any()
            assert not images.masked[k, 5, 5]  # far from the star
        if frame.uncertainty is None:
            assert np.isnan(images.variance[k]).all()
        else:
            errors = read_pixels(frame.uncertainty)[rows, columns]
            np.testing.assert_array_equal(images.variance[near], errors**2)


def test_a_block_is_its_frames_one_by_one(block):
    frames, (ra, dec) = block
    whole = Block(frames, (ra,), (dec,), (None,), (Aperture(3, 3, 7),), "moment", "mode", PLANES,
                  mask_bits=FATAL)  # fmt: skip
    ((together,),) = measure(whole)
    for k, frame in enumerate(frames):
        ((alone,),) = measure(replace(whole, frames=(frame,)))
        for name in ("flags", "x_wcs"):
            assert getattr(alone, name)[0] == getattr(together, name)[k]
        for name in ("raw", "sky", "net_error", "masked_in_aperture", "masked_in_annulus"):
            np.testing.assert_array_equal(
                getattr(alone.fluxes, name)[0], getattr(together.fluxes, name)[k]
            )


@pytest.mark.parametrize(("centre", "sky"), [("moment", "mode"), ("gaussian", "mean")])
def test_masks_cover_what_is_near_as_they_cover_whole_images(block, centre, sky):
    frames, (ra, dec) = block
    aperture = Aperture(2, 3, 20)
    near = Block(frames, (ra,), (dec,), (None,), (aperture,), centre, sky, PLANES, mask_bits=FATAL)
    measure(replace(near, frames=frames[::-1], ra=(ra + 0.004,)))  # leaves nothing behind
    ((found,),) = measure(near)
    whole = [read_pixels(frame) for frame in frames]
    masks = [
        (np.zeros(np.shape(one)) if frame.mask is None else read_pixels(frame.mask))
        for one, frame in zip(whole, frames, strict=True)
    ]
    masked = (np.array(masks).astype(int) & FATAL) != 0
    at = sky_to_pixels([frame.wcs for frame in frames], [ra], [dec])[:, 0]
    want = measure_block(whole, *at.T, aperture, centre=centre, sky=sky, masked=masked)
    assert want.fluxes.masked_in_annulus.any()
    np.testing.assert_array_equal(found.centres.x, want.centres.x)
    for name in ("raw", "sky", "sky_pixels", "nan_in_annulus", "masked_in_annulus"):
        np.testing.assert_array_equal(getattr(found.fluxes, name), getattr(want.fluxes, name))


def test_a_wide_annulus_is_read_to_its_edge(block):
    """Also where the star lies 2 pixels from its place: the same as from whole frames."""
    frames, (ra, dec) = block
    wide = Aperture(4, 30, 45)
    off = (ra + 1.2 * 1.221 / 3600 / np.cos(np.radians(dec)), dec + 1.2 * 1.221 / 3600)
    whole = Block(frames, off[:1], off[1:], (None,), (wide,), "gaussian", "mean", PLANES)
    ((near,),) = measure(whole)
    at = np.concatenate([sky_to_pixel(frame.wcs, *off) for frame in frames])
    assert 0.8 < np.hypot(near.centres.x - near.x_wcs, near.centres.y - near.y_wcs).min() < 2.8
    all_of_it = measure_block([read_pixels(frame) for frame in frames], *at.T, wide)
    assert np.isfinite(all_of_it.fluxes.sky).all()
    for name in ("sky", "sky_sigma", "sky_pixels", "nan_in_annulus", "raw"):
        np.testing.assert_array_equal(getattr(near.fluxes, name), getattr(all_of_it.fluxes, name))
