"""What verifying a run came to, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from iracdb.verify.differences import Comparison
from iracdb.verify.inputs import CheckedInput

Verdict = Literal["exact", "differs", "inputs-changed", "inputs-missing"]


@dataclass(frozen=True)
class Sample:
    """That only some images were checked.

    Parameters
    ----------
    images, of : int
        How many were chosen, of how many.
    seed : int
        With which they are chosen again.
    """

    images: int
    of: int
    seed: int


@dataclass(frozen=True)
class Verification:
    """What verifying a run came to.

    Parameters
    ----------
    run_id : int
        The run's number.
    name : str
        Its name.
    origin : {'measured', 'recomputed', 'imported'}
        Whether it was measured again, or recomputed from the rows of an imported run, or can be
        neither.
    parent : str or None
        Name of the run that it was recomputed from.
    compared : Comparison
        Rows as stored and as made again.
    inputs : tuple of CheckedInput
        What became of the files that were looked at.
    environment : tuple
        (name, was, now) of all software that differs.
    faults : tuple of str
        Where what is stored does not fit the digests noted, a sentence each.
    sample : Sample or None
        None where all images were to be checked.
    """

    run_id: int
    name: str
    origin: Literal["measured", "recomputed", "imported"]
    parent: str | None = None
    compared: Comparison = field(default_factory=Comparison)
    inputs: tuple[CheckedInput, ...] = ()
    environment: tuple[tuple[str, str, str], ...] = ()
    faults: tuple[str, ...] = ()
    sample: Sample | None = None

    @property
    def verdict(self) -> Verdict:
        """``exact``, ``differs``, ``inputs-changed`` or ``inputs-missing``."""
        states = {one.state for one in self.inputs}
        if "changed" in states:
            return "inputs-changed"
        if "missing" in states or not self.has_inputs:
            return "inputs-missing"
        return "differs" if self.compared.rows or self.faults else "exact"

    @property
    def has_inputs(self) -> bool:
        """Whether there is anything to make it again from."""
        return self.origin == "measured" or self.parent is not None

    @property
    def exact(self) -> bool:
        """Whether it came out the same to the last bit."""
        return self.verdict == "exact"

    def inputs_in(self, state: str) -> int:
        """Count files.

        Parameters
        ----------
        state : {'same', 'moved', 'changed', 'missing'}
            What became of them.

        Returns
        -------
        int
            How many.
        """
        return sum(1 for one in self.inputs if one.state == state)

    def summary(self) -> dict[str, Any]:
        """Tell all but the single rows, as plain values.

        Returns
        -------
        dict
            As it stands in JSON, and in the activity that verifying leaves behind.
        """
        states = ("same", "moved", "changed", "missing")
        return {
            "run_id": self.run_id,
            "name": self.name,
            "verdict": self.verdict,
            "partial": self.sample is not None,
            "sample": None if self.sample is None else vars(self.sample),
            "made_from": {"measured": "files", "recomputed": self.parent, "imported": None}[
                self.origin
            ],
            "images": vars(self.compared.images),
            "aors": vars(self.compared.averages),
            "environment": [
                {"name": name, "was": was, "now": now} for name, was, now in self.environment
            ],
            "faults": list(self.faults),
            "inputs": {
                **{state: self.inputs_in(state) for state in states},
                "files": [
                    {"name": one.name, "state": one.state, "what": one.what, "path": one.path}
                    for one in self.inputs
                    if one.state != "same"
                ],
            },
            "columns": [vars(column) for column in self.compared.by_column()],
        }
