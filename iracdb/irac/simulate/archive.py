"""A whole archive of simulated frames on disk, with the truth beside it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from iracdb.errors import CannotWrite, UsageError
from iracdb.irac.names import FileName
from iracdb.irac.simulate.bad import REASONS, make_bad_copy, make_bad_files
from iracdb.irac.simulate.cards import write_bytes, write_fits
from iracdb.irac.simulate.companions import companions
from iracdb.irac.simulate.frame import FrameTruth, frame_truth, simulate_frame
from iracdb.irac.simulate.plan import FIRST_AORKEY, has_companions, next_aorkey, plan
from iracdb.irac.simulate.series import Settings
from iracdb.irac.simulate.spec import FrameSpec

TRUTH_NAME = "truth.csv"
"""File beside the AORs: a row a science frame, numbers to the last bit, booleans True or False.

It is written last, so an archive without it was never finished.
"""

_MOST_FRAMES = 9_999  # EXPID has four digits, and one is left for a bad file


@dataclass(frozen=True)
class BadPath:
    """A file that is deliberately bad.

    Parameters
    ----------
    path : Path
        Where it is.
    reason : str
        One word, a key of ``iracdb.irac.simulate.bad.REASONS``.
    sentence : str
        What is wrong with it.
    """

    path: Path
    reason: str
    sentence: str


@dataclass(frozen=True)
class SimulatedArchive:
    """What `simulate_archive` wrote.

    Parameters
    ----------
    directory : Path
        The archive.
    truth : tuple of FrameTruth
        One for each good science frame, in the order of ``truth.csv``.
    written : tuple of Path
        Every FITS file, good and bad, in the order written.
    bad : tuple of BadPath
        The bad ones among them.
    """

    directory: Path
    truth: tuple[FrameTruth, ...]
    written: tuple[Path, ...]
    bad: tuple[BadPath, ...]

    @property
    def truth_path(self) -> Path:
        """Where ``truth.csv`` is."""
        return self.directory / TRUTH_NAME


def simulate_archive(
    directory: str | Path,
    *,
    seed: int = 1,
    frames: int = 10,
    full_frames: int | None = None,
    bad_files: bool = True,
    noise: bool = True,
    response: bool = True,
) -> SimulatedArchive:
    """Write a small archive in the layout of the real one.

    The same arguments give the same bytes. All four channels are there, both missions, both read
    modes, a high-dynamic-range pair, a target that leaves the array, a frame in two versions.
    ``truth.csv``, written last, has a row for each science frame with the fields of `FrameTruth`.

    Parameters
    ----------
    directory : str or Path
        Where; it is made, or must be empty.
    seed : int, optional
        Where noise and pointing come from, 0 or more.
    frames : int, optional
        Exposures of the longer AORs, 1 to 9999.
    full_frames : int, optional
        The same for full-array AORs only; by default ``frames``.
    bad_files : bool, optional
        Whether to add files that cannot be taken in.
    noise : bool, optional
        Whether photons and readout are noisy.
    response : bool, optional
        Whether the stars' light depends on their place on the array and in the pixel.

    Returns
    -------
    SimulatedArchive
        What was written, and what is true of it.

    Raises
    ------
    UsageError
        If the seed or a number of frames cannot be.
    CannotWrite
        If the directory is not empty, is no directory, or cannot be written to.
    """
    _check_count("seed", seed, 0, None)
    _check_count("number of frames", frames, 1, _MOST_FRAMES)
    if full_frames is not None:
        _check_count("number of full-array frames", full_frames, 1, _MOST_FRAMES)
    directory = Path(directory)
    _check_empty(directory)
    settings = Settings(
        seed=seed,
        frames=frames,
        full_frames=frames if full_frames is None else full_frames,
        noise=noise,
        response=response,
    )
    truth: list[FrameTruth] = []
    written: list[Path] = []
    crowd: FrameSpec | None = None  # the AOR that has a bad file among its good ones
    for spec in plan(settings):
        if spec.aorkey == FIRST_AORKEY + 256:
            crowd = spec
        paths = _write_exposure(directory, spec, seed, beside=has_companions(spec))
        truth.append(frame_truth(spec, paths[0].relative_to(directory).as_posix()))
        written += paths
    bad = _write_bad(directory, crowd) if bad_files else []
    written += [one.path for one in bad]
    write_bytes(directory / TRUTH_NAME, _csv(truth))
    return SimulatedArchive(directory, tuple(truth), tuple(written), tuple(bad))


def write_series(
    directory: str | Path,
    specs: Iterable[FrameSpec],
    *,
    seed: int = 1,
    beside: bool = False,
    corrected: bool = False,
) -> SimulatedArchive:
    """Write frames of one's own choice in the archive's layout, with the truth beside them.

    Parameters
    ----------
    directory : str or Path
        Where; it is made, or must be empty.
    specs : iterable of FrameSpec
        The frames.
    seed : int, optional
        Where noise comes from, 0 or more; each frame has noise of its own.
    beside : bool, optional
        Whether to write bunc, bimsk and the rest of `companions` beside each frame.
    corrected : bool, optional
        Whether cbcd, cbunc and brmsk are among them.

    Returns
    -------
    SimulatedArchive
        What was written, and what is true of it.

    Raises
    ------
    UsageError
        If the seed cannot be.
    CannotWrite
        If the directory is not empty, is no directory, or cannot be written to.
    """
    _check_count("seed", seed, 0, None)
    directory = Path(directory)
    _check_empty(directory)
    truth: list[FrameTruth] = []
    written: list[Path] = []
    for spec in specs:
        paths = _write_exposure(
            directory, spec, seed, beside=beside or corrected, corrected=corrected
        )
        truth.append(frame_truth(spec, paths[0].relative_to(directory).as_posix()))
        written += paths
    write_bytes(directory / TRUTH_NAME, _csv(truth))
    return SimulatedArchive(directory, tuple(truth), tuple(written), ())


def read_truth(path: str | Path) -> tuple[FrameTruth, ...]:
    """Read a ``truth.csv`` back.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    tuple of FrameTruth
        Equal to what was written, to the last bit.
    """
    read: dict[str, Callable[[str], Any]] = {
        "int": int,
        "float": float,
        "str": str,
        "bool": "True".__eq__,
    }
    with Path(path).open(encoding="utf-8", newline="") as stream:
        return tuple(
            FrameTruth(**{field.name: read[str(field.type)](row[field.name]) for field in _FIELDS})
            for row in csv.DictReader(stream)
        )


def file_path(directory: str | Path, name: FileName) -> Path:
    """Tell where the archive keeps a file.

    Parameters
    ----------
    directory : str or Path
        The archive.
    name : FileName
        The file's name.

    Returns
    -------
    Path
        Such as ``r90000256/ch1/bcd/SPITZER_I1_90000256_0000_0000_1_bcd.fits`` within it.
    """
    return Path(directory) / f"r{name.aorkey}" / f"ch{name.channel}" / "bcd" / str(name)


_FIELDS = fields(FrameTruth)


def _write_exposure(
    directory: Path, spec: FrameSpec, seed: int, *, beside: bool, corrected: bool = False
) -> list[Path]:
    # The version is left out: two versions of a frame are of the same photons.
    rng = np.random.default_rng([seed, spec.aorkey, spec.channel, spec.expid, spec.dcenum])
    cards, image = simulate_frame(spec, rng)
    paths = [file_path(directory, spec.name())]
    write_fits(paths[0], cards, image)
    if beside:
        for kind, (poor, data) in companions(spec, image, corrected=corrected).items():
            paths.append(file_path(directory, spec.name(kind)))
            write_fits(paths[-1], poor, data)
    return paths


def _write_bad(directory: Path, crowd: FrameSpec | None) -> list[BadPath]:
    files = list(make_bad_files(next_aorkey()))
    if crowd is not None:
        files.append(make_bad_copy(replace(crowd, expid=crowd.expid + 1)))
    bad = []
    for name, reason, content in files:
        path = file_path(directory, name)
        write_bytes(path, content)
        bad.append(BadPath(path, reason, REASONS[reason]))
    return bad


def _csv(truth: Iterable[FrameTruth]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in _FIELDS])
    writer.writerows(astuple(row) for row in truth)
    return text.getvalue().encode()


def _check_count(what: str, value: int, least: int, most: int | None) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        limits = f"from {least} to {most}" if most is not None else f"{least} or more"
        raise UsageError(f"The {what} must be a whole number, {limits}, not {value!r}")


def _check_empty(directory: Path) -> None:
    try:
        if directory.exists() and not directory.is_dir():
            raise CannotWrite(f"Cannot make an archive at {directory}: it is not a directory")
        if directory.is_dir() and any(directory.iterdir()):
            raise CannotWrite(
                f"Cannot make an archive in {directory}: it is not empty. Name a new directory."
            )
    except CannotWrite:
        raise
    except OSError as error:
        raise CannotWrite(f"Cannot look into {directory}: {error.strerror or error}") from error
