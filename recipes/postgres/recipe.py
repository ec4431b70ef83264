"""Hashes person:<id> and car:<id> to two tables of PostgreSQL."""

import os

from writebehind import RGWriteBehind
from writebehind.connectors import PostgresConnection, PostgresConnector

connection = PostgresConnection(
    user=os.environ.get("PGUSER", "wb"),
    passwd=lambda: os.environ["PGPASSWORD"],  # a callable: asked anew before each connect
    db=os.environ.get("RECIPE_DB", "127.0.0.1:5432/wb"),
)

RGWriteBehind(
    GB,
    keysPrefix="person",
    mappings={"first_name": "first", "last_name": "last", "age": "age", "born": "born"},
    connector=PostgresConnector(connection, "persons", "person_id"),
    name="persons",
    version="1.0.0",
)

# Exactly once: the last stream ID lies in a table of the same database, moved in the transaction of the rows.
RGWriteBehind(
    GB,
    keysPrefix="car",
    mappings={"color": "color", "price": "price"},
    connector=PostgresConnector(connection, "cars", "car_id", exactlyOnceTableName="writebehind_once"),
    name="cars",
    version="1.0.0",
)
