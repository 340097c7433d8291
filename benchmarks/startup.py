"""How long `iracdb --help` takes, against Python that imports click and nothing else."""

from __future__ import annotations

import subprocess
import sys

from rows import PROCESSOR, Row, alone, ratios, timed, turns

HELP = "import sys; from iracdb_cli.main import main; sys.argv = ['iracdb', '--help']; main()"
TIMES = {"tiny": 1, "small": 5, "full": 20}


def python(text: str) -> None:
    """Carry a text out in a Python of its own."""
    subprocess.run([sys.executable, "-P", "-c", text], check=True, stdout=subprocess.DEVNULL)


def rows(size: str) -> list[Row]:
    """Measure both, several times a round."""
    seconds = turns(
        {
            "help": lambda: timed(lambda: python(HELP), times=TIMES[size]),
            "click": lambda: timed(lambda: python("import click"), times=TIMES[size]),
        },
        size,
    )
    return [
        Row("iracdb --help", 'python -c "import click"', 1.5,
            ratios(seconds["help"], seconds["click"]), PROCESSOR, at_most=True,
            why="Settings, errors and options are imported, and the help is laid out."),
    ]  # fmt: skip


if __name__ == "__main__":
    alone(rows, __doc__)
