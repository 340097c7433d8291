"""What a run gave: its averages, and the images in each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from iracdb import flags
from iracdb.catalogue import tables as t
from iracdb.export.prov.inputs import Inputs, image_rows, source_of
from iracdb.export.prov.names import IMPORT, RESULTS, RUN, average_name
from iracdb.export.prov.run_part import described, moment
from iracdb.export.prov.statements import Name, Statement, element, relation
from iracdb.runs.stored_rows import averages_of

_FLUX = "iracdb:value-flux"

_AVERAGE = {
    "targetName": "target_name", "targetRaDeg": "target_ra", "targetDecDeg": "target_dec",
    "targetPmRaMasYr": "target_pm_ra", "targetPmDecMasYr": "target_pm_dec",
    "targetParallaxMas": "target_parallax", "targetEpoch": "target_epoch",
    "aorkey": "aorkey", "channel": "channel", "group": "frame_group", "repeat": "repeat",
    "row": "row_number", "state": "state", "reason": "reason", "mission": "mission",
    "readMode": "read_mode", "frameTimeS": "frame_time", "mjdObs": "mjd_obs",
    "images": "n_total", "workable": "n_workable", "rejected": "n_rejected",
    "apertureCorrection": "aperture_correction", "pixelSizeArcsec": "pixel_size",
    "fluxMjy": "flux", "errorMjy": "error", "standardErrorMjy": "standard_error",
    "creators": "creators",
}  # fmt: skip
"""What is told of an average, and the column that holds it."""

_IMAGE = {
    "row": "row_number", "plane": "plane", "repeat": "repeat", "mjdObs": "mjd_obs",
    "motionXPixel": "motion_x", "motionYPixel": "motion_y",
    "xPixel": "x", "yPixel": "y", "rawMjySrPixel": "raw", "backgroundMjySrPixel": "background",
    "arrayLocationFactor": "array_location_factor", "pixelPhaseFactor": "pixel_phase_factor",
    "correctedMjySrPixel": "corrected", "kept": "kept", "rejectedBy": "rejected_by",
    "linkGrade": "link_grade", "linkEvidence": "link_evidence",
}  # fmt: skip
"""The same of an image."""


class Results:
    """States a run's results.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : Row
        Of the table ``run``.
    made_at : str or None
        When the results came into the catalogue.
    """

    def __init__(self, connection: Connection, run: Any, made_at: str | None) -> None:
        self._connection = connection
        self._run = run
        self._made_at = moment(made_at)
        # The catalogue's numbers of a published run were read from its files.
        self._by = RUN if run.origin == "executed" else IMPORT
        # A recomputation takes the measurements of its parent.
        self._measured_by = RUN if run.inputs_digest is not None else None
        self.averages = averages_of(connection, run.run_id, unlisted=True)

    def statements(self, inputs: Inputs, *, with_bundles: bool) -> Iterator[Statement]:
        """Tell of the results as a whole and of each average.

        Parameters
        ----------
        inputs : Inputs
            Which has stated the files, and states the frames that no file shows.
        with_bundles : bool
            Whether there is a bundle of images for each average.

        Yields
        ------
        Statement
            The collection first.
        """
        yield element(
            "entity",
            RESULTS,
            {
                "prov:type": Name("prov:Collection"),
                "prov:label": f"results of {self._run.name}",
                "iracdb:resultDigest": self._run.result_digest,
                "iracdb:averages": len(self.averages),
                "iracdb:problemAor": self._problems(),
            },
        )
        yield relation("wasGeneratedBy", RESULTS, self._by, self._made_at,
                       told={"prov:role": "results"})  # fmt: skip
        yield element(
            "entity",
            _FLUX,
            {
                "prov:type": Name("voprov:ValueDescription"),
                "voprov:name": "flux density",
                "voprov:valueType": "double",
                "voprov:unit": "mJy",
                "voprov:ucd": "phot.flux.density;em.IR",
                "voprov:description": "mean of the kept images",
            },
        )
        for average in self.averages:
            yield from self._average(average, inputs, with_bundles)

    def _problems(self) -> tuple[int, ...] | None:
        columns = t.run_problem.c
        query = select(columns.aorkey).where(columns.run_id == self._run.run_id)
        return tuple(self._connection.execute(query.order_by(columns.position)).scalars()) or None

    def _average(self, average: Any, inputs: Inputs, with_bundle: bool) -> Iterator[Statement]:
        name = average_name("aor", average)
        flux = average.flux
        images = image_rows(self._connection, average.id)
        bundle = average_name("images", average) if with_bundle and images else None
        yield element(
            "entity",
            name,
            {
                "prov:type": Name("voprov:ValueEntity"),
                "prov:label": f"AOR {average.aorkey}, {average.target_name}",
                "voprov:value": None if flux is None else repr(flux),
                **{f"iracdb:{key}": getattr(average, column) for key, column in _AVERAGE.items()},
                "iracdb:imagesIn": None if bundle is None else Name(bundle),
            },
        )
        yield relation("wasGeneratedBy", name, self._by, None, told={"prov:role": "average"})
        yield relation("hadMember", RESULTS, name)
        if flux is not None:
            yield described(name, _FLUX)
        if images:
            yield from self._taken_from(average, images, inputs)
        if bundle is not None:
            label = f"images of AOR {average.aorkey}, {average.target_name}"
            yield element("entity", bundle, {"prov:type": Name("prov:Bundle"), "prov:label": label})

    def _taken_from(self, average: Any, images: Any, inputs: Inputs) -> Iterator[Statement]:
        """Tell what an average is over: the files, or the frames where no file is known."""
        collection = average_name("inputs", average)
        sources = [source_of(image) for image in images]
        unsure = sources.count(None)
        yield element(
            "entity",
            collection,
            {
                "prov:type": Name("prov:Collection"),
                "iracdb:images": len(images),
                "iracdb:imagesOfUnknownFrame": unsure or None,
            },
        )
        if self._run.origin == "imported":
            yield relation("used", RUN, collection, None, told={"prov:role": "science"})
        yield relation(
            "wasDerivedFrom", average_name("aor", average), collection, self._measured_by
        )
        by_source = dict(zip(sources, images, strict=True))
        for source, image in by_source.items():
            if source is not None:
                if image.sha256 is None:
                    yield from inputs.frame(image)
                yield relation("hadMember", collection, source)

    def bundles(self) -> Iterator[tuple[str, Iterator[Statement]]]:
        """Give a bundle of images for each average that has any.

        Yields
        ------
        tuple
            Its name and its statements.
        """
        for average in self.averages:
            images = image_rows(self._connection, average.id)
            if images:
                yield average_name("images", average), self._images(average, images)

    def _images(self, average: Any, images: Any) -> Iterator[Statement]:
        whole = average_name("aor", average)
        for image in images:
            name = f"run:image-{image.row_number}"
            told = {f"iracdb:{key}": getattr(image, column) for key, column in _IMAGE.items()}
            told["iracdb:plane"] = None if image.plane < 0 else image.plane
            told["iracdb:flag"] = flags.decode(image.flags) or None
            yield element("entity", name, {"prov:type": Name("iracdb:ImageResult"), **told})
            yield relation("wasGeneratedBy", name, self._by, None, told={"prov:role": "image"})
            source = source_of(image)
            if source is not None:
                yield relation("wasDerivedFrom", name, source, self._measured_by)
            # What was left out has no part in the mean.
            if image.kept:
                yield relation("wasDerivedFrom", whole, name, self._by)
