"""No password shows in what the command line prints, logs, or leaves in Redis: where all goes well, and where anything goes wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conftest import Cli
from tests.security.conftest import World
from writebehind.testing import wait_until

SQL = ("postgres", "mariadb", "alchemy-postgres", "alchemy-mariadb")
KINDS = (*SQL, "redis")
FAIL = "def fail(record):\n    if record['key'].endswith(':3'): raise ValueError(connection, connector, record)\n    return record"


def ran(jobs: list[tuple[str, list[str | Path]]]) -> dict[str, str | bytes]:
    """The output of runs of the command line, a few at a time, by URL of Redis and arguments."""

    def run(job: tuple[str, list[str | Path]]) -> str:
        done = Cli(job[0])(*job[1])
        return f"{done.returncode}\n{done.stdout}\n{done.stderr}"

    with ThreadPoolExecutor(3) as pool:
        outputs = list(pool.map(run, jobs))
    return {f"{number}: {jobs[number][1][0]}": output for number, output in enumerate(outputs)}


def test_where_all_goes_well_and_then_nothing_does(world: World, script: Path, tmp_path: Path) -> None:
    for kind in KINDS:
        world.recipe(script, kind, before=FAIL if kind in SQL else "", options=", transform=fail" if kind in SQL else "")
    native = tmp_path / "native.py"
    for kind in SQL[:2]:
        world.recipe(native, kind)
    url, log, client = world.url(), tmp_path / "log", world.client
    process = Cli(url).start("run", script, "--log-level", "debug", log=log)
    try:
        wait_until(lambda: client.hlen("writebehind:registry") == len(KINDS), 30, "the registrations")
        with client.pipeline() as together:
            for kind in KINDS:
                for key, value in ((1, 1), (2, "no number"), (3, 3)):
                    together.hset(f"{kind}:{key}", mapping={"a": value, "#": f"=u{key}"})
            together.execute()
        wait_until(lambda: all(client.xlen(f"writebehind:{{{kind}}}:rejected") == 2 for kind in SQL), 30, "the rejections")
        texts = ran([(url, list(words)) for words in verbs(script, native)])
        failed = [str(text) for text in texts.values() if not str(text).startswith("0\n")]
        assert len(failed) == 1 and "would be rejected" in failed[0], failed  # verify: there is what was rejected
        texts["the process list"] = Path(f"/proc/{process.pid}/cmdline").read_bytes()

        texts |= ran([(url, ["resume", "redis"])])

        wrong = world.hidden["wrong"].text
        world.set_passwords(wrong, wrong)
        client.execute_command("ACL", "SETUSER", "default", "resetpass", f">{wrong}")
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")  # the copies' connection too
        for kind in KINDS:
            client.hset(f"{kind}:4", "a", 4)
        for part in ("password authentication failed", "Access denied", "can't sign in to postgresql", "can't sign in to mysql"):
            wait_until(lambda part=part: part in log.read_text(), 30, part)
        wait_until(lambda: "refuses the login of the default user" in log.read_text(), 30, "the refusal of the copies' Redis")

        def is_told() -> bool:
            texts["status where it retries"] = repr(ran([(url, ["status"]), (url, ["status", "--json"])]))
            return "password authentication failed" in str(texts["status where it retries"])

        wait_until(is_told, 30, "the same from `status`")
        client.execute_command("ACL", "SETUSER", "engine", "resetpass", f">{wrong}")
        client.execute_command("CLIENT", "KILL", "USER", "engine")
        wait_until(lambda: "refuses the login of user 'engine'" in log.read_text(), 30, "the refusal of Redis")
    finally:
        process.terminate()
        process.communicate(timeout=20)
        for user, name in (("default", "redis"), ("engine", "engine")):
            client.execute_command("ACL", "SETUSER", user, "resetpass", f">{world.hidden[name].text}")
        world.set_passwords(world.hidden["postgres"].text, world.hidden["mariadb"].text)
    assert process.returncode == 0
    texts["the log"] = log.read_text()
    texts |= ran([(world.sentinel_url(), ["run", script, "--once", "--log-format", "json", "--log-level", "debug"])])
    texts |= ran([(world.sentinel_url(), ["status", "--json"]), (url, ["unregister", "redis", "--drop"])])
    assert all(int(client.hget(f"copy:{key}", "a")) == key for key in (1, 4))
    assert world.leaks(texts) == []


def verbs(script: Path, native: Path) -> list[list[str | Path]]:
    """What an operator may call while all goes well."""
    return [
        ["status"],
        ["status", "--json"],
        ["configure"],
        ["schema", script],
        ["run", script, "--dry-run"],
        ["verify", native, "--repair"],
        ["backfill", "postgres"],
        ["backfill", native],
        ["pause", "redis"],
        ["rejected", "list", "alchemy-mariadb", "--json"],
        ["rejected", "list", "mariadb"],
        ["rejected", "retry", "postgres"],
        ["rejected", "drop", "mariadb", "--all"],
    ]


def wrong_recipes(world: World) -> list[tuple[str, str, str, str]]:
    """What is said of it, the kind of target, its connection's source, and what stands before the declaration."""
    wrong = world.hidden["wrong"]
    connection, postgres, mariadb = world.connection, world.hidden["postgres"], world.hidden["mariadb"]
    said = {"postgres": "password authentication failed", "mariadb": "Access denied", "redis": "refuses the login"}
    rows = [(said[kind.rpartition("-")[2]], kind, connection(kind, wrong), "") for kind in KINDS]
    rows += [("nope", kind, connection(kind, database="nope"), "") for kind in SQL[:2]]
    rows += [
        ("SSL was required", "postgres", connection("postgres", options="?sslmode=require"), ""),
        ("no_option", "alchemy-mariadb", connection("alchemy-mariadb", options="?no_option=1"), ""),
        ("TLS is required", "mariadb", connection("mariadb", options=", ssl_required=True"), ""),
        ("SSL is required", "mariadb", connection("mariadb", options=", ssl_ca='/nowhere'"), ""),
        # The login where it does not belong, escaped and not; a URL that is none.
        ("'@' before", "postgres", f"PostgresConnection('u', 'p', 'hidden:{postgres.encoded}@h/wb')", ""),
        ("'@' before", "mariadb", f"MySqlConnection('u', 'p', 'hidden:{mariadb.words[0]}@h/wb')", ""),
        ("not served", "mariadb", f"MySqlConnection('u', 'p', 'hidden:?' + {mariadb.text!r} + '@h/wb')", ""),
        ("not host:port", "postgres", f"PostgresConnection('u', 'p', 'postgresql://hidden:{postgres.encoded}@h/wb')", ""),
        ("no URL", "alchemy-postgres", f"SQLAlchemyConnection('postgresql+psycopg2://hidden:' + {postgres.text!r} + '@h/wb')", ""),
        # Code of a recipe that fails, in a line that holds a password, or with one in its message.
        ("ZeroDivisionError", "postgres", f"PostgresConnection('u', lambda: {{1: {postgres.text!r}}}[1/0], 'h/wb')", ""),
        ("KeyError", "postgres", f"PostgresConnection('u', lambda: {{}}[{postgres.text!r}], 'h/wb')", ""),
        ("RuntimeError", "postgres", "", "raise RuntimeError(connection, connector, GB)"),
        ("SyntaxError", "postgres", "", f"x = {postgres.text!r} +"),
        ("NameError", "postgres", "", f"x = nothing({postgres.text!r})"),
        ("postgresql://***@h/wb", "postgres", "", f"raise ValueError('postgresql://u:{postgres.encoded}@h/wb')"),
        ("ended the run: SystemExit", "postgres", f"PostgresConnection('u', lambda: exit(bool({postgres.text!r})), 'h/wb')", ""),
    ]
    return rows


