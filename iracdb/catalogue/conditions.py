"""Conditions on frames as trees: what they are made of, and the one text that stands for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Value = int | float | str
"""A modified Julian day for a time, a text for a version."""

COMPARISONS = ("<=", ">=", "!=", "=", "<", ">")


@dataclass(frozen=True)
class Comparison:
    """A fact compared with a value.

    Parameters
    ----------
    fact : str
        Its name.
    operator : str
        One of `COMPARISONS`.
    value : int, float or str
        With what.
    """

    fact: str
    operator: str
    value: Value


@dataclass(frozen=True)
class Among:
    """A fact that is one of several values.

    Parameters
    ----------
    fact : str
        Its name.
    values : tuple
        At least one.
    """

    fact: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Between:
    """A fact from one value to another, both included.

    Parameters
    ----------
    fact : str
        Its name.
    low, high : int, float or str
        The bounds.
    """

    fact: str
    low: Value
    high: Value


@dataclass(frozen=True)
class Missing:
    """A fact that the header does not tell.

    Parameters
    ----------
    fact : str
        Its name.
    """

    fact: str


@dataclass(frozen=True)
class Flagged:
    """An image of the frame had a flag in an earlier run.

    Parameters
    ----------
    flag : str or None
        Its name; None for any.
    run : str
        Number or name.
    """

    flag: str | None
    run: str


@dataclass(frozen=True)
class Not:
    """What does not hold.

    Parameters
    ----------
    one : condition
        Which.
    """

    one: Condition


@dataclass(frozen=True)
class All:
    """Several that hold together.

    Parameters
    ----------
    parts : tuple
        Two or more, none of them `All`.
    """

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf:
    """Several of which one is enough.

    Parameters
    ----------
    parts : tuple
        Two or more, none of them `AnyOf`.
    """

    parts: tuple[Condition, ...]


Condition = Comparison | Among | Between | Missing | Flagged | Not | All | AnyOf


def joined(conditions: list[Condition]) -> Condition | None:
    """Join conditions that must all hold.

    Parameters
    ----------
    conditions : list of condition
        In order.

    Returns
    -------
    condition or None
        None for none.
    """
    parts = [part for one in conditions for part in conjuncts(one)]
    return None if not parts else parts[0] if len(parts) == 1 else All(tuple(parts))


def conjuncts(condition: Condition) -> tuple[Condition, ...]:
    """Take a condition apart into those that must all hold.

    Parameters
    ----------
    condition : condition
        Any.

    Returns
    -------
    tuple of condition
        Itself, where it is not several joined by ``and``.
    """
    return condition.parts if isinstance(condition, All) else (condition,)


def parts_of(condition: Condition) -> Iterator[Condition]:
    """Go through a condition and all that it is made of.

    Parameters
    ----------
    condition : condition
        Any.

    Yields
    ------
    condition
        Itself first.
    """
    yield condition
    below = condition.parts if isinstance(condition, All | AnyOf) else ()
    for part in (condition.one,) if isinstance(condition, Not) else below:
        yield from parts_of(part)


def canonical(condition: Condition) -> str:
    """Write a condition in the one form that stands for it.

    Parameters
    ----------
    condition : condition
        Any.

    Returns
    -------
    str
        Which is read as the same tree.

    Examples
    --------
    >>> canonical(Not(Among("frame_time", (2, 0.4))))
    'not frame_time in (2, 0.4)'
    """
    match condition:
        case Comparison(fact, operator, value):
            return f"{fact} {operator} {_written(value)}"
        case Among(fact, values):
            return f"{fact} in ({', '.join(map(_written, values))})"
        case Between(fact, low, high):
            return f"{fact} between {_written(low)} and {_written(high)}"
        case Missing(fact):
            return f"{fact} is missing"
        case Flagged(flag, run):
            shown = run if run.isascii() and run.isdigit() else _written(run)
            return f"flagged {flag} in {shown}" if flag else f"flagged in {shown}"
        case Not(Missing(fact)):
            return f"{fact} is not missing"
        case Not(one):
            return f"not {_within(one, (All, AnyOf))}"
        case All(parts):
            return " and ".join(_within(part, (AnyOf,)) for part in parts)
        case AnyOf(parts):
            return " or ".join(canonical(part) for part in parts)


def _within(condition: Condition, bracketed: tuple[type, ...]) -> str:
    text = canonical(condition)
    return f"({text})" if isinstance(condition, bracketed) else text


def _written(value: Value) -> str:
    if isinstance(value, str):
        doubled = value.replace("'", "''")
        return f"'{doubled}'"
    return repr(value)
