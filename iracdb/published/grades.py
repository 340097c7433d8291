"""What the grades of an imported run's links and joins say, in words."""

from __future__ import annotations

_RAISED = "ingest the frames, then 'iracdb relink'"

LINK_GRADES = {
    "A": "to a frame that files show, by channel, AORKEY and time: no link is surer",
    "B": f"by channel and time alone; for grade A {_RAISED}",
    "C": "to one of several frames of that channel and time: nothing held tells which",
    "D": "to none: the row has no time, and nothing can raise that",
}
"""Of an image's link to its frame."""

AOR_GRADES = {
    "A": "by the time of the last image, or by frames that files show: no join is surer",
    "B": f"by what else is known of the frames; for grade A {_RAISED}",
    "C": f"by the place between others or by the log's problem AORs; for grade A {_RAISED}",
    "D": "as AOR 0, because nothing tells which it is; to find it import a run over the same "
    "frames, or ingest them, then 'iracdb relink'",
}
"""Of the joining of a block of images to its AOR."""
