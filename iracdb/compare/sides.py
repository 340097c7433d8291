"""One average of one run, read back with all that its flux is made of."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.compare.ingredients import FloatArray, Ingredients, Method
from iracdb.compare.matching import FrameKey, ImageKey, TargetKey
from iracdb.compare.rows import as_doubles
from iracdb.photometry.response import NATIVE
from iracdb.runs.parameters import Parameters
from iracdb.runs.recipes import RECIPES
from iracdb.runs.replay import Rules, replay
from iracdb.runs.stored_rows import rows_of, rules_of

_SUBARRAY = 32


@dataclass(frozen=True)
class Side:
    """An average of a run.

    Parameters
    ----------
    run_id : int
        The run.
    run : str
        Its name.
    imported : bool
        Whether factors and choice of images are replayed by the rules of 2018, not stored.
    average : Row
        Of the table ``aor_result``.
    target : TargetKey
        What was measured.
    images : tuple of Row
        Of ``image_result`` with their frames and files, in the order of the table.
    rejected_by : tuple of str
        The bound that left each image out; "" where none did.
    ingredients : Ingredients
        All that the flux is made of.
    fate : str, optional
        What the average did with the images that are looked at alone.
    """

    run_id: int
    run: str
    imported: bool
    average: Any
    target: TargetKey
    images: tuple[Any, ...]
    rejected_by: tuple[str, ...]
    ingredients: Ingredients
    fate: str = ""

    def keys(self, target: TargetKey) -> list[ImageKey]:
        """Tell what each image is about, to be matched with another run's.

        Parameters
        ----------
        target : TargetKey
            One for both runs: their averages are matched already.

        Returns
        -------
        list of ImageKey
            In order.
        """
        aorkey, repeat = self.average.aorkey, self.average.repeat
        return [
            ImageKey(
                FrameKey(image.frame_id, image.channel, image.frame_aorkey,
                         image.expid is not None, image.frame_mjd),
                image.plane, target, aorkey, (repeat, image.repeat), image.row_number,
            )
            for image in self.images
        ]  # fmt: skip

    def label(self, index: int) -> str:
        """Name an image's frame.

        Parameters
        ----------
        index : int
            Place in the list.

        Returns
        -------
        str
            As the archive names it, or its time where no file shows it.
        """
        return frame_label(self.images[index])

    def only(self, places: Collection[int]) -> Side:
        """Look at some images alone.

        Parameters
        ----------
        places : collection of int
            Which.

        Returns
        -------
        Side
            Its flux is theirs, whether they were kept or not.
        """
        chosen = np.zeros(len(self.images), dtype=bool)
        chosen[list(places)] = True
        fates = (
            "kept" if kept else f"rejected ({by})" if by else ""
            for kept, by in zip(self.ingredients.kept, self.rejected_by, strict=True)
        )
        mine = {fate for fate, is_mine in zip(fates, chosen, strict=True) if is_mine and fate}
        return replace(
            self, ingredients=self.ingredients.only(chosen), fate=" and ".join(sorted(mine))
        )


def replay_notes(*sides: Side) -> list[str]:
    """Tell what is not stored but made again, and by which rules.

    Parameters
    ----------
    *sides : Side
        Averages, of which some may be imported.

    Returns
    -------
    list of str
        One sentence; empty where everything is stored.
    """
    by_rules: dict[str, list[str]] = {}
    for side in sides:
        if side.imported:
            method = side.ingredients.method
            rules = (
                f"pairing {method.pairing}, rejection {method.rejection}, tables {method.tables}"
            )
            by_rules.setdefault(rules, []).append(side.run)
    if not by_rules:
        return []
    said = "; ".join(f"{' and '.join(runs)} by {rules}" for rules, runs in by_rules.items())
    return [f"Published tables hold no factors and no rejections; these are replayed: {said}"]


def frame_label(image: Any) -> str:
    """Name a frame.

    Parameters
    ----------
    image : Row
        With channel, frame_aorkey, expid, dcenum and the times.

    Returns
    -------
    str
        Such as ``SPITZER_I2_46466816_0003_0000`` or ``MJD 58306.3075373``.
    """
    if image.expid is not None:
        return f"SPITZER_I{image.channel}_{image.frame_aorkey}_{image.expid:04d}_{image.dcenum:04d}"
    mjd = image.frame_mjd if image.mjd_obs is None else image.mjd_obs
    return f"frame {image.frame_id}" if mjd is None else f"MJD {mjd!r}"


def read_side(connection: Connection, run: Any, average: Any) -> Side:
    """Read one average of a run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : Row
        Of the table ``run``.
    average : Row
        Of the table ``aor_result``.

    Returns
    -------
    Side
        With all its images.
    """
    column = t.target.c
    target = connection.execute(
        select(column.id, *(column[name] for name in TargetKey._fields[1:])).where(
            column.id == average.target_id
        )
    ).one()
    images = _images(connection, average.id)
    imported = run.origin == "imported"
    made = _replayed(run, average, images) if imported else _stored(run, average, images)
    return Side(
        run.run_id, run.name, imported, average, TargetKey(*target), tuple(images), *made
    )  # fmt: skip


def _images(connection: Connection, average_id: int) -> Sequence[Any]:
    frame, file, image = t.frame.c, t.file.c, t.image_result.c
    query = (
        select(
            t.image_result,
            frame.channel, frame.aorkey.label("frame_aorkey"), frame.expid, frame.dcenum,
            frame.mjd_obs.label("frame_mjd"),
            file.name, file.fluxconv, file.creator, file.data_sha256, file.naxis1, file.naxis2,
        )
        .select_from(
            t.image_result.join(t.frame, frame.id == image.frame_id).outerjoin(
                t.file, file.id == image.file_id
            )
        )
        .where(image.aor_result_id == average_id)
        .order_by(image.row_number)
    )  # fmt: skip
    return connection.execute(query).all()


def _replayed(run: Any, average: Any, images: Sequence[Any]) -> tuple[tuple[str, ...], Ingredients]:
    """Make again what a published table does not hold."""
    rules = rules_of(run, average)
    rows = rows_of(images)
    again = replay(rows, rules)
    flags = {
        "subarray": [rules.subarray] * len(images),
        "kept": again.mean.kept,
    }
    factors = again.array_location, again.pixel_phase
    made = _ingredients(_method(run, average, rules), average, images, flags, factors)
    return tuple(again.mean.rejected_by.tolist()), made


def _stored(run: Any, average: Any, images: Sequence[Any]) -> tuple[tuple[str, ...], Ingredients]:
    method = _method(run, average, None)
    is_sub = average.read_mode == "SUB"
    flags = {
        # A recomputed run has no files: its average tells.
        "subarray": [
            is_sub if image.naxis1 is None else image.naxis1 == image.naxis2 == _SUBARRAY
            for image in images
        ],
        "kept": [bool(image.kept) for image in images],
    }
    location = as_doubles([image.array_location_factor for image in images])
    phase = as_doubles([image.pixel_phase_factor for image in images])
    made = _ingredients(method, average, images, flags, (location, phase))
    return tuple(image.rejected_by or "" for image in images), made


def _ingredients(
    method: Method, average: Any, images: Sequence[Any], flags: dict[str, Any], factors: Any
) -> Ingredients:
    def column(name: str) -> FloatArray:
        return as_doubles([getattr(image, name) for image in images])

    location, phase = factors
    return Ingredients(
        method=method,
        x=column("x"),
        y=column("y"),
        raw=column("raw"),
        background=column("background"),
        sky=column("sky"),
        fluxconv=column("fluxconv"),
        rescaled=_one_where_silent(column("calibration_factor")),
        mjd=column("mjd_obs"),
        content=tuple(image.data_sha256 for image in images),
        **{name: np.asarray(values, dtype=bool) for name, values in flags.items()},
        array_location=location,
        pixel_phase=phase,
        flux=math.nan if average.flux is None else average.flux,
        chosen=np.ones(len(images), dtype=bool),
    )


def _mask(told: Mapping[str, Any]) -> str | None:
    """Write what leaves pixels out."""
    return f"{told['mask']} {told['mask_bits']}" if told["mask"] else None


def _one_where_silent(factors: FloatArray) -> FloatArray:
    """Put 1 where a run tells no factor: before iracdb could rescale, nothing did."""
    return np.where(np.isnan(factors), 1.0, factors)


def _method(run: Any, average: Any, rules: Rules | None) -> Method:
    """Tell the rules of a run; what a published run does not tell is what the code of 2018 did."""
    told, then = Parameters.recorded(run.parameters).values, RECIPES["published-2018"]
    radii: Any = tuple(told.get(f"radius_{name}") for name in ("source", "inner", "outer"))
    ruled = {
        "aperture_correction": average.aperture_correction,
        "pixel_size": average.pixel_size,
        "pairing": told.get("pairing"),
        "rejection": told.get("rejection"),
        "tables": told.get("response") or "auto",
    }
    if rules is not None:
        ruled = {name: getattr(rules, name) for name in ruled}
    return Method(
        channel=run.channel,
        radii=None if None in radii else radii,
        centre=told.get("centre") or then.centre,
        sky=told.get("sky") or then.sky,
        bounds=told.get("bounds") or then.bounds,
        engine=told.get("engine") or NATIVE.name,
        pixel_phase=told.get("pixel_phase") is not False,
        array_location=told.get("array_location") is not False,
        colour_correction=average.colour_correction or 1.0,
        # A plane is one of a cube.
        planes=(told.get("subarray_planes") or then.planes) if average.read_mode == "SUB" else None,
        mask=_mask(told),
        position=told["position"],
        **ruled,
    )
