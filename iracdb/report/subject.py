"""What a figure is about: runs, and which of their targets, AORs and images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iracdb.catalogue.database import Database
from iracdb.runs.results import Run


@dataclass(frozen=True)
class Subject:
    """What a figure is about.

    Parameters
    ----------
    database : Database
        The catalogue.
    runs : tuple of Run
        One; two for a figure that compares.
    target : str, optional
        Only this target.
    aors : tuple of int, optional
        Only these AORs.
    row : int, optional
        One image: its row in the run's image table, from 1.
    study : str, optional
        The study that is meant, where the run is in several.
    """

    database: Database
    runs: tuple[Run, ...]
    target: str | None = None
    aors: tuple[int, ...] = ()
    row: int | None = None
    study: str | None = None

    @property
    def run(self) -> Run:
        """The first run."""
        return self.runs[0]

    def meta(self, title: str) -> dict[str, Any]:
        """Tell what every table that is drawn tells of itself.

        Parameters
        ----------
        title : str
            Of the figure.

        Returns
        -------
        dict
            ``title``, ``runs`` and ``notes``, an empty list to be added to.
        """
        return {
            "title": title,
            "runs": [
                {
                    "run_id": run.run_id,
                    "run_name": run.name,
                    "uuid": run.row.uuid,
                    "channel": run.row.channel,
                    "origin": run.row.origin,
                    "results_sha256": run.row.result_digest,
                }
                for run in self.runs
            ],
            "notes": [],
        }
