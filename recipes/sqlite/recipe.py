"""Hashes person:<id> to a table of a SQLite file; GB is left out, as it may be."""

import os

from writebehind import RGWriteBehind
from writebehind.connectors import SQLiteConnection, SQLiteConnector

file = os.environ.get("RECIPE_DB", "persons.db")

RGWriteBehind(
    keysPrefix="person",
    mappings={"first_name": "first", "age": "age"},
    connector=SQLiteConnector(SQLiteConnection(file), "persons", "person_id"),
    missing="keep",  # a field that the hash lacks leaves its column alone
    expired="delete",  # a key that expires takes its row with it
)
