"""The run itself: the activity, who and what carried it out, and by which parameters."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePath
from typing import Any

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.export.prov.names import RUN, content_name, spelt
from iracdb.export.prov.statements import Name, Statement, element, relation

_PUBLISHED = "iracdb:activity-published-2018"

_MADE_HERE = (
    ("Usage", "science", "Main", "0..*", "a file that shows a frame"),
    ("Usage", "wcs", "Calibration", "0..*", "a file whose header gives a frame's coordinates"),
    ("Usage", "response", "Calibration", "0..1", "response of the array and within a pixel"),
    ("Usage", "targets", "Setup", "0..1", "list of AORs and positions"),
    ("Usage", "parent", "Main", "0..1", "results of the run that this one was made from"),
    ("Generation", "results", "Main", "1", "all averages together"),
    ("Generation", "average", "Main", "0..*", "average of like frames of an AOR"),
    ("Generation", "image", "Main", "0..*", "measurement of a target on a frame"),
)
_MADE_THEN = (
    ("Usage", "science", "Main", "0..*", "the frames of an AOR"),
    ("Usage", "targets", "Setup", "0..1", "list of AORs and positions"),
    ("Generation", "aor_data", "Main", "1", "table of averages"),
    ("Generation", "img_data", "Main", "1", "table of images"),
    ("Generation", "log", "Log", "1", "log of the run"),
)
"""Side, role, type, multiplicity and description of what such a run takes and gives."""


def moment(text: str | None) -> datetime | None:
    """Read a time of the catalogue or of a published log.

    Parameters
    ----------
    text : str or None
        ISO 8601; a log of 2018 tells no time zone.

    Returns
    -------
    datetime or None
        None where there is none, or where it is not such a text.
    """
    if text is None or "T" not in text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def run_statements(connection: Connection, run: Any) -> Iterator[Statement]:
    """Tell of the run as an activity, of its agents and its plan.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run : Row
        Of the table ``run``.

    Yields
    ------
    Statement
        The activity first.
    """
    yield element(
        "activity",
        RUN,
        {
            "prov:label": run.name,
            "voprov:name": run.name,
            "voprov:comment": run.comment,
            "iracdb:origin": run.origin,
            "iracdb:recipe": run.recipe,
            "iracdb:channel": run.channel,
            "iracdb:kind": run.kind,
            "iracdb:command": run.command,
            "iracdb:parametersSha256": run.parameters_digest,
            "iracdb:inputsSha256": run.inputs_digest,
        },
        moment(run.started_at),
        moment(run.finished_at),
    )
    yield from _description(run)
    yield from _parameters(run)
    yield from _target_list(connection, run)
    yield from agent_statements(run.operator, run.host, RUN)
    yield from _software(connection, run)


def _description(run: Any) -> Iterator[Statement]:
    """Tell what such an activity does, and what it takes and gives, in the IVOA's words."""
    made_here = run.origin == "executed"
    activity = f"iracdb:activity-{spelt(run.recipe or 'photometry')}" if made_here else _PUBLISHED
    what = "aperture photometry of IRAC frames, averaged by AOR"
    by = f"recipe {run.recipe}" if made_here else "the photometry pipeline of 2018"
    yield element(
        "entity",
        activity,
        {
            "prov:type": Name("voprov:ActivityDescription"),
            "voprov:name": f"IRAC photometry, {by}",
            "voprov:description": what,
            "voprov:type": "Reduction",
            "voprov:subtype": "aperture photometry",
        },
    )
    yield described(RUN, activity)
    for side, role, kind, multiplicity, sentence in _MADE_HERE if made_here else _MADE_THEN:
        name = f"{activity}-{side.lower()}-{role}"
        yield element(
            "entity",
            name,
            {
                "prov:type": Name(f"voprov:{side}Description"),
                "voprov:role": role,
                "voprov:type": kind,
                "voprov:multiplicity": multiplicity,
                "voprov:description": sentence,
                "iracdb:partOf": Name(activity),
            },
        )


def described(what: str, description: str) -> Statement:
    """State that something is described by one of the IVOA's descriptions.

    Parameters
    ----------
    what : str
        Qualified name.
    description : str
        Of the description.

    Returns
    -------
    Statement
        PROV's most general relation, with the IVOA's type.
    """
    told = {"prov:type": Name("voprov:isDescribedBy")}
    return relation("wasInfluencedBy", what, description, told=told)


