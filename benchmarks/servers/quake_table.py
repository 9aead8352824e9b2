"""The table of earthquakes of the peers that use SQLAlchemy Core."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table

quakes = Table(
    "quakes",
    MetaData(),
    Column("id", String, primary_key=True),
    Column("created_at", BigInteger),
    Column("updated_at", BigInteger),
    *(Column(name, String) for name in ("place", "magnitude_type", "network", "kind")),
    *(Column(name, Float) for name in ("magnitude", "latitude", "longitude", "depth")),
    Column("felt", Integer),
    Column("tsunami", Boolean),
    *(Column(name, String) for name in ("status", "url")),
    Index("quakes_by_time", "created_at", "id"),
)


def use_wal(connection: Any, _record: object) -> None:
    """Put a new connection into the mode in which readers wait for nothing."""
    connection.execute("PRAGMA journal_mode=WAL")
