"""Known holes of rgsync, by their numbers below: for each the test that fails where writebehind has it too.

What went wrong there:

 1. The exactly-once table, used as documented, stopped MySQL, PostgreSQL, SQLite and Cassandra for ever: no row was written.
 2. On SQL Server the exactly-once statement named the columns of the data.
 3. With exactly once, Oracle, Snowflake, DB2 and SQLite failed in every second batch.
 4. A batch whose first change was skipped as written, and whose next was of another kind, stuck for ever.
 5. Of a key with several colons the second word was the primary key, so that `person:eu:7` and `person:eu:8` shared a row.
 6. A hash without one of the mapped fields was never written; a NULL could not be.
 7. HINCRBY, HDEL, RENAME, COPY, RESTORE, expiry and more went by unseen, and so did most commands of JSON.
 8. To register again gave the stream a new name: what waited was lost, and the old stream stayed.
 9. To register `Thing` unregistered `SecondThing`; a recipe without a version could be registered once only.
10. Hashes could not go to MongoDB, and documents nowhere else.
11. Write-through of documents could not work at all.
12. A document with an apostrophe, or that is an array, stopped its stream for ever.
13. MongoDB's primary key was a number or a text, as the order of the fields had it: documents doubled.
14. Exactly once to MongoDB raised, and each batch opened a client of its own.
15. What was removed from a document stayed in MongoDB.
16. SQLite's INSERT OR REPLACE took the columns that are not mapped back to their defaults, and fired ON DELETE.
17. PostgreSQL got invalid SQL for a mapping with a `_` name, and for an empty one.
18. Names were not quoted, nor was the password in the address: `order`, `group` and `p@ss/1` broke it.
19. All values were texts: no NULL, no times, no booleans, no bytes.
20. A statement and a round trip for each row; n writes of a key were n upserts.
21. `+` and `-` without a uuid left a stream `{key}None` behind each write.
22. Keys with braces: `-` did not delete them, and write-through took the empty key.
23. Write-through lost the key's time to live.
24. A failover or a restart brought back the field `#`, and keys that `-` had deleted.
25. One row that the database refuses blocked all behind it; a stream grew without bound, and could be evicted.
26. SimpleHashConnector raised for every change, RedisConnector kept the fields that were removed.
27. Cassandra's batches had no bound, and the checkpoint stood outside of them; SQL Server's MERGE did not lock.
"""

from __future__ import annotations

NUMBERS = range(1, 28)

ELSEWHERE: dict[int, tuple[str, ...]] = {
    2: ("tests/sinks/test_sql_dialects.py::test_every_statement_parses", "tests/sinks/test_sql_dialects.py::test_on_h2"),
    3: ("tests/sinks/test_sql_once.py::test_nothing_is_lost_or_doubled_over_kills",),
    4: ("tests/sinks/test_sql_once.py::test_what_was_committed_is_skipped_though_the_next_differs",),
    7: ("tests/capture/test_commands.py", "tests/capture/test_expiry.py"),
    18: (
        "tests/sinks/test_sql.py::test_names_are_quoted_and_a_column_may_be_called_anything",
        "tests/sinks/test_sql_once.py::test_a_password_of_any_letters",
    ),
    24: ("tests/capture/test_operation_field.py::test_operations", "tests/capture/test_restart.py"),
    25: ("tests/capture/test_identity.py::test_an_evicted_stream_or_registry_comes_back",),
    26: (
        "tests/sinks/test_redis_target.py::test_hashes_follow",
        "tests/sinks/test_redis_target.py::test_the_same_redis",
        "tests/sinks/test_redis_target.py::test_a_cluster",
    ),
    27: ("tests/sinks/test_sql_dialects.py::test_the_merge_of_sql_server_locks_what_it_does_not_find",),
}
"""By number: tests of other names, files or functions, that show it."""

NOT_YET: dict[int, str] = {
    7: "its half of JSON comes with documents",
    10: "its half of JSON comes with documents",
    11: "comes with write-through",
    12: "comes with documents",
    22: "its half of write-through comes with write-through",
    23: "comes with write-through",
    25: "a bound for what waits comes with max_pending",
}
"""By number: what can't be tried before the feature that it is in."""
