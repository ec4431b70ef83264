"""Tables on stdout, for people."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def new_table() -> Table:
    """A plain table with a line under its head."""
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)


def print_table(table: Table) -> None:
    """Prints it; to a pipe, without breaking lines at a width that nobody sees."""
    from rich.console import Console

    console = Console() if sys.stdout.isatty() else Console(width=2000)
    console.print(table)
