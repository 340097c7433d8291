"""Names and numbers of runs.

A name matches ``[A-Za-z_][A-Za-z0-9_]{0,47}``, is unique whatever its case, and is not ``run``. A
run given only a number is called ``run<N>``, and a name ``run<N>`` owns number N.
"""

from __future__ import annotations

import re

from iracdb.errors import UsageError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,47}")
_NUMBERED = re.compile(r"run([1-9][0-9]*)", re.IGNORECASE)
LARGEST = 2**31 - 1


def check_name(name: str) -> str:
    """Check a run's name.

    Parameters
    ----------
    name : str
        As typed.

    Returns
    -------
    str
        The same.

    Raises
    ------
    UsageError
        Where it breaks the rule.
    """
    if _NAME.fullmatch(name) is None or name.lower() == "run":
        raise UsageError(
            f"{name!r} is no name for a run: up to 48 letters, digits and _, "
            "not beginning with a digit, and not 'run' alone"
        )
    return name


def check_number(number: int) -> int:
    """Check a run's number.

    Parameters
    ----------
    number : int
        As typed.

    Returns
    -------
    int
        The same.

    Raises
    ------
    UsageError
        Where it is not positive, or larger than 2147483647.
    """
    if not 1 <= number <= LARGEST:
        raise UsageError(f"A run's number is a positive integer up to {LARGEST}, not {number}")
    return number


def number_of(name: str) -> int | None:
    """Tell the number that a name owns.

    Parameters
    ----------
    name : str
        A run's name.

    Returns
    -------
    int or None
        13 for ``run13``, whatever its case; None for a name without a number.
    """
    match = _NUMBERED.fullmatch(name)
    return None if match is None else check_number(int(match.group(1)))


def agree(number: int | None, name: str | None) -> tuple[int | None, str | None]:
    """Complete a number by its name and a name by its number.

    Parameters
    ----------
    number : int or None
        As typed.
    name : str or None
        As typed.

    Returns
    -------
    tuple
        Both where either tells the other.

    Raises
    ------
    UsageError
        Where one is bad, or the name owns another number.
    """
    if number is not None:
        check_number(number)
    if name is None:
        return number, None if number is None else f"run{number}"
    check_name(name)
    owned = number_of(name)
    if owned is not None and number is not None and owned != number:
        raise UsageError(f"The name {name} owns number {owned}: it cannot be run {number}")
    return (number if owned is None else owned), name
