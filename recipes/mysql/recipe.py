"""Hashes person:<id> to a table of MySQL or MariaDB, written by four connections."""

import os

from writebehind import RGWriteBehind
from writebehind.connectors import MySqlConnection, MySqlConnector

connection = MySqlConnection(
    user=os.environ.get("RECIPE_USER", "wb"),
    passwd=lambda: os.environ["RECIPE_PASSWORD"],
    db=os.environ.get("RECIPE_DB", "127.0.0.1:3306/wb"),
)

RGWriteBehind(
    GB,
    keysPrefix="person",
    mappings={"first_name": "first", "last_name": "last", "age": "age"},
    connector=MySqlConnector(connection, "persons", "person_id", exactlyOnceTableName="writebehind_once"),
    name="persons",
    version="1.0.0",
    writers=4,
)
