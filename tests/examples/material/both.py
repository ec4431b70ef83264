# Both halves in one file, as the examples that came with rgsync have them: what is written behind, and what is written through.
from rgsync import RGWriteBehind, RGWriteThrough
from rgsync.Connectors import MySqlConnection, MySqlConnector

connection = MySqlConnection("somebody", "secret", "localhost:3306/test")

persons = MySqlConnector(connection, "persons", "person_id")

mappings = {
    "first_name": "first",
    "last_name": "last",
    "age": "age",
}

RGWriteBehind(
    GB, keysPrefix="person", mappings=mappings, connector=persons, name="PersonsWriteBehind", version="99.99.99"
)

RGWriteThrough(GB, keysPrefix="__", mappings=mappings, connector=persons, name="PersonsWriteThrough", version="99.99.99")
