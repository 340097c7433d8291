"""The checker of PROV's rules finds what it is there to find."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prov.model import ProvDocument
from prov_rules import breaches

EARLY, LATE = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"
TOO_LATE = "2026-01-03T00:00:00+00:00"


def sound() -> ProvDocument:
    document = ProvDocument(namespaces={"ex": "urn:example:"})
    for name in ("a", "b"):
        document.entity(f"ex:{name}")
    document.activity("ex:run", EARLY, LATE)
    document.usage("ex:run", "ex:a")
    document.generation("ex:b", "ex:run", LATE)
    document.derivation("ex:b", "ex:a", "ex:run")
    return document


def test_a_sound_document_passes() -> None:
    assert breaches(sound()) == []


@pytest.mark.parametrize("spoil, said", [
    (lambda d: d.generation("ex:b", "ex:run", EARLY), "wasGeneratedBy 2 times"),
    (lambda d: d.invalidation("ex:b", None, EARLY), "before it was generated"),
    (lambda d: d.generation("ex:a", "ex:run", TOO_LATE), "after its activity ends"),
    (lambda d: d.derivation("ex:a", "ex:b"), "in a circle"),
    (lambda d: d.activity("ex:b"), "cannot unify"),
    (lambda d: d.entity("ex:a"), "entity and entity"),
    (lambda d: d.activity("ex:other", LATE, EARLY), "ends before it starts"),
    (lambda d: d.specialization("ex:a", "ex:nobody"), "nowhere told of"),
    (lambda d: d.bundle("ex:unknown"), "no entity of the document"),
])  # fmt: skip
def test_what_is_wrong_is_found(spoil: Callable[[ProvDocument], object], said: str) -> None:
    document = sound()
    spoil(document)
    try:
        found = breaches(document)
    except Exception as problem:
        found = [str(problem)]
    assert any(said in one for one in found), found
