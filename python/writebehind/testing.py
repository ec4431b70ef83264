"""Private servers for tests, demos and notebooks: each on a free loopback port, in a temporary directory, ended by its pid.

Every class is a context manager. ``start`` returns when the server answers; ``kill`` is SIGKILL, and ``start`` after it is a crash
recovery on the same port and data. Servers that refuse to run as root are started as their own user.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on at this moment; for a server of one's own, `reserved_port` is safer."""
    with reserved_port() as held:
        return int(held.getsockname()[1])


def reserved_port() -> socket.socket:
    """A socket that is bound to a free TCP port of 127.0.0.1 and doesn't listen.

    Until it is closed the system gives the port to nobody who asks for any port, nor to an outgoing connection; a server that names it may
    listen on it (with SO_REUSEADDR, which servers set), end, and listen again.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


def wait_until(condition: Callable[[], object], seconds: float = 30.0, what: str = "the condition") -> None:
    """Polls until `condition` is true; an exception in it counts as false.

    Raises:
        TimeoutError: names `what` and the last exception.
    """
    deadline = time.monotonic() + seconds
    last: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if condition():
                return
            last = None
        except Exception as error:  # noqa: BLE001 - a server that starts may fail in any way
            last = error
        time.sleep(0.01)
    raise TimeoutError(f"{what} did not come true within {seconds} s" + (f" (last error: {last})" if last else ""))


class Server:
    """A child process with a port and a directory of its own."""

    program: str
    user: str | None = None  # to run as, where we are root

    def __init__(self, *arguments: str) -> None:
        self.arguments = list(arguments)
        self._held: list[socket.socket] = []
        self.port = self.reserve_port()
        self.directory = Path(tempfile.mkdtemp(prefix="writebehind-"))
        self.process: subprocess.Popen[bytes] | None = None
        self._initialised = False

    def reserve_port(self) -> int:
        """A further port that is this server's own until `close`, also while it is down."""
        self._held.append(reserved_port())
        return int(self._held[-1].getsockname()[1])

    def _drop(self) -> dict[str, object]:
        if self.user is None or os.geteuid() != 0:
            return {}
        entry = pwd.getpwnam(self.user)
        for path in [self.directory, *self.directory.rglob("*")]:
            os.chown(path, entry.pw_uid, entry.pw_gid)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def _find(self, program: str, *places: str) -> str:
        found = shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", *places]))
        if found is None:
            raise FileNotFoundError(f"{program} is not installed")
        return found

    def _run(self, *command: str, **options: object) -> None:
        done = subprocess.run(  # type: ignore[call-overload]
            command, capture_output=True, cwd=self.directory, **{**self._drop(), **options}
        )
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]} failed: {done.stderr.decode(errors='replace')[-2000:]}")

    def initialise(self) -> None:
        """Makes the data directory, once."""

    def command(self) -> list[str]:
        raise NotImplementedError

    def ready(self) -> bool:
        raise NotImplementedError

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def start(self) -> Self:
        """Starts the server and returns when it answers; where it runs already, this does nothing.

        One whose first start fails is closed: nobody holds it.
        """
        if self.process is not None and self.process.poll() is None:
            return self
        first = self.process is None
        try:
            self._launch()
        except BaseException:
            if first:
                self.close()
            raise
        return self

    def _launch(self) -> None:
        if not self._initialised:
            self.initialise()
            self._initialised = True
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(  # type: ignore[call-overload]
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory, start_new_session=True, **self._drop()
            )

        def up() -> bool:
            return self.process is None or self.process.poll() is not None or self.ready()

        wait_until(up, 60, f"{self.program} on port {self.port}")
        if self.process is None or self.process.poll() is not None:
            raise ChildProcessError(f"{self.program} ended while starting: {self.log[-2000:]}")

    @property
    def pid(self) -> int:
        assert self.process is not None, "not started"
        return int(self.process.pid)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, and its children's too (PostgreSQL has some); the data stay."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self) -> None:
        """A clean shutdown; the data stay."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT if self.program == "postgres" else signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def close(self) -> None:
        self.kill()
        for held in self._held:
            held.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class RedisServer(Server):
    """redis-server (or the program `server` names), without persistence unless `arguments` ask for it.

    Args:
        arguments: redis-server's own, e.g. ``"--appendonly", "yes"``; a cluster's node gets a port for its bus too.
        module: path of a module to load; None: none.
        server: the program, a name or a path; None (the default): WB_REDIS_SERVER, or else redis-server, or else valkey-server.
    """

    program = "redis-server"
    programs = ("redis-server", "valkey-server")

    def __init__(self, *arguments: str, module: str | os.PathLike[str] | None = None, server: str | None = None) -> None:
        super().__init__(*arguments)
        if "--cluster-enabled" in arguments:
            self.arguments += ["--cluster-port", str(self.reserve_port())]
        self.module = module
        self.server = server or os.environ.get("WB_REDIS_SERVER") or next(filter(shutil.which, self.programs), self.program)

    def command(self) -> list[str]:
        base = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory), "--save", "", "--daemonize", "no"]
        debug = ["--enable-debug-command", "local", "--enable-module-command", "local"]
        module = ["--loadmodule", str(self.module)] if self.module else []
        return [self._find(self.server), *base, *debug, *module, *self.arguments]

    def ready(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), 1) as link:
            link.settimeout(1)
            link.sendall(b"PING\r\n")
            return link.recv(64).startswith((b"+PONG", b"-NOAUTH"))

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


class PostgresServer(Server):
    """PostgreSQL with user, password and database `wb`."""

    program = "postgres"
    user = "postgres"

    def _bin(self, program: str) -> str:
        return self._find(program, *(str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))

    def initialise(self) -> None:
        (self.directory / "pw").write_text("wb\n")
        auth = ["--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile", str(self.directory / "pw")]
        self._run(
            self._bin("initdb"), "-D", str(self.directory / "data"), "-U", "wb", *auth,
            "--locale=C", "--encoding=UTF8", "--no-sync", "--no-instructions",
        )  # fmt: skip
        self._run(self._bin("postgres"), "--single", "-D", str(self.directory / "data"), "postgres", input=b"CREATE DATABASE wb\n")

    def command(self) -> list[str]:
        (self.directory / "data" / "postmaster.pid").unlink(missing_ok=True)
        settings = ["-c", "listen_addresses=127.0.0.1", "-c", "jit=off", "-k", str(self.directory)]
        return [self._bin("postgres"), "-D", str(self.directory / "data"), "-p", str(self.port), *settings, *self.arguments]

    def ready(self) -> bool:
        ask = [self._bin("psql"), "-X", "-h", "127.0.0.1", "-p", str(self.port), "-U", "wb", "-d", "wb", "-tAc", "select 1"]
        return subprocess.run(ask, capture_output=True, env={**os.environ, "PGPASSWORD": "wb"}).returncode == 0

    @property
    def url(self) -> str:
        return f"postgresql://wb:wb@127.0.0.1:{self.port}/wb"


class MariaDBServer(Server):
    """MariaDB with user, password and database `wb`."""

    program = "mariadbd"
    user = "mysql"

    def initialise(self) -> None:
        # As the user, so that mariadb-install-db makes nothing that the server can't read. Temporary tables are named
        # after the process: in a directory shared by containers, two servers would take each other's.
        self._run(
            self._find("mariadb-install-db"), "--no-defaults", f"--datadir={self.directory / 'data'}", f"--tmpdir={self.directory}",
            "--auth-root-authentication-method=normal", "--skip-test-db",
        )  # fmt: skip
        (self.directory / "init.sql").write_text(
            "CREATE DATABASE IF NOT EXISTS wb CHARACTER SET utf8mb4;\n"
            "CREATE USER IF NOT EXISTS wb@'%' IDENTIFIED BY 'wb';\n"
            "GRANT ALL ON *.* TO wb@'%' WITH GRANT OPTION;\n"
        )

    def command(self) -> list[str]:
        return [
            self._find("mariadbd"), "--no-defaults", f"--datadir={self.directory / 'data'}", f"--tmpdir={self.directory}",
            f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={self.directory / 's'}",
            f"--pid-file={self.directory / 'mariadbd.pid'}", f"--init-file={self.directory / 'init.sql'}",
            "--innodb-buffer-pool-size=128M", *self.arguments,
        ]  # fmt: skip

    def ready(self) -> bool:
        ask = [self._find("mariadb"), "--no-defaults", "-uwb", "-pwb", "-h127.0.0.1", f"-P{self.port}", "-e", "select 1", "wb"]
        return subprocess.run(ask, capture_output=True).returncode == 0

    @property
    def url(self) -> str:
        return f"mysql://wb:wb@127.0.0.1:{self.port}/wb"
