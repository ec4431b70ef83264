"""Without a cluster: whose fault an error of Cassandra is, which times changes get, and what a connect that fails says."""

from __future__ import annotations

import pytest

from writebehind.connectors import CqlConnection
from writebehind.errors import ConfigError, TargetUnavailable, WritebehindError
from writebehind.sinks.cassandra_cql import timestamp_of
from writebehind.sinks.cassandra_times import Stamps
from writebehind.testing import free_port

cassandra = pytest.importorskip("cassandra")
pytest.importorskip("cassandra.cluster")


def invalid(text: str) -> Exception:
    return cassandra.InvalidRequest(f'Error from server: code=2200 [Invalid query] message="{text}"')  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (invalid("Key may not be empty"), "Key may not be empty"),
        (invalid("Key length of 70000 is longer than maximum of 65535"), "longer than maximum"),
        (invalid("CQL Message of size 5000093 bytes exceeds allowed maximum of 4194304 bytes"), "exceeds allowed maximum"),
        (invalid("Encountered an oversized mutation (20000000/16777216) for keyspace: wb"), "oversized"),
        (invalid("Invalid version for TimeUUID type: 0x5"), "TimeUUID"),
        (invalid("Unable to convert '1hh' to a duration"), "duration"),
        (invalid("Guardrail column_value_size violated: Value of column t has size 2MiB"), "column_value_size"),
        (cassandra.FunctionFailure("failed", "wb", "fromjson", ["text"]), ""),
        (invalid("Guardrail write_consistency_levels violated: LOCAL_QUORUM is not allowed"), None),
        (invalid("Undefined column name t in table wb.p"), None),
        (invalid("table p does not exist"), None),
        (invalid("unconfigured table p"), None),
        (cassandra.Unauthorized("User u has no MODIFY permission on <table wb.p>"), None),
        (cassandra.WriteTimeout("Operation timed out", consistency=6, write_type=0), None),
        (cassandra.OperationTimedOut(), None),
    ],
)
def test_which_errors_are_a_rows_own(error: Exception, reason: str | None) -> None:
    from writebehind.sinks.cassandra_errors import refusal

    found = refusal(error)
    assert (found is None) == (reason is None)
    assert reason is None or reason in str(found)


def test_the_cause_is_the_same_for_every_row() -> None:
    from writebehind.sinks.cassandra_errors import cause, refusal

    for one, other in (("Key length of 70000 is longer than maximum of 65535", "Key length of 80000 is longer than maximum of 65535"),
                       ("Unable to convert '1hh' to a duration", "Unable to convert 'x' to a duration")):  # fmt: skip
        causes = {cause(str(refusal(invalid(text)))) for text in (one, other)}
        assert len(causes) == 1, causes
    assert cause("Key may not be empty") == "Key may not be empty"


def test_what_becomes_of_the_others() -> None:
    from cassandra.cluster import NoHostAvailable

    from writebehind.sinks.cassandra_errors import raised

    login = cassandra.AuthenticationFailed('Failed to authenticate to h: code=0100 [Bad credentials] message="Provided username u is incorrect"')
    for error, kind, text in (
        (NoHostAvailable("Unable to connect", {"h": login}), ConfigError, "can't sign in to cassandra h: Provided username u"),
        (NoHostAvailable("Unable to connect", {"h": login, "i": OSError("refused")}), TargetUnavailable, "cassandra h"),
        (NoHostAvailable("Unable to connect", {}), TargetUnavailable, "Unable to connect"),
        (cassandra.OperationTimedOut(), TargetUnavailable, "no answer in time"),
        (cassandra.Unavailable("Cannot achieve", consistency=6, required_replicas=2, alive_replicas=1), WritebehindError, "Cannot achieve"),
        (invalid("table p does not exist"), WritebehindError, "table p does not exist"),
    ):
        made = raised(error, "cassandra h")
        assert type(made) is kind
        assert text in str(made)


def test_a_cluster_that_nobody_finds() -> None:
    from writebehind.sinks.cassandra import CassandraSink

    for host, port in (("127.0.0.1", free_port()), ("no-such-host.invalid", 9042)):
        with pytest.raises(TargetUnavailable, match=host):
            CassandraSink(CqlConnection("u", "hidden", host, "k", port=port)).open()


def test_times_grow_with_the_changes() -> None:
    assert timestamp_of("1700000000000-7") == 1_700_000_000_000_007
    stamps = Stamps()

    def batch(*ids: str) -> list[int]:
        made = [stamps.of(id) for id in ids]
        stamps.written(ids)
        return made

    assert batch("5-0", "5-1") == [5000, 5001]
    assert batch("5-2") == [5002]
    assert batch("5-0", "5-2", "6-0") == [5000, 5002, 6000], "what comes again has the time it had"
    assert batch("6-4000") == [10_000], "the clock stepped back"
    assert [stamps.of("7-0"), stamps.of("7-0")] == [10_001, 10_001], "not written yet: the same when it is tried again"
    assert batch("7-0", "11-0") == [10_001, 11_000]
    assert batch("11-1") == [11_001]
