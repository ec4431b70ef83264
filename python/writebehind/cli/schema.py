"""`writebehind schema`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(epilog="\b\nExample:\n  writebehind schema recipe.py | psql mydb")
@click.argument("recipes", metavar="RECIPE.py...", nargs=-1, required=True, type=click.Path(path_type=Path))
def schema(recipes: tuple[Path, ...]) -> None:
    """Prints CREATE TABLE statements for the mappings of recipes, and for their exactly-once tables.

    All mapped columns are text: a draft to refine. No database is asked.
    """
    from writebehind import _core
    from writebehind.cli.script import load_recipes
    from writebehind.definition import to_json
    from writebehind.log import Log

    printed: set[str] = set()
    for pipeline in load_recipes(recipes, Log(is_plain=True).warning):
        connector = pipeline.connector
        own = getattr(connector, "schema_sql", None)
        if own is not None:
            keys = [key.column for key in pipeline.key_columns]
            statements = own(keys, [column for column in pipeline.mapping.values() if column not in keys])
        elif connector.kind in _core.sink_kinds():
            statements = _core.schema_sql(connector.kind, to_json(pipeline.definition()), connector.exactlyOnceTableName or "")
        else:
            continue  # a target without tables that we could make
        for statement in statements:
            text = statement.rstrip().rstrip(";")
            if text not in printed:
                printed.add(text)
                click.echo(f"{text};")
