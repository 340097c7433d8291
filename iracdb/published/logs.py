"""The logs of 2018: six sets of keys, kept line by line, read for what they say."""

from __future__ import annotations

import re
from dataclasses import dataclass

from iracdb.errors import InputRefused
from iracdb.published.commands import NO_COMMAND, Command, parse_command

KNOWN_KEYS = (
    "Date Reduced", "Command Used", "Input Parameters", "Instrument", "File Type", "Mission",
    "Target", "Radius Used", "Average Flux", "Problem AORs", "Comments", "Issues",
)  # fmt: skip
"""Every key that any log has."""

_NEEDED = ("Date Reduced", "Instrument", "File Type", "Target", "Comments")
_KEY = re.compile(r"([A-Z][A-Za-z ]{2,24}?) *:")
_FREE_TEXT = {"Comments", "Issues"}


@dataclass(frozen=True)
class Log:
    """One log.

    Parameters
    ----------
    fields : tuple of tuple
        (as printed before the colon, as printed after it) of each line; a comment of several lines
        is one field.
    command : Command
        What was typed.
    """

    fields: tuple[tuple[str, str], ...]
    command: Command

    def value(self, key: str) -> str | None:
        """Tell what stands after a key.

        Parameters
        ----------
        key : str
            One of `KNOWN_KEYS`.

        Returns
        -------
        str or None
            Without blanks around it; None where the log has no such line.
        """
        return next((text.strip() for name, text in self.fields if name.strip() == key), None)

    @property
    def channel(self) -> int:
        """Channel that the log says was reduced."""
        match = re.fullmatch(r"IRAC Channel ([1-4])", self.value("Instrument") or "")
        if match is None:
            raise InputRefused(f"Instrument is {self.value('Instrument')!r}: no IRAC channel")
        return int(match.group(1))

    @property
    def radii(self) -> tuple[float, float, float] | None:
        """Radii that the log says were used, in whichever form; None where it does not."""
        numbers = re.findall(r"\d+(?:\.\d+)?", self.value("Radius Used") or "")
        if len(numbers) != 3:
            return None
        r, r_in, r_out = map(float, numbers)
        return r, r_in, r_out

    @property
    def problem_aors(self) -> tuple[int, ...]:
        """AORs that the log says had problems, in its order."""
        listed = self.value("Problem AORs")
        if listed is None:
            # The first logs say it in words: "These are AOR# 24960256, 24960512".
            listed = (self.value("Issues") or "").rpartition("AOR#")[2]
        return tuple(int(key) for key in re.findall(r"\d{5,}", listed))

    def text(self, line_end: str, *, ended: bool) -> str:
        """Write the log as it was.

        Parameters
        ----------
        line_end : str
            What ends its lines.
        ended : bool
            Whether the last one is ended.

        Returns
        -------
        str
            The log.
        """
        return join_fields(self.fields, line_end, ended=ended)


def join_fields(fields: object, line_end: str, *, ended: bool) -> str:
    """Put the lines of a log together.

    Parameters
    ----------
    fields : iterable of tuple
        Name and value of each line, as printed.
    line_end : str
        What ends a line.
    ended : bool
        Whether the last line is ended.

    Returns
    -------
    str
        The log.
    """
    lines = [f"{name}:{value}" for name, value in fields]  # type: ignore[attr-defined]
    return line_end.join(lines) + (line_end if ended else "")


def parse_log(text: str, where: str) -> Log:
    """Read a log.

    Parameters
    ----------
    text : str
        Its text, line ends as newlines, without that of the last line.
    where : str
        The file, for messages.

    Returns
    -------
    Log
        Its lines and what they say.

    Raises
    ------
    InputRefused
        Where a key is unknown, repeated or missing, or the command cannot be read.
    """
    fields: list[tuple[str, str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        match = _KEY.match(line)
        key = match.group(1).strip() if match else None
        if key in KNOWN_KEYS:
            if any(name.strip() == key for name, _ in fields):
                raise InputRefused(f"{where}, line {number}: {key} stands there twice")
            name, _, value = line.partition(":")
            fields.append((name, value))
        elif fields and fields[-1][0].strip() in _FREE_TEXT:
            fields[-1] = (fields[-1][0], f"{fields[-1][1]}\n{line}")
        else:
            raise InputRefused(
                f"{where}, line {number}: {line[:60]!r} is no line of a known log "
                f"(known: {', '.join(KNOWN_KEYS)})"
            )
    keys = {name.strip() for name, _ in fields}
    missing = [key for key in _NEEDED if key not in keys]
    if missing:
        raise InputRefused(f"{where}: there is no line {', '.join(missing)}")
    typed = next((v for n, v in fields if n.strip() in ("Command Used", "Input Parameters")), None)
    try:
        log = Log(tuple(fields), NO_COMMAND if typed is None else parse_command(typed))
        _ = log.channel
    except InputRefused as problem:
        raise InputRefused(f"{where}: {problem}") from None
    return log
