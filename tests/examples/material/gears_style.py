# Written as recipes for RedisGears are: names from rgsync, everything by keyword, GB without an import.
from rgsync import RGWriteBehind, RGWriteThrough
from rgsync.Connectors import PostgresConnection, PostgresConnector

connection = PostgresConnection("wb", "wb", "localhost:5432/wb")

personsConnector = PostgresConnector(connection, "persons", "person_id")

personsMappings = {
    "first_name": "first",
    "last_name": "last",
    "age": "age",
    "_internal": "internal",
}

RGWriteBehind(
    GB,
    keysPrefix="person",
    mappings=personsMappings,
    connector=personsConnector,
    name="PersonsWriteBehind",
    version="99.99.99",
    onFailedRetryInterval=1,
    batch=10,
    duration=50,
    eventTypes=["hset", "hmset", "del", "change"],
)
