"""A server that speaks MongoDB's protocol, for tests: mongo-java-server, which Maven brings. `WB_MONGODB` names a real one instead."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, bring_by_maven
from writebehind.testing import Server

VERSION = "1.47.0"
POM = f"""<project><modelVersion>4.0.0</modelVersion><groupId>wb</groupId><artifactId>mongo</artifactId><version>1</version><dependencies>
<dependency><groupId>de.bwaldvogel</groupId><artifactId>mongo-java-server</artifactId><version>{VERSION}</version></dependency>
</dependencies></project>"""


def jars() -> Path:
    """The folder with its jars, brought by Maven once; skips where that can't be."""
    folder = Path.home() / ".cache" / "writebehind" / f"mongo-java-server-{VERSION}"
    if shutil.which("java") is None:
        pytest.skip("mongo-java-server needs Java; or set WB_MONGODB to the URL of a MongoDB server")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pom.xml").write_text(POM)
    copy = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}")
    bring_by_maven(folder / "done", "mongo-java-server", *copy, cwd=folder)
    (folder / "done").touch()  # a Maven that was killed leaves half of the jars
    return folder


class MongoServer(Server):
    """It has unique indexes and bulk writes; neither transactions nor logins nor validators. Its data die with it."""

    program = "mongo-java-server"

    def __init__(self) -> None:
        self.jars = jars()
        super().__init__()

    def command(self) -> list[str]:
        # A process of its own: a Java machine in the tests' process would take its signals.
        return ["env", f"PYTHONPATH={os.pathsep.join([str(ROOT), *sys.path])}", sys.executable, "-m", __name__, str(self.jars), str(self.port)]

    def ready(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/?directConnection=true"


def serve(folder: str, port: int) -> None:
    import jpype

    jpype.startJVM("-Xrs", classpath=[str(jar) for jar in Path(folder).glob("*.jar")], convertStrings=True)

    @jpype.JImplements("de.bwaldvogel.mongo.MongoVersion")
    class NewEnough:
        """What today's drivers talk to."""

        @jpype.JOverride
        def getVersionArray(self):  # type: ignore[no-untyped-def]
            return jpype.JClass("java.util.Arrays").asList(5, 0, 0)

        @jpype.JOverride
        def getWireVersion(self):  # type: ignore[no-untyped-def]
            return jpype.JInt(13)

        @jpype.JOverride
        def toVersionString(self):  # type: ignore[no-untyped-def]
            return "5.0.0"

    backend = jpype.JClass("de.bwaldvogel.mongo.backend.memory.MemoryBackend")()
    backend.version(NewEnough())
    jpype.JClass("de.bwaldvogel.mongo.MongoServer")(backend).bind("127.0.0.1", port)
    jpype.JClass("java.lang.Thread").currentThread().join()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
