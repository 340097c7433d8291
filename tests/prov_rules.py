"""The rules of W3C PROV-CONSTRAINTS that a document can be held to, knowing nothing of its writer.

Numbers are those of the Recommendation. Events are put in order as its section 5.4 tells: an
activity's start before its usages and generations, these before its end, an entity's generation
before its usages and before that of what is derived from it. An order that runs in a circle is
impossible.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from prov.constants import PROV, PROV_RECORD_IDS_MAP
from prov.model import ProvBundle, ProvDocument

# Prefixes whose things are told of elsewhere: terms, not things.
_TERMS = ("prov", "voprov", "xsd")
_NAMED = ("entity", "activity", "agent")


def breaches(document: ProvDocument) -> list[str]:
    """List what a document gets wrong, in itself and in each of its bundles."""
    found = []
    everywhere = {str(r.identifier) for r in _records(document, *_NAMED)}
    for bundle in (document, *document.bundles):
        bundle.unified()  # raises where two statements of one thing contradict each other
        found += _generated_once(bundle)
        found += _times(bundle, document)
        found += _circles(bundle)
        found += _kinds(bundle)
        found += _dangling(bundle, everywhere)
    bundled = [str(bundle.identifier) for bundle in document.bundles]
    found += [f"bundle {name} is no entity of the document" for name in bundled
              if name not in everywhere]  # fmt: skip
    return found


def _records(bundle: ProvBundle, *kinds: str) -> Iterable[Any]:
    types = {PROV_RECORD_IDS_MAP[kind] for kind in kinds}
    return [record for record in bundle.get_records() if record.get_type() in types]


def _formal(record: Any) -> dict[str, Any]:
    return {name.localpart: value for name, value in record.formal_attributes}


def _generated_once(bundle: ProvBundle) -> list[str]:
    """Constraints 24 and 25: one generation and one invalidation an entity."""
    found = []
    for kind in ("wasGeneratedBy", "wasInvalidatedBy"):
        count: dict[str, int] = defaultdict(int)
        for record in _records(bundle, kind):
            count[str(_formal(record)["entity"])] += 1
        found += [f"{name}: {kind} {times} times" for name, times in count.items() if times > 1]
    return found


def _comparable(*times: datetime | None) -> bool:
    return all(time is not None and time.tzinfo is not None for time in times)


def _times(bundle: ProvBundle, document: ProvDocument) -> list[str]:
    """Constraints 30 to 37, where times are told: all within the activity's span."""
    found = []
    spans = {}
    for record in _records(document, "activity"):
        told = _formal(record)
        spans[str(record.identifier)] = (told["startTime"], told["endTime"])
    for name, (start, end) in spans.items():
        if _comparable(start, end) and start > end:
            found.append(f"{name} ends before it starts")
    generated = {}
    for kind in ("wasGeneratedBy", "used", "wasInvalidatedBy"):
        for record in _records(bundle, kind):
            told = _formal(record)
            start, end = spans.get(str(told["activity"]), (None, None))
            time = told["time"]
            if _comparable(start, time) and time < start:
                found.append(f"{kind} {told['entity']} before its activity starts")
            if _comparable(end, time) and time > end:
                found.append(f"{kind} {told['entity']} after its activity ends")
            made = generated.setdefault(str(told["entity"]), None)
            if kind == "wasGeneratedBy":
                generated[str(told["entity"])] = time
            elif _comparable(made, time) and time < made:
                found.append(f"{kind} {told['entity']} before it was generated")
    return found


def _circles(bundle: ProvBundle) -> list[str]:
    after: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for record in _records(bundle, "wasGeneratedBy", "used"):
        told = _formal(record)
        activity, entity = str(told["activity"]), str(told["entity"])
        if record.get_type() == PROV["Generation"]:
            after["start", activity].add(("made", entity))
            after["made", entity].add(("end", activity))
        else:
            use = ("use", f"{entity} by {activity}")
            after["made", entity].add(use)
            after["start", activity].add(use)
            after[use].add(("end", activity))
    for record in _records(bundle, "wasDerivedFrom"):
        told = _formal(record)
        before = ("made", str(told["usedEntity"]))
        after[before].add(("made", str(told["generatedEntity"])))
    for record in _records(bundle, "specializationOf", "hadMember"):
        general, specific = (str(value) for value in (record.args[1], record.args[0]))
        after["part", general].add(("part", specific))
    return [f"an order that runs in a circle, through {name}" for name in _in_circles(after)]


def _in_circles(after: dict[Any, set[Any]]) -> list[Any]:
    """Find what comes after itself: what is left when all without a predecessor are taken away."""
    before: dict[Any, int] = defaultdict(int)
    for followers in after.values():
        for follower in followers:
            before[follower] += 1
    free = [event for event in after if not before[event]]
    while free:
        for follower in after.get(free.pop(), ()):
            before[follower] -= 1
            if not before[follower]:
                free.append(follower)
    return [event for event, count in before.items() if count]


def _kinds(bundle: ProvBundle) -> list[str]:
    """Constraint 55: nothing is an entity and an activity; each is told once."""
    found, kinds = [], defaultdict(list)
    for kind in _NAMED:
        for record in _records(bundle, kind):
            kinds[str(record.identifier)].append(kind)
    for name, told in kinds.items():
        if len(told) > 1:
            found.append(f"{name} is {' and '.join(told)}")
    return found


def _dangling(bundle: ProvBundle, everywhere: set[str]) -> list[str]:
    """No rule of PROV, but of good manners: what is named is told of."""
    known = everywhere | {str(record.identifier) for record in _records(bundle, *_NAMED)}
    found = []
    for record in bundle.get_records():
        for name, value in _formal(record).items():
            if value is None or isinstance(value, datetime):
                continue
            if str(value) not in known and value.namespace.prefix not in _TERMS:
                found.append(f"{name} {value} is nowhere told of")
    return found
