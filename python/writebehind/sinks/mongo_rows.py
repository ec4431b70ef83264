"""Rows → MongoDB's operations, and which of its errors are a row's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from writebehind.errors import RefusedRow
from writebehind.sinks.base import Plan, Row

MESSAGE_LENGTH = 500
LIMIT = 16 << 20
"""The bytes of a document: the same in every MongoDB since 1.8."""
LIMIT_STATEMENT = LIMIT + (16 << 10) - 256
"""Of an operation with its filter: what MongoDB allows beyond a document, less what the driver sets around it."""
_ROOM = 1 << 20
"""What cells may have around them in an operation, names apart, by far; what comes closer to the limit is measured."""

DUPLICATE_KEY = 11000
_CONSTRAINTS = {DUPLICATE_KEY, 11001, 121}  # a duplicate key, in old words too; a validator
_DATA = {
    10334,  # BSONObjectTooLarge
    17419,  # the document would be too large after the update
    17420,  # … and after an upsert
    17280,  # KeyTooLong for an index (before 4.2)
    66,  # ImmutableField: the value is part of a shard key
    16755,  # Can't extract geo keys
    28,  # PathNotViable
}


def operation(plan: Plan, row: Row) -> Any:
    """The one operation that a row is. In an upsert the key's member is set too, or a row without fields would be an empty update."""
    from pymongo import DeleteMany, ReplaceOne, UpdateOne

    is_delete, replaces, cells, _, _ = row
    key = {name: _value(cell) for (name, _, _), cell in zip(plan.keys, cells, strict=False)}
    if is_delete:
        return DeleteMany(key)
    given = list(zip((name for name, _, _ in plan.columns), cells[len(plan.keys) :], strict=True))
    members = key | {name: _value(cell) for name, cell in given if cell is not None and cell is not ...}
    if replaces:
        return ReplaceOne(key, members, upsert=True)
    update = {"$set": members}
    if gone := {name: "" for name, cell in given if cell is None}:
        update["$unset"] = gone
    return UpdateOne(key, update, upsert=True)


def too_large(plan: Plan, row: Row) -> RefusedRow | None:
    """The refusal of a row that MongoDB can't take for its size: it would refuse the whole batch, or hang up."""
    import bson

    is_delete, replaces, cells, _, _ = row
    keys = cells[: len(plan.keys)]
    # The key is in the filter too. No letter has more than four bytes.
    if (
        sum(len(cell) if isinstance(cell, bytes) else 4 * len(cell) for cell in (*keys, *cells) if isinstance(cell, str | bytes))
        < LIMIT - _ROOM
    ):
        return None
    columns = [*plan.keys, *plan.columns]
    members = {name: _value(cell) for (name, _, _), cell in zip(columns, cells, strict=False) if isinstance(cell, str | bytes)}
    document = {} if is_delete else members if "_id" in members else {"_id": bson.ObjectId(), **members}
    key = {name: members[name] for name, _, _ in plan.keys}
    gone = {name: "" for (name, _, _), cell in zip(columns, cells, strict=False) if cell is None}
    update = {} if is_delete else members if replaces else {"$set": members, "$unset": gone}
    size, whole = (len(bson.encode(one)) for one in (document, {"q": key, "u": update}))
    if size > LIMIT:
        reason = f"the document would have {size} bytes, of {LIMIT} that MongoDB takes"
    elif whole > LIMIT_STATEMENT:
        reason = f"the document with its key once more, as it is sent, would have {whole} bytes, of {LIMIT_STATEMENT} that MongoDB takes"
    else:
        return None
    return RefusedRow(-1, reason, column=max(members, key=lambda member: len(members[member])))


def refusal(error: Mapping[str, Any], plan: Plan) -> RefusedRow | None:
    """The refusal that one of a batch's `writeErrors` is; None: another fault, of which no row is to blame."""
    code = error.get("code")
    if code not in _DATA and code not in _CONSTRAINTS:
        return None
    names = list(error.get("keyPattern") or ())
    keys = [name for name, _, _ in plan.keys]
    if code == DUPLICATE_KEY and names == keys:
        return None  # two upserts of one key met; the second time it is an update
    mapped = {name for name, _, _ in (*plan.keys, *plan.columns)}
    column = next((name for name in names if name in mapped), "")
    reason = said(error.get("errmsg"))
    # Of a duplicate key all but the key: the collection and the index.
    cause = reason.partition(" dup key")[0] if code in _CONSTRAINTS else f"error {code}"
    return RefusedRow(int(error.get("index", 0)), reason, column=column, is_constraint=code in _CONSTRAINTS, cause=cause)


def said(text: Any) -> str:
    """A message in one line."""
    return " ".join(str(text).split())[:MESSAGE_LENGTH]


def shown(plan: Plan) -> list[str]:
    """The operations of a plan, for --dry-run."""
    key = {name: "<key>" for name, _, _ in plan.keys}
    members = key | {name: "<value>" for name, _, _ in plan.columns}
    collection = _collection(plan.table)
    upsert = f"{collection}.updateOne({_js(key)}, {_js({'$set': members})}, {_js({'upsert': True})})"
    return [upsert, f"{collection}.deleteMany({_js(key)})"]


def create_index(collection: str, pk: str) -> str:
    """The unique index that upserts need."""
    return f"{_collection(collection)}.createIndex({_js({pk: 1})}, {_js({'unique': True})})"


def _collection(name: str) -> str:
    return f"db.getCollection({_js(name)})"


def _js(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _value(cell: Any) -> Any:
    if not isinstance(cell, bytes):
        return cell
    try:
        return cell.decode()
    except UnicodeDecodeError:
        return cell  # as binary