def wrong_urls(world: World) -> list[tuple[str, str, list[str | Path]]]:
    """What is said of it, the URL, and what is called."""
    wrong, own = world.hidden["wrong"], world.hidden["sentinel"]
    status: list[str | Path] = ["status"]
    return [
        ("refuses the login of user 'engine'", world.url(f"engine:{wrong.encoded}"), status),
        ("refuses the login of the default user", world.url(f":{wrong.encoded}"), status),
        ("refuses the login of user 'nobody'", world.sentinel_url(f"nobody:{wrong.encoded}"), status),
        ("invalid username-password pair", world.sentinel_url(own=wrong.encoded), status),
        ("does not speak TLS", world.url(scheme="rediss"), status),
        ("no Sentinel", world.sentinel_url(scheme="rediss+sentinel"), status),
        ("no Redis URL scheme", world.url(scheme="http"), status),
        ("not a number", world.url().partition("@")[0], status),
        ("can't be reached", world.url().replace(str(world.server.port), str(world.nobody)), status),
        ("before its '@'", world.sentinel_url(own=own.text), status),
        # An argument in the wrong place.
        ("unexpected extra argument (redis://***@", world.url(), ["status", world.url()]),
        ("No such command 'redis://***@", world.url(), [world.url()]),
        ("***@", world.url(), ["run", world.url()]),
        ("***@", world.url(), ["backfill", world.url()]),
    ]


def unreachable(world: World, path: Path) -> Path:
    """A recipe of what may come right by itself: it is warned of, and runs."""
    for kind in KINDS:
        world.recipe(path, kind, world.connection(kind, port=world.nobody), name=f"nobody-{kind}")
    for number, options in enumerate(("?sslmode=require", "?no_option=1")):
        world.recipe(path, "alchemy-postgres", world.connection("alchemy-postgres", options=options), name=f"wrong-{number}")
    return path


def test_what_is_wrong_at_the_start(world: World, tmp_path: Path) -> None:
    said, jobs = [], []
    for number, (text, kind, connection, before) in enumerate(wrong_recipes(world)):
        recipe = world.recipe(tmp_path / f"r{number}.py", kind, connection, before, name=f"p{number}")
        said.append(text)
        jobs.append((world.url(), ["run", recipe, "--once", "--log-level", "debug", "--log-format", ("text", "json")[number % 2]]))
    for text, url, words in wrong_urls(world):
        said.append(text)
        jobs.append((url, words))
    said.append("")
    jobs.append((world.url(), ["run", unreachable(world, tmp_path / "unreachable.py"), "--once"]))
    texts = ran(jobs)
    refused = ("Connection refused", "SSL was required", 'invalid connection option "no_option"', "Can't connect to")
    said += [part for part in refused if part not in str(list(texts.values())[-1])]
    missing = [f"{text!r} in {output}" for text, output in zip(said, texts.values(), strict=True) if text not in str(output)]
    assert missing == []
    assert [output for output in texts.values() if "Traceback" in str(output) or (str(output).startswith("0\n") and "wait in" not in str(output))] == []
    assert world.leaks(texts) == []
