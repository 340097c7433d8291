"""``iracdb why``: because of what an AOR's flux changed, or how it came about."""

from __future__ import annotations

import math
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from .completing import run_names
from .options import common_options, open_catalogue, output_options
from .output import many, note, plain, print_json, print_rows, print_table

if TYPE_CHECKING:
    from iracdb.compare.arithmetic import Arithmetic, ImageLine
    from iracdb.compare.why import Explanation, Half

_DIGITS = 15
_FEW = 7
_WIDE = 180
_NUMBERS = ("raw", "background", "net", "array_location", "pixel_phase", "corrected", "mjy")
_TITLES = ("Raw", "Background", "Net", "Location", "Phase", "Corrected", "mJy")


@click.command()
@click.argument("run", shell_complete=run_names)
@click.option("--aor", required=True, type=int, metavar="KEY", help="The AOR.")
@click.option("--against", metavar="RUN2", help="The run that it is compared with.")
@click.option("--target", metavar="NAME", help="Its target, where the AOR has several.")
@click.option(
    "--row", type=click.IntRange(min=1), help="Its row of RUN's AOR table, where it has several."
)
@click.option(
    "--frame",
    metavar="FRAME",
    help="One frame alone: its name in the archive, EXPID/DCENUM, time or number.",
)
@click.option("--all", "everything", is_flag=True, help="Also the causes that changed nothing.")
@output_options
@common_options
def why(
    run: str,
    aor: int,
    against: str | None,
    target: str | None,
    row: int | None,
    frame: str | None,
    everything: bool,
    output_format: str,
) -> None:
    """Tell why an AOR's flux is not the same in two runs.

    RUN and RUN2 are numbers or names. The change from RUN to RUN2 is split into shares by cause,
    which add up to it. Without --against: how the flux came about in RUN, from each image's raw
    sum to the mJy.
    """
    with open_catalogue() as catalogue:
        if against is None:
            made = catalogue.why(run, aor, target=target, row=row, frame=frame)
            _show_arithmetic(made, everything, output_format)
        else:
            found = catalogue.why(run, aor, against, target=target, row=row, frame=frame)
            _show_explanation(found, everything, output_format)


def _show_explanation(found: Explanation, everything: bool, output_format: str) -> None:
    if output_format == "json":
        print_json(_explanation_json(found))
        return
    shares = found.shares if everything else found.telling
    if output_format == "csv":
        rows = [(share.cause, share.mjy, share.percent, share.what) for share in shares]
        print_rows(("cause", "mjy", "percent", "what_changed"), rows, "csv")
        return
    click.echo(_sentence(found))
    for half in (found.a, found.b):
        if half.flux is not None and found.frame is None:
            click.echo(f"  {half.run}: {_made_of(half)}")
    if shares:
        numbers = ("mJy", "%")
        shown = [
            (share.cause, _signed(share.mjy), _percent(share.percent), share.what)
            for share in shares
        ]
        print_table(("Because of", *numbers, "What changed"), shown, right=numbers)
    for said in found.notes:
        note(said)


def _sentence(found: Explanation) -> str:
    what = f"AOR {found.aorkey}"
    if found.frame is not None:
        what = f"{found.frame} of AOR {found.aorkey}"
    a, b = found.a, found.b
    if a.flux is None or b.flux is None:
        return f"{what}: {_told(a)}; {_told(b)}"
    if not found.change:
        return f"{what}: {a.flux!r} mJy in {a.run} and in {b.run}: no change"
    places = _places(a.flux, found.change)
    share = "" if found.percent is None else f" ({found.percent:+.3g} %)"
    return (
        f"{what}: {a.flux:.{places}f} mJy in {a.run} became {b.flux:.{places}f} mJy in {b.run}: "
        f"{found.change:+.{places}f} mJy{share}"
    )


def _told(half: Half) -> str:
    return (
        f"{half.run} {half.without}" if half.flux is None else f"{half.flux:.6g} mJy in {half.run}"
    )


def _places(flux: float, change: float) -> int:
    """Tell how many decimals show six digits of the flux and four of the change."""
    sizes = ((abs(flux), 6), (abs(change), 4))
    wanted = [digits - 1 - math.floor(math.log10(size)) for size, digits in sizes if size]
    return min(max(0, *wanted), 17)


def _made_of(half: Half) -> str:
    said = f"mean of {half.kept} of {many(half.usable, 'image')} with a flux"
    return said if half.usable == half.images else f"{said}, of {half.images:,}"


def _signed(mjy: float) -> str:
    return f"{mjy:+.6g}" if mjy else "0"


