"""``iracdb simulate``: a small archive that looks like the real thing, with the truth beside it."""

from __future__ import annotations

import click

from .options import debug_option
from .output import many


@click.command()
@click.argument("directory", type=click.Path())
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="The same seed gives the same bytes.",
)
@click.option(
    "--frames",
    type=click.IntRange(min=1, max=9999),
    default=10,
    show_default=True,
    help="Exposures an AOR.",
)
@click.option("--no-bad-files", is_flag=True, help="Leave out the deliberately bad files.")
@click.option("--no-noise", is_flag=True, help="Without noise.")
@click.option("--no-response", is_flag=True, help="Without response over array and pixel.")
@debug_option
def simulate(
    directory: str, seed: int, frames: int, no_bad_files: bool, no_noise: bool, no_response: bool
) -> None:
    """Write a small simulated archive into DIRECTORY, and the truth beside it."""  # fmt: skip
    from iracdb.irac.simulate import simulate_archive

    made = simulate_archive(
        directory, seed=seed, frames=frames, bad_files=not no_bad_files, noise=not no_noise,
        response=not no_response,
    )  # fmt: skip
    bad = f", {len(made.bad)} of them deliberately bad" if made.bad else ""
    aors = {row.aorkey for row in made.truth}
    click.echo(f"{many(len(made.written), 'file')} of {len(aors)} AORs in {made.directory}{bad}")
    click.echo(f"The truth is in {made.truth_path}")
