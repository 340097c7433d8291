"""As many runs as were ever published, made from those at hand, for measuring an import.

47 runs with 459,224 rows of images were published; where only some are at hand, the others are
made from them. A made run repeats the AORs of a real one, each time some whole days later and under
other keys, until it has its share of the images that are lacking; its last AOR is cut off there.
Those made from runs that share frames share frames, too.
"""

from __future__ import annotations

import csv
import re
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from iracdb.published.blocks import image_blocks
from iracdb.published.reading import ENDINGS, PublishedRun, find_runs, read_run

RUNS, IMAGES = 47, 459_224
"""How many runs, and rows of image tables, were published in 2018."""

_KEYS_APART = 100_000_000
_DAYS_APART = 3000
_KEY, _AOR_TIME, _IMAGE_TIME, _DATE = "AORKEY", "Time (MJD)", "Time[MJD]", "DateObs"
_LISTS_KEYS = re.compile(r"(Problem AORs|Issues) *:")


@dataclass(frozen=True)
class _Aor:
    """An AOR of a real run: its row of the AOR table, where it has one, and its images."""

    row: dict[str, str] | None
    images: list[dict[str, str]]

    def later(self, repeat: int, days: int, most: int) -> _Aor:
        """Make another AOR of it, with at most so many of its images."""
        images = [
            {**image, _IMAGE_TIME: _later(image[_IMAGE_TIME], days)} for image in self.images[:most]
        ]
        if self.row is None:
            return _Aor(None, images)
        row = {
            **self.row,
            _KEY: str(int(self.row[_KEY]) + repeat * _KEYS_APART),
            _DATE: f"{date.fromisoformat(self.row[_DATE][:10]) + timedelta(days)}"
            f"{self.row[_DATE][10:]}",
            # An AOR's time is that of its last image.
            _AOR_TIME: images[-1][_IMAGE_TIME],
        }
        return _Aor(row, images)


def make_runs(real: Path, folder: Path) -> None:
    """Fill a folder with the runs at hand and with made ones, `RUNS` with `IMAGES` together.

    Parameters
    ----------
    real : Path
        The folder of runs at hand.
    folder : Path
        Is made.
    """
    folder.mkdir()
    for path in real.iterdir():
        shutil.copyfile(path, folder / path.name)
    runs = [(paths, read_run(name, paths)) for name, paths in find_runs(real).items()]
    lacking = IMAGES - sum(len(run.img) for _, run in runs)
    for place in range(RUNS - len(runs)):
        generation, source = divmod(place, len(runs))
        share = lacking // (RUNS - len(runs) - place)
        lacking -= share
        _make(*runs[source], generation, share, folder)


def _make(
    paths: dict[str, Path], run: PublishedRun, generation: int, share: int, folder: Path
) -> None:
    made: list[_Aor] = []
    repeat = 0
    while share > 0:
        repeat += 1
        for aor in _aors(paths, run):
            if share > 0:
                made.append(aor.later(repeat, generation * _DAYS_APART + repeat, share))
                share -= len(made[-1].images)
    tables = {
        "aor_data": [aor.row for aor in made if aor.row is not None],
        "img_data": [image for aor in made for image in aor.images],
    }
    name = folder / f"made{generation}_{run.name}"
    for role, rows in tables.items():
        with Path(f"{name}{ENDINGS[role]}").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    log = "\n".join(_with_keys(line, repeat) for line in paths["log"].read_text().split("\n"))
    Path(f"{name}{ENDINGS['log']}").write_text(log)


def _aors(paths: dict[str, Path], run: PublishedRun) -> list[_Aor]:
    rows, images = (_rows(paths[role]) for role in ("aor_data", "img_data"))
    return [
        _Aor(
            None if block.aor_row is None else rows[block.aor_row], images[block.first : block.end]
        )
        for block in image_blocks(run)
    ]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def _later(time: str, days: int) -> str:
    """Add days to a time, in the shortest exact form."""
    whole, _, fraction = time.partition(".")
    return repr(float(f"{int(whole) + days}.{fraction}"))


def _with_keys(line: str, repeats: int) -> str:
    """Let a log name the problem AORs of every repeat."""
    if not _LISTS_KEYS.match(line):
        return line
    keys = [int(key) for key in re.findall(r"\d{5,}", line)]
    others = [key + repeat * _KEYS_APART for repeat in range(1, repeats + 1) for key in keys]
    said = re.sub(r"[\d ,]+$", " ", line.partition(str(keys[0]))[0]) if keys else line
    return f"{said}{' '.join(map(str, others))} " if keys else line
