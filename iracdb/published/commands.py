"""The commands of 2018, in the four forms in which the logs keep them.

A ;-joined line of 14 parts (runs 5 to 13) or of 13 (14 to 19), a Python dict (20 to the middle of
the named runs), a shell line whose quotes are not escaped (the last ones). What a command does not
say is not said: no parameter is guessed into place.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

from iracdb.errors import BadCoordinate, InputRefused
from iracdb.runs.coordinates import parse_coordinate

Radii = tuple[float, float, float]


@dataclass(frozen=True)
class Command:
    """What a command of 2018 says; None for what it does not.

    Parameters
    ----------
    form : str
        ``14 parts``, ``13 parts``, ``dict``, ``shell`` or ``none``.
    paths : tuple of str
        Where its frames or its list were.
    coordinates : str or None
        The position, as typed.
    target_format : str or None
        ``single hms``, ``multiple deg``, ...
    kind : str or None
        bcd, cbcd or sub2d.
    radii : tuple of float or None
        Source radius and annulus, pixels.
    channel : int or None
        As typed.
    aperture_correction, pixel_size : float or None
        As typed.
    mission : str or None
        As typed.
    rejection : bool or None
        Whether outliers were to be rejected.
    factor : str or None
        The factor of the rejection in a ;-joined line, as typed: ``n/a`` is none at all.
    target : str or None
        Its name, as typed.
    run_name : str or None
        As typed.
    comment : str or None
        As typed.
    """

    form: str
    paths: tuple[str, ...] = ()
    coordinates: str | None = None
    target_format: str | None = None
    kind: str | None = None
    radii: Radii | None = None
    channel: int | None = None
    aperture_correction: float | None = None
    pixel_size: float | None = None
    mission: str | None = None
    rejection: bool | None = None
    factor: str | None = None
    target: str | None = None
    run_name: str | None = None
    comment: str | None = None

    @property
    def position(self) -> tuple[float, float] | None:
        """The one position for all AORs, ICRS degrees; None where there is a list or none."""
        if self.coordinates is None:
            return None
        try:
            return parse_coordinate(self.coordinates)
        except BadCoordinate:
            return None


NO_COMMAND = Command("none")


def parse_command(text: str) -> Command:
    """Read a command as a log keeps it.

    Parameters
    ----------
    text : str
        What stands after ``Command Used`` or ``Input Parameters``.

    Returns
    -------
    Command
        What it says.

    Raises
    ------
    InputRefused
        Where it has none of the four forms.
    """
    text = text.strip()
    try:
        if text.startswith("python "):
            return _shell(text)
        if text.startswith("{"):
            return _dict(text)
        parts = text.split(";")
        if parts[0].split(" ")[0] in ("single", "multiple") and len(parts) >= 13:
            return _thirteen(parts)
        if len(parts) >= 14:
            return _fourteen(parts)
    except (ValueError, KeyError, IndexError, SyntaxError, TypeError) as problem:
        raise InputRefused(f"the command cannot be read ({problem}): {text[:120]}") from None
    raise InputRefused(f"the command has none of the known forms: {text[:120]}")


def _fourteen(parts: list[str]) -> Command:
    """``path;kind;target;position;mission;r;r_in;r_out;channel;ap_corr;pixel;run;N;comment``."""
    return Command(
        "14 parts",
        paths=(parts[0],),
        kind=parts[1],
        coordinates=parts[3],
        target_format="single hms",
        mission=parts[4],
        radii=_radii(parts[5:8]),
        channel=_channel(parts[8]),
        aperture_correction=float(parts[9]),
        pixel_size=float(parts[10]),
        factor=parts[12],
        target=parts[2],
        run_name=parts[11],
        comment=";".join(parts[13:]),
    )


def _thirteen(parts: list[str]) -> Command:
    """``format;path,position;kind;target;r;r_in;r_out;channel;ap_corr;pixel;run;N;comment``."""
    path, _, coordinates = parts[1].partition(",")
    return Command(
        "13 parts",
        paths=(path,),
        kind=parts[2],
        coordinates=coordinates or None,
        target_format=parts[0],
        radii=_radii(parts[4:7]),
        channel=_channel(parts[7]),
        aperture_correction=float(parts[8]),
        pixel_size=float(parts[9]),
        factor=parts[11],
        target=parts[3],
        run_name=parts[10],
        comment=";".join(parts[12:]),
    )


def _dict(text: str) -> Command:
    given: dict[str, Any] = ast.literal_eval(text)
    places = [str(place) for place in given["aor_crd"]]
    single = str(given["crdFormat"]).startswith("single")
    rejection = given.get("outlier", given.get("sigma"))
    return Command(
        "dict",
        paths=tuple(places[:1]),
        coordinates=places[1] if single and len(places) > 1 else None,
        target_format=str(given["crdFormat"]).replace("_", " "),
        kind=given["filetype"],
        radii=_radii(given["radius"]),
        channel=_channel(given["ch_px"][0]),
        aperture_correction=float(given["ap_corr"]),
        pixel_size=float(given["ch_px"][1]),
        rejection=None if rejection is None else bool(rejection),
        target=given.get("target"),
        run_name=str(given["run"]),
        comment=given["comments"],
    )


# Quotes inside a quoted text are not escaped: an option ends where the next known one begins.
_OPTIONS = r"-f|-r|-a|-cp|-o|-rn|-t|-c"
_OPTION = re.compile(rf" ({_OPTIONS})(?= |$)")


def _shell(text: str) -> Command:
    head, *rest = _OPTION.split(text)
    # What follows -c is the comment, whatever it holds.
    if "-c" in rest:
        at = rest.index("-c")
        rest = [*rest[: at + 1], "".join(_rejoined(rest[at + 1 :]))]
    options = dict(zip(rest[::2], rest[1::2], strict=True))
    words = re.findall(r"'([^']*)'", head)
    channel, pixel = options["-cp"].split()
    single = words[0].startswith("single")
    return Command(
        "shell",
        paths=tuple(words[1:2]),
        coordinates=words[2] if single and len(words) > 2 else None,
        target_format=words[0].replace("_", " "),
        kind=_unquoted(options["-f"]),
        radii=_radii(options["-r"].split()),
        channel=_channel(channel),
        aperture_correction=float(options["-a"]),
        pixel_size=float(pixel),
        rejection="-o" in options,
        target=_unquoted(options["-t"]) if "-t" in options else None,
        run_name=_unquoted(options["-rn"]),
        comment=_unquoted(options["-c"]),
    )


def _rejoined(pieces: list[str]) -> list[str]:
    return [f" {piece}" if index % 2 else piece for index, piece in enumerate(pieces)]


def _unquoted(text: str) -> str:
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def _radii(words: Any) -> Radii:
    r, r_in, r_out = (float(word) for word in words)
    return r, r_in, r_out


def _channel(word: Any) -> int:
    number = float(word)
    if number not in (1, 2, 3, 4):
        raise ValueError(f"{word} is no channel")
    return int(number)
