"""Where numbers come from, as a graph: things, and what each came from in the words of W3C PROV."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from iracdb.catalogue.listing import Listing

NODE_COLUMNS = ("id", "kind", "label", "attributes")
EDGE_COLUMNS = ("from", "to", "relation")

IMAGE_COLUMNS = (
    "run_id", "run", "withdrawn_at", "aorkey", "channel", "target", "average", "flux", "image",
    "status", "why", "corrected", "frame", "plane", "mjd_obs", "link_grade", "link_evidence",
    "through", "file", "version", "kind", "sha256", "data_sha256", "creator", "fluxconv",
    "present", "path",
)  # fmt: skip
"""What the table of images tells of each: ``average`` and ``image`` are row numbers of the run."""


class Tie(NamedTuple):
    """What an image hangs together with, by their ids.

    Parameters
    ----------
    image, average, run, frame : str
        The image, its average and run, and the frame that it shows.
    file : str or None
        The file that was measured, or that served for it; None where no file is known.
    through : str
        What ties it to files: ``'file'``; else ``'frame'``, or ``'time'`` where an imported table
        alone knows its frame; or the role of a file that was read beside the one measured.
    """

    image: str
    average: str
    run: str
    frame: str
    file: str | None
    through: str


@dataclass(frozen=True)
class Lineage:
    """Where numbers come from, or what rests on a file or a frame.

    Parameters
    ----------
    direction : {'down', 'up'}
        From a number to files, or from a file or frame to numbers.
    about : str
        What was asked about, in a few words.
    nodes : Listing
        Each thing once: id, kind, label and attributes, a dict.
    edges : Listing
        What came from what: the ids ``from`` and ``to``, and the relation, such as
        ``wasDerivedFrom``. An edge leads from what came later to what was there before.
    ties : list of Tie
        What each image hangs together with.
    """

    direction: str
    about: str
    nodes: Listing
    edges: Listing
    ties: list[Tie]

    @cached_property
    def images(self) -> Listing:
        """The images, each with what is to be told of it in one row of `IMAGE_COLUMNS`."""
        told = {row[0]: row for row in self.nodes.rows}
        return Listing(IMAGE_COLUMNS, [_line(tie, told) for tie in self.ties])

    def of_kind(self, *kinds: str) -> list[dict[str, Any]]:
        """Give the nodes of some kinds.

        Parameters
        ----------
        *kinds : str
            Such as ``'file'``.

        Returns
        -------
        list of dict
            With id, kind, label and attributes, in the order of the nodes.
        """
        return [
            dict(zip(NODE_COLUMNS, row, strict=True)) for row in self.nodes.rows if row[1] in kinds
        ]


@dataclass
class Graph:
    """A lineage in the making: nothing stands in it twice.

    Parameters
    ----------
    nodes : dict
        Kind, label and attributes by id.
    edges : dict
        Keys are (from, to, relation), in the order of their coming.
    ties : list of Tie
        What each image hangs together with.
    """

    nodes: dict[str, tuple[str, str, dict[str, Any]]] = field(default_factory=dict)
    edges: dict[tuple[str, str, str], None] = field(default_factory=dict)
    ties: list[Tie] = field(default_factory=list)

    def add(self, node_id: str, kind: str, label: str, attributes: dict[str, Any]) -> str:
        """Add a thing, unless it is there.

        Parameters
        ----------
        node_id : str
            The same for the same thing in any catalogue, where it has a name of its own.
        kind : str
            What it is.
        label : str
            What to call it before people.
        attributes : dict
            Plain values.

        Returns
        -------
        str
            Its id.
        """
        if node_id not in self.nodes:
            self.nodes[node_id] = (kind, label, attributes)
        return node_id

    def link(self, later: str, earlier: str, relation: str) -> None:
        """Say what something came from.

        Parameters
        ----------
        later, earlier : str
            Ids.
        relation : str
            A word of W3C PROV.
        """
        self.edges[(later, earlier, relation)] = None

    def links(self, later: str, earlier: Iterable[str], relation: str) -> None:
        """Say what something came from, many at once.

        Parameters
        ----------
        later : str
            An id.
        earlier : iterable of str
            Ids.
        relation : str
            A word of W3C PROV.
        """
        for one in earlier:
            self.link(later, one, relation)

    def lineage(self, direction: str, about: str) -> Lineage:
        """Finish it.

        Parameters
        ----------
        direction : {'down', 'up'}
            Which way it was followed.
        about : str
            What was asked about.

        Returns
        -------
        Lineage
            With its tables.
        """
        return Lineage(
            direction,
            about,
            Listing(NODE_COLUMNS, [(name, *rest) for name, rest in self.nodes.items()]),
            Listing(EDGE_COLUMNS, list(self.edges)),
            self.ties,
        )


def _line(tie: Tie, told: dict[str, tuple[Any, ...]]) -> tuple[Any, ...]:
    image, average, run = (told[one][3] for one in (tie.image, tie.average, tie.run))
    file = {} if tie.file is None else told[tie.file][3]
    return (
        run["run_id"], run["name"], run["withdrawn_at"],
        average["aorkey"], average["channel"], average["target"], average["row_number"],
        average["flux"],
        image["row_number"], image["status"], image["why"], image["corrected"],
        told[tie.frame][2], image["plane"], image["mjd_obs"], image["link_grade"],
        image["link_evidence"], tie.through,
        *(file.get(name) for name in _OF_FILE),
    )  # fmt: skip


_OF_FILE = ("name", *IMAGE_COLUMNS[-8:-1], "path")