def _percent(percent: float | None) -> str:
    return "" if percent is None else f"{percent:+.3g}" if percent else "0"


def _explanation_json(found: Explanation) -> dict[str, Any]:
    return {
        "aorkey": found.aorkey,
        "frame": found.frame,
        "a": asdict(found.a),
        "b": asdict(found.b),
        "flux_a": found.a.flux,
        "flux_b": found.b.flux,
        "change_mjy": found.change,
        "change_percent": found.percent,
        "shares": [
            {"cause": s.cause, "mjy": plain(s.mjy), "percent": s.percent, "what_changed": s.what}
            for s in found.shares
        ],
        "notes": list(found.notes),
    }


def _show_arithmetic(found: Arithmetic, everything: bool, output_format: str) -> None:
    if output_format == "json":
        print_json(_arithmetic_json(found))
        return
    lines = [line for line in found.images if everything or line.mjy is not None]
    if output_format == "csv":
        titles = ("frame", *_NUMBERS, "fate")
        cells = [[getattr(line, title) for title in titles] for line in lines]
        print_rows(titles, cells, "csv")
        return
    click.echo(f"AOR {found.aorkey}, {found.target}, in {found.run}: {_first_words(found)}")
    if lines:
        _print_images(lines)
    if len(lines) < len(found.images):
        click.echo(
            f"{many(len(found.images) - len(lines), 'image')} without a flux: {_without(found)}"
        )
    for said in _chain(found):
        click.echo(said)
    for said in found.notes:
        note(said)


def _first_words(found: Arithmetic) -> str:
    if found.frame is not None:
        return f"frame {found.frame}"
    if found.flux is None:
        return f"no flux: {found.reason}" if found.reason else "no flux"
    return f"{found.flux!r} mJy"


def _without(found: Arithmetic) -> str:
    fates = Counter(line.fate for line in found.images if line.mjy is None)
    return ", ".join(f"{number} {fate.partition(': ')[2]}" for fate, number in fates.most_common())


def _print_images(lines: Sequence[ImageLine]) -> None:
    """Print images with all their digits, where the terminal has room for them."""
    narrow = sys.stdout.isatty() and shutil.get_terminal_size().columns < _WIDE
    digits = _FEW if narrow else _DIGITS
    rows = [
        (
            line.file_number if narrow else line.frame,
            *(_number(getattr(line, name), digits) for name in _NUMBERS),
            line.fate,
        )
        for line in lines
    ]
    print_table(("Image" if narrow else "Frame", *_TITLES, "Fate"), rows, right=_TITLES)
    if narrow:
        note(f"Cut to {_FEW} digits: --json, --csv and wider terminals show frames and all digits")


def _number(value: float | None, digits: int = _DIGITS) -> str:
    return "" if value is None else f"{value:.{digits}g}"


def _chain(found: Arithmetic) -> list[str]:
    if found.mean is None:
        return ["No image is kept: there is no mean"]
    colour = found.colour_correction
    said = [
        "net = raw - background; corrected = net / (location x phase), all in MJy/sr x pixel",
        f"mJy = corrected x {found.aperture_correction!r} (aperture correction) x "
        f"({found.pixel_size!r} / 206265)^2 x 1e9{f' / {colour!r} (colour)' if colour != 1 else ''}"
        f" = corrected x {_number(found.mjy_per_sum)}",
    ]
    if set(found.rescaled) - {1.0}:
        factors = ", ".join(map(repr, found.rescaled))
        said.insert(1, f"corrected is multiplied by {factors}: FLUXCONV asked for over the file's")
    total = f"{_number(found.sum_of_kept)} / {found.kept} = " if found.frame is None else ""
    said.append(f"mean of {many(found.kept, 'image')} kept = {total}{_number(found.mean)} mJy")
    if found.flux is None:
        said.append(f"{found.run} has no flux for this AOR")
    elif not found.agrees:
        said.append(
            f"{found.run} says {found.flux!r} mJy: it was not made of these images by these rules"
        )
    return said


def _arithmetic_json(found: Arithmetic) -> dict[str, Any]:
    return {
        "run_id": found.run_id,
        "run": found.run,
        "aorkey": found.aorkey,
        "target": found.target,
        "frame": found.frame,
        "flux": found.flux,
        "reason": found.reason,
        "mean": found.mean,
        "kept": found.kept,
        "agrees": found.agrees,
        "aperture_correction": found.aperture_correction,
        "pixel_size": found.pixel_size,
        "colour_correction": found.colour_correction,
        "rescaled": list(found.rescaled),
        "mjy_per_sum": found.mjy_per_sum,
        "images": [asdict(line) for line in found.images],
        "notes": list(found.notes),
    }
