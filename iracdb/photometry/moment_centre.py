"""The centre that the pixel-phase correction was made with: the first moment in a box."""

from __future__ import annotations

import numpy as np

from iracdb.photometry.centres import Centres, FloatArray


class MomentCentre:
    """First moment of the light above the background, in a box of 7 x 7 pixels, taken twice.

    The first box lies around the brightest pixel within 3 pixels of the expected one, the second
    around the pixel that holds the moment of the first; so the answer does not depend on where
    the star was expected. Each time the background is that of a square ring 6 to 12 pixels away:
    see `ring_background`. It is not repeated further: a star on the border of two pixels would
    turn to and fro between them. Negative pixels count as they are, since leaving them out would
    make a background of the noise.

    Widths and angle are those of the second moments about the centre, the pixel's own width
    included; NaN where the narrower is not above zero. The amplitude is the brightest pixel of
    the last box less the background. There is no residual sum.

    There is no centre where the expected position is not finite or off the array; where a box
    leaves the array or its ring has fewer than 25 pixels with a value; where a pixel of the middle
    3 x 3, or half of the box, has no value; where the box's sum is not above 3 times its noise,
    told from the ring's scatter; or where the moment falls more than 1.5 pixels from the box's
    middle. Other pixels of the box that are not finite are left out, as if they stood at the
    background.

    Notes
    -----
    The Science Center's box_centroider, which its pages on high-precision photometry and on the
    contributed IRAC software recommend, always with TWOPASS, for use with its gain map; the
    half-width 3, background width 6 and border 3 are those that observers call it with. From
    there are box, ring, clipped median,
    second pass and the share of pixels needed. Ours are the search for the brightest pixel, and
    no centre where the routine would cut its box at the array's edge, take zero for the
    background, or divide by any sum, were it negative.
    """

    name = "moment"

    def __call__(self, images: FloatArray, x: FloatArray, y: FloatArray) -> Centres:
        """Take the moments of each image alone.

        Parameters
        ----------
        images : numpy.ndarray
            Block of images (n, ny, nx); pixels that are not finite are left out.
        x, y : numpy.ndarray
            Expected positions (n,) in pixels; NaN asks for no centre.

        Returns
        -------
        Centres
            One centre an image, NaN where there is none; residual sums are NaN.
        """
        # Here, since only those who measure wait for the compiler to be imported.
        from iracdb.photometry.moment_kernel import find_moments

        images = np.ascontiguousarray(images, dtype=np.float64)
        x, y = (np.ascontiguousarray(at, dtype=np.float64) for at in (x, y))
        return Centres(*find_moments(images, x, y))
