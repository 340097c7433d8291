"""Options of a target that moves."""

from __future__ import annotations

import click

from .options import Function


def motion_options(command: Function) -> Function:
    """Add ``--pm``, ``--parallax`` and ``--epoch``.

    Parameters
    ----------
    command : callable
        Takes ``pm``, ``parallax`` and ``epoch``.

    Returns
    -------
    callable
        Decorated.
    """
    options = (
        click.option(
            "--pm",
            type=float,
            nargs=2,
            metavar="PM_RA PM_DEC",
            help="Proper motion of --coord, mas/yr, in RA times cos(Dec): the position is moved "
            "to each frame's time.",
        ),
        click.option(
            "--parallax", type=float, metavar="MAS", help="Its parallax, seen from the telescope."
        ),
        click.option(
            "--epoch",
            type=float,
            metavar="YEAR",
            help="Julian year of the position, such as 2016.0; needed where it moves.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
