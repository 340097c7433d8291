"""What all tables share: the naming of constraints and the column types of both databases."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Integer, MetaData
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Identifier = BigInteger().with_variant(Integer, "sqlite")
"""64 bits in both; SQLite numbers only a column whose type is spelt INTEGER."""

Json = JSON().with_variant(JSONB, "postgresql")


def identifier(comment: str) -> Column[int]:
    """Make the surrogate key of a table.

    Parameters
    ----------
    comment : str
        What one row is.

    Returns
    -------
    Column
        A 64-bit primary key named ``id``.
    """
    return Column("id", Identifier, primary_key=True, comment=comment)
