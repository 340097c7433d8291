"""Which images belong to which row of the AOR table.

The image table of 2018 names no AOR. A new one begins where ``File#`` does not grow, and its row in
the AOR table has the time of its last file. Before run 20 an AOR without a usable image has no row;
in runs 1 to 13 the images whose WCS or centre failed have none, so the last file's may be lacking:
then the order between the neighbours tells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iracdb.errors import InputRefused
from iracdb.published.reading import PublishedRun
from iracdb.published.sheets import plain_values

_LISTS_EMPTY = (15, 16)
"""Numbers of columns of the AOR tables that have a row for every AOR, also an empty one."""

# What it costs to read a pair of tables in a way that the rules make unlikely.
_OTHER_TIME = 10
_EMPTY_LISTED = 5
_FULL_UNLISTED = 1000


@dataclass(frozen=True)
class ImageBlock:
    """The images of one AOR, for one target.

    Parameters
    ----------
    first, end : int
        Rows of the image table, from 0; the last is not of it.
    aor_row : int or None
        Row of the AOR table, from 0; None where it has none.
    aorkey : int or None
        None where nothing tells it.
    grade : str
        How sure the AOR is: A by the time of its last file, C by its place between others, D
        unknown.
    evidence : str
        Why.
    """

    first: int
    end: int
    aor_row: int | None
    aorkey: int | None
    grade: str
    evidence: str


def image_blocks(run: PublishedRun) -> list[ImageBlock]:
    """Join the images of a run to the rows of its AOR table.

    Parameters
    ----------
    run : PublishedRun
        As read.

    Returns
    -------
    list of ImageBlock
        In the order of the image table; together they are all of it.

    Raises
    ------
    InputRefused
        Where the two tables cannot belong together.
    """
    starts, ends = _bounds(run.img.array("file_number"))
    spans = list(zip(starts.tolist(), ends.tolist(), strict=True))
    last_times = plain_values(run.img.array("mjd")[ends - 1])
    empty = np.logical_and.reduceat(np.isnan(run.img.array("net")), starts).tolist()
    rows = _align(run, last_times, empty)
    keys = run.aor.column("aorkey")
    aor_times = run.aor.column("mjd")
    unlisted = _unlisted_keys(run, rows, last_times)
    blocks = []
    for index, (first, end) in enumerate(spans):
        row = rows[index]
        if row is None:
            key, grade, evidence = unlisted[index]
        elif aor_times[row] == last_times[index]:
            key, grade, evidence = keys[row], "A", "the AOR's time is that of its last image"
        else:
            key, grade = keys[row], "C"
            evidence = "by its place between others: the row of its last image is lacking"
        blocks.append(ImageBlock(first, end, row, key, grade, evidence))
    return blocks


def _bounds(file_numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find where blocks begin and end."""
    starts = np.flatnonzero(np.diff(file_numbers, prepend=file_numbers[0]) <= 0)
    return starts, np.append(starts[1:], len(file_numbers))


def _align(run: PublishedRun, last_times: Sequence[Any], empty: Sequence[bool]) -> list[int | None]:
    """Give each block its row: in order, as cheaply as the rules allow."""
    aor_times = run.aor.column("mjd")
    rows, blocks = len(aor_times), len(last_times)
    slack = blocks - rows
    if slack < 0:
        raise InputRefused(
            f"{run.name}: the AOR table has {rows} rows, the image table images of {blocks} AORs: "
            "they cannot belong together"
        )
    lists_empty = len(run.layout.aor) in _LISTS_EMPTY
    listed = [_EMPTY_LISTED if gap and not lists_empty else 0 for gap in empty]

    # best[skipped] is the least cost of the first `row` rows with so many blocks left out.
    skip = [0.0 if gap else float(_FULL_UNLISTED) for gap in empty]
    best = [0.0] * (slack + 1)
    for gone in range(1, slack + 1):
        best[gone] = best[gone - 1] + skip[gone - 1]
    choices: list[list[int]] = []
    for row in range(rows):
        time = aor_times[row]
        taken = [
            best[gone] + listed[row + gone] + (0 if time == last_times[row + gone] else _OTHER_TIME)
            for gone in range(slack + 1)
        ]
        steps = list(range(slack + 1))
        for gone in range(1, slack + 1):
            through = taken[gone - 1] + skip[row + gone]
            if through < taken[gone]:
                taken[gone], steps[gone] = through, steps[gone - 1]
        best = taken
        choices.append(steps)
    return _walk_back(run, choices, slack, blocks, [aor_times, last_times])


def _walk_back(
    run: PublishedRun,
    choices: list[list[int]],
    slack: int,
    blocks: int,
    times: list[Sequence[Any]],
) -> list[int | None]:
    result: list[int | None] = [None] * blocks
    gone = slack
    for row in range(len(choices) - 1, -1, -1):
        gone = choices[row][gone]
        result[row + gone] = row
    aor_times, last_times = times
    differing = sum(
        1
        for block, row in enumerate(result)
        if row is not None and aor_times[row] != last_times[block]
    )
    # The last image of an AOR may be lacking, but not in every fifth one.
    if differing > max(1, math.ceil(0.2 * len(choices))):
        raise InputRefused(
            f"{run.name}: the times of {differing} of {len(choices)} AORs are not those of any "
            "last image: the two tables cannot belong together"
        )
    return result


def _unlisted_keys(
    run: PublishedRun, rows: list[int | None], last_times: Sequence[Any]
) -> dict[int, tuple[int | None, str, str]]:
    """Find the AORs of the blocks without a row: by their time, or among the log's problems."""
    keys = run.aor.column("aorkey")
    by_time: dict[Any, set[int]] = {}
    for key, time in zip(keys, run.aor.column("mjd"), strict=True):
        by_time.setdefault(time, set()).add(key)
    listed = set(keys)
    candidates = [key for key in dict.fromkeys(run.log.problem_aors) if key not in listed]
    nameless = [index for index, row in enumerate(rows) if row is None]
    found: dict[int, tuple[int | None, str, str]] = {}
    for index in list(nameless):
        same = by_time.get(last_times[index], set())
        if len(same) == 1:
            why = "its last image has the time of another target's row of this AOR"
            found[index] = (next(iter(same)), "A", why)
            nameless.remove(index)
    if nameless and len(candidates) == len(nameless):
        why = "by the order of the problem AORs in the log"
        told = zip(nameless, candidates, strict=True)
        return found | {index: (key, "C", why) for index, key in told}
    for index in nameless:
        between = _between(run, rows, index, candidates)
        if len(between) == 1:
            found[index] = (between[0], "C", "the only problem AOR between its neighbours")
        else:
            shown = ", ".join(map(str, between)) or "none told"
            found[index] = (None, "D", f"no row in the AOR table; candidates: {shown}")
    return found


def _between(
    run: PublishedRun, rows: list[int | None], index: int, candidates: list[int]
) -> list[int]:
    keys = run.aor.column("aorkey")
    before = [keys[row] for row in rows[:index] if row is not None]
    after = [keys[row] for row in rows[index + 1 :] if row is not None]
    low, high = before[-1] if before else 0, after[0] if after else math.inf
    return [key for key in candidates if low < key < high]
