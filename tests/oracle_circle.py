"""What a circle holds, image by image in numpy: what the compiled pass must give, too."""

from __future__ import annotations

import numpy as np
from oracle_rings import ring_pixels

from iracdb.photometry.aperture import stays_on
from iracdb.photometry.circle import Circles


def circle_sums(images, x, y, r, sky, *, masked=None, variance=None):
    """Sum each image over a circle; see `iracdb.photometry.circle.circle_sums`."""
    n, ny, nx = images.shape
    total, noise, peak, beta = (np.full(n, np.nan) for _ in range(4))
    nan_pixels, masked_pixels = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for k in np.flatnonzero(stays_on(x, y, r, (ny, nx))):
            at = float(x[k]), float(y[k]), r
            values, weights = ring_pixels(images[k], *at)
            finite = np.isfinite(values)
            if finite.any():
                peak[k] = np.max(values[finite])
            bad = np.zeros(len(values), dtype=bool)
            if masked is not None:
                bad = ring_pixels(masked[k].astype(np.float64), *at)[0] > 0
            used = finite & ~bad
            total[k] = np.sum(weights[used] * values[used])
            nan_pixels[k] = np.count_nonzero(~finite & ~bad)
            masked_pixels[k] = np.count_nonzero(bad)
            if variance is not None:
                noise[k] = np.sum(weights * ring_pixels(variance[k], *at)[0])
            if used.all():
                beta[k] = _noise_pixels(values - sky[k], weights)
    return Circles(total, nan_pixels, masked_pixels, noise, peak, beta)


def _noise_pixels(light, weights):
    net, squares = np.sum(weights * light), np.sum(weights * light**2)
    return float(net**2 / squares) if net != 0 else np.nan