def _configured(by: str, artefact: str) -> Statement:
    told = {"prov:type": Name("voprov:WasConfiguredBy"), "voprov:artefactType": artefact}
    return relation("wasInfluencedBy", RUN, by, told=told)


def plan_name(run: Any) -> str:
    """Name a run's parameters taken together.

    Parameters
    ----------
    run : Row
        Of the table ``run``.

    Returns
    -------
    str
        Qualified name, the same for all runs with the same parameters.
    """
    return f"iracdb:parameters-{run.parameters_digest}"


def _parameters(run: Any) -> Iterator[Statement]:
    known = {name: value for name, value in sorted(run.parameters.items()) if value is not None}
    label = None if run.recipe is None else f"recipe {run.recipe}"
    plan = {"prov:type": Name("prov:Plan"), "prov:label": label,
            "iracdb:sha256": run.parameters_digest}  # fmt: skip
    yield element("entity", plan_name(run), plan)
    for name, value in known.items():
        parameter = f"run:parameter-{name}"
        yield element(
            "entity",
            parameter,
            {
                "prov:type": Name("voprov:Parameter"),
                "voprov:name": name,
                "voprov:value": repr(value) if isinstance(value, float) else str(value),
                "prov:value": value,
            },
        )
        yield _configured(parameter, "Parameter")


def _target_list(connection: Connection, run: Any) -> Iterator[Statement]:
    if run.target_list_id is None:
        return
    row = connection.execute(
        select(t.target_list.c.sha256, t.target_list.c.path).where(
            t.target_list.c.id == run.target_list_id
        )
    ).one()
    name = content_name(row.sha256)
    yield element(
        "entity",
        name,
        {
            "prov:type": Name("voprov:ConfigFile"),
            "voprov:name": PurePath(row.path).name,
            "voprov:location": row.path,
            "iracdb:sha256": row.sha256,
        },
    )
    yield _configured(name, "ConfigFile")
    yield relation("used", RUN, name, told={"prov:role": "targets"})


def agent_statements(operator: str | None, host: str | None, activity: str) -> Iterator[Statement]:
    """Tell who carried an activity out, and on which machine.

    Parameters
    ----------
    operator, host : str or None
        As the catalogue has them.
    activity : str
        Qualified name.

    Yields
    ------
    Statement
        Nothing where neither is known.
    """
    if operator is not None:
        person = person_name(operator, host)
        told = {"prov:type": Name("prov:Person"), "prov:label": operator, "voprov:name": operator}
        yield element("agent", person, told)
        yield relation("wasAssociatedWith", activity, person, told={"prov:role": "Operator"})
    if host is not None:
        machine = f"iracdb:host-{spelt(host)}"
        yield element("agent", machine, {"prov:label": host, "voprov:name": host})
        yield relation("wasAssociatedWith", activity, machine, told={"prov:role": "Host"})


def person_name(operator: str, host: str | None) -> str:
    """Name a person by the account on a machine: more is not known.

    Parameters
    ----------
    operator : str
        Name of the account.
    host : str or None
        Name of the machine.

    Returns
    -------
    str
        Qualified name.
    """
    return f"iracdb:person-{spelt(operator if host is None else f'{operator}@{host}')}"


def _software(connection: Connection, run: Any) -> Iterator[Statement]:
    if run.software_id is None:
        # By what it was measured is not told; by what plan is, in part.
        yield relation("wasAssociatedWith", RUN, None, plan_name(run))
        return
    row = connection.execute(select(t.software).where(t.software.c.id == run.software_id)).one()
    name = f"iracdb:software-{row.digest}"
    changes = row.git_changes
    yield element(
        "agent",
        name,
        {
            "prov:type": Name("prov:SoftwareAgent"),
            "prov:label": f"iracdb {row.iracdb}",
            "voprov:name": "iracdb",
            "iracdb:version": row.iracdb,
            "iracdb:sha256": row.digest,
            "iracdb:commit": row.git_commit,
            "iracdb:nothingUncommitted": None if row.git_clean is None else bool(row.git_clean),
            "iracdb:uncommittedSha256": (
                None if changes is None else hashlib.sha256(changes.encode()).hexdigest()
            ),
            "iracdb:python": row.python,
            "iracdb:platform": row.platform,
            "iracdb:package": tuple(f"{key} {row.packages[key]}" for key in sorted(row.packages)),
        },
    )
    told = {"prov:role": "Software"}
    yield relation("wasAssociatedWith", RUN, name, plan_name(run), told=told)
    if run.operator is not None:
        yield relation("actedOnBehalfOf", name, person_name(run.operator, run.host), RUN)
