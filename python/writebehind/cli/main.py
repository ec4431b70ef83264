"""`writebehind`: finds the verb, and turns what it raises into a message and an exit status.

Results go to stdout, messages to stderr. Exit status 0: good, 1: failed, 2: wrong usage or configuration.
"""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import NoReturn

import click

from writebehind.cli.options import exit_status
from writebehind.errors import WritebehindError
from writebehind.log import Log, without_logins
from writebehind.version import __version__

_PACKAGE = str(Path(__file__).resolve().parents[1]) + os.sep

# Verb, its module and its line of help: listed here, so that `--help` loads none of them.
VERBS = {
    "demo": ("demo", "Shows it all on a private Redis and a SQLite file; leaves nothing behind."),
    "run": ("run", "Runs recipes in the foreground."),
    "configure": ("configure", "Loads the module into Redis, or says how; checks the server."),
    "status": ("status", "Shows the pipelines, what waits, and the engines."),
    "rejected": ("rejected", "Lists, retries or drops changes that the target refused."),
    "pause": ("pause", "Pauses writing; changes go on being captured."),
    "resume": ("pause", "Ends a pause."),
    "unregister": ("unregister", "Ends the capture of a pipeline."),
    "backfill": ("backfill", "Captures the keys that are there already."),
    "verify": ("verify", "Compares Redis and the tables; mends what differs."),
    "schema": ("schema", "Prints CREATE TABLE statements for recipes."),
    "module-path": ("module_path", "Prints the path of writebehind.so, for loadmodule."),
    "completion": ("completion", "Prints the completion script of a shell."),
}

EPILOG = """\b
Examples:
  writebehind demo
  writebehind configure --redis redis://127.0.0.1:6379
  writebehind run recipe.py
  writebehind status
"""


class Verbs(click.Group):
    """A group that imports a verb's module when the verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = import_module(f"writebehind.cli.{VERBS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, text) for verb, (_, text) in VERBS.items()])


@click.group(cls=Verbs, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="writebehind")
def main() -> None:
    """Write-behind from Redis and Valkey to SQL databases.

    \b
    The server is named by --redis or the environment's WRITEBEHIND_REDIS:
    redis://[user:password@]host:port/db, for TLS rediss://[…]host:port/db?ssl_ca_certs=FILE,
    by Sentinel redis+sentinel://[…]host:port,host:port/service/db
    """


def run_main() -> NoReturn:
    """The console script."""
    sys.excepthook = show_unforeseen
    sys.exit(_status())


def show_unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody foresaw: as Python shows it, but without the lines of a recipe, which may hold a password."""
    shown = traceback.TracebackException(kind, error, trace)
    part: traceback.TracebackException | None = shown
    while part is not None:
        part.stack = traceback.StackSummary.from_list(
            [(*frame[:3], None if frame.filename.startswith(_PACKAGE) else "") for frame in part.stack]
        )
        part = part.__cause__ or part.__context__
    sys.stderr.writelines(without_logins(line) for line in shown.format())


def _status() -> int:
    try:
        result = main.main(prog_name="writebehind", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.message = without_logins(error.message)  # type: ignore[misc] # an argument in the wrong place may be a URL
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        return 1
    except WritebehindError as error:
        Log(is_plain=True).failure(error)
        return exit_status(error)
    except BrokenPipeError:
        # Whoever read our results has seen enough (`| head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return result if isinstance(result, int) else 0
