import numpy as np

SATURATED = 0.9
WELL = {1: 145000.0, 2: 140000.0, 3: 170000.0, 4: 200000.0}


def expected_noise(
    net,
    sky,
    aperture_area,
    sky_pixels,
    *,
    gain,
    exposure_time,
    fluxconv,
    read_noise,
    images=1,
    median=False,
):
    e = gain * exposure_time / fluxconv
    n = np.maximum(net * e, 0)
    s = np.maximum(sky * e, 0) + read_noise**2
    var = n + aperture_area * s + aperture_area**2 / sky_pixels * s
    return np.sqrt(var / images * np.where(median, np.pi / 2, 1)) / e


def well_fraction(peak, *, channel, exposure_time, gain, fluxconv):
    return peak * gain * exposure_time / fluxconv / WELL[channel]


def upper_limit(flux, error, sigmas=3):
    return np.where(flux < sigmas * error, sigmas * error, np.nan)
