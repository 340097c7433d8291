"""The statements as a document of the library `prov`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prov.constants import PROV, PROV_RECORD_IDS_MAP
from prov.identifier import Identifier
from prov.model import ProvBundle, ProvDocument

from iracdb.export.prov.statements import FORMAL, Name, Provenance, Statement, Uri


def document_of(provenance: Provenance) -> ProvDocument:
    """Make a document.

    Parameters
    ----------
    provenance : Provenance
        Whose statements are read.

    Returns
    -------
    prov.model.ProvDocument
        With its bundles: some 2 kB a statement.
    """
    document = ProvDocument(namespaces=provenance.namespaces)
    for statement in provenance.statements():
        _add(document, statement)
    for name, statements in provenance.bundles():
        bundle = document.bundle(name)
        for statement in statements:
            _add(bundle, statement)
    return document


def _add(bundle: ProvBundle, statement: Statement) -> None:
    formal = [
        (PROV[name], value)
        for name, value in zip(FORMAL[statement.kind], statement.arguments, strict=True)
        if value is not None
    ]
    extra = [(name, _value(bundle, value)) for name, value in statement.attributes]
    bundle.new_record(PROV_RECORD_IDS_MAP[statement.kind], statement.identifier, [*formal, *extra])


def _value(bundle: ProvBundle, value: Any) -> str | bool | int | float | datetime | Identifier:
    if isinstance(value, Name):
        return bundle.mandatory_valid_qname(value.text)
    return Identifier(value.text) if isinstance(value, Uri) else value
