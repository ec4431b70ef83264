"""Rows as in command_table.py: what becomes of captured keys that are no hash, and which commands touch no key."""

from __future__ import annotations

from tests.capture.command_table import Row

# No hash, no row: a captured key of another type has every change captured as a delete. Over a hash these commands fail.
OTHER_TYPES = [
    Row("append", "", "APPEND person:9 x", "d 9"),
    Row("bitfield", "", "BITFIELD person:9 SET u8 0 255", "d 9"),
    Row("decr", "", "DECR person:9", "d 9"),
    Row("decrby", "", "DECRBY person:9 2", "d 9"),
    Row("getdel", "SET person:9 x", "GETDEL person:9", "d 9"),
    Row("getex", "SET person:9 x", "GETEX person:9 EX 1000", ""),
    Row("getset", "", "GETSET person:9 x", "d 9"),
    Row("incr", "", "INCR person:9", "d 9"),
    Row("incrby", "", "INCRBY person:9 2", "d 9"),
    Row("incrbyfloat", "", "INCRBYFLOAT person:9 0.5", "d 9"),
    Row("pfadd", "", "PFADD person:9 x", "d 9"),
    Row("pfmerge", "PFADD {s}1 x", "PFMERGE person:9 {s}1", "d 9"),
    Row("setbit", "", "SETBIT person:9 1 1", "d 9"),
    Row("setrange", "", "SETRANGE person:9 1 x", "d 9"),
    Row("blmove", "RPUSH {s}1 x", "BLMOVE {s}1 person:9 LEFT LEFT 1", "d 9"),
    Row("blmpop", "RPUSH person:9 x", "BLMPOP 1 1 person:9 LEFT", "d 9, d 9"),
    Row("blpop", "RPUSH person:9 x", "BLPOP person:9 1", "d 9, d 9"),
    Row("brpop", "RPUSH person:9 x y", "BRPOP person:9 1", "d 9"),
    Row("brpoplpush", "RPUSH person:9 x", "BRPOPLPUSH person:9 {s}1 1", "d 9, d 9"),
    Row("linsert", "RPUSH person:9 x", "LINSERT person:9 BEFORE x y", "d 9"),
    Row("lmove", "RPUSH {s}1 x", "LMOVE {s}1 person:9 LEFT LEFT", "d 9"),
    Row("lmove", "RPUSH person:9 x", "LMOVE person:9 {s}1 LEFT LEFT", "d 9, d 9"),
    Row("lmpop", "RPUSH person:9 x y", "LMPOP 1 person:9 LEFT", "d 9"),
    Row("lpop", "RPUSH person:9 x y", "LPOP person:9", "d 9"),
    Row("lpush", "", "LPUSH person:9 x", "d 9"),
    Row("lpushx", "RPUSH person:9 x", "LPUSHX person:9 x", "d 9"),
    Row("lrem", "RPUSH person:9 x", "LREM person:9 0 x", "d 9, d 9"),
    Row("lset", "RPUSH person:9 x", "LSET person:9 0 y", "d 9"),
    Row("ltrim", "RPUSH person:9 x y", "LTRIM person:9 0 0", "d 9"),
    Row("rpop", "RPUSH person:9 x", "RPOP person:9", "d 9, d 9"),
    Row("rpoplpush", "RPUSH {s}1 x", "RPOPLPUSH {s}1 person:9", "d 9"),
    Row("rpush", "", "RPUSH person:9 x", "d 9"),
    Row("rpushx", "RPUSH person:9 x", "RPUSHX person:9 x", "d 9"),
    Row("sadd", "", "SADD person:9 x", "d 9"),
    Row("smove", "SADD {s}1 x", "SMOVE {s}1 person:9 x", "d 9"),
    Row("spop", "SADD person:9 x y", "SPOP person:9", "d 9"),
    Row("spop", "SADD person:9 x", "SPOP person:9", "d 9, d 9"),
    Row("srem", "SADD person:9 x y", "SREM person:9 x", "d 9"),
    Row("bzmpop", "ZADD person:9 1 x 2 y", "BZMPOP 1 1 person:9 MIN", "d 9"),
    Row("bzpopmax", "ZADD person:9 1 x 2 y", "BZPOPMAX person:9 1", "d 9"),
    Row("bzpopmin", "ZADD person:9 1 x 2 y", "BZPOPMIN person:9 1", "d 9"),
    Row("geoadd", "", "GEOADD person:9 13 38 x", "d 9"),
    Row("zadd", "", "ZADD person:9 1 x", "d 9"),
    Row("zincrby", "", "ZINCRBY person:9 1 x", "d 9"),
    Row("zmpop", "ZADD person:9 1 x 2 y", "ZMPOP 1 person:9 MIN", "d 9"),
    Row("zpopmax", "ZADD person:9 1 x 2 y", "ZPOPMAX person:9", "d 9"),
    Row("zpopmin", "ZADD person:9 1 x 2 y", "ZPOPMIN person:9", "d 9"),
    Row("zrem", "ZADD person:9 1 x", "ZREM person:9 x", "d 9, d 9"),
    Row("zremrangebylex", "ZADD person:9 1 x 1 y", "ZREMRANGEBYLEX person:9 [x [x", "d 9"),
    Row("zremrangebyrank", "ZADD person:9 1 x 2 y", "ZREMRANGEBYRANK person:9 0 0", "d 9"),
    Row("zremrangebyscore", "ZADD person:9 1 x 2 y", "ZREMRANGEBYSCORE person:9 1 1", "d 9"),
    Row("xack", "XADD person:9 1 a b; XGROUP CREATE person:9 g 0; XREADGROUP GROUP g c STREAMS person:9 >", "XACK person:9 g 1", ""),
    Row("xadd", "", "XADD person:9 1 a b", "d 9"),
    Row("xautoclaim", "XADD person:9 1 a b; XGROUP CREATE person:9 g 0; XGROUP CREATECONSUMER person:9 g c", "XAUTOCLAIM person:9 g c 0 0", ""),
    Row("xclaim", "XADD person:9 1 a b; XGROUP CREATE person:9 g 0; XGROUP CREATECONSUMER person:9 g c", "XCLAIM person:9 g c 0 1", ""),
    Row("xdel", "XADD person:9 1 a b", "XDEL person:9 1", "d 9"),
    Row("xgroup|create", "", "XGROUP CREATE person:9 g 0 MKSTREAM", "d 9"),
    Row("xgroup|createconsumer", "XGROUP CREATE person:9 g 0 MKSTREAM", "XGROUP CREATECONSUMER person:9 g c", "d 9"),
    Row("xgroup|delconsumer", "XGROUP CREATE person:9 g 0 MKSTREAM; XGROUP CREATECONSUMER person:9 g c", "XGROUP DELCONSUMER person:9 g c", "d 9"),
    Row("xgroup|destroy", "XGROUP CREATE person:9 g 0 MKSTREAM", "XGROUP DESTROY person:9 g", "d 9"),
    Row("xgroup|setid", "XGROUP CREATE person:9 g 0 MKSTREAM", "XGROUP SETID person:9 g 5", "d 9"),
    Row("xreadgroup", "XADD person:9 1 a b; XGROUP CREATE person:9 g 0; XGROUP CREATECONSUMER person:9 g c",
        "XREADGROUP GROUP g c STREAMS person:9 >", ""),
    Row("xsetid", "XADD person:9 1 a b", "XSETID person:9 5", "d 9"),
    Row("xtrim", "XADD person:9 1 a b", "XTRIM person:9 MAXLEN 0", "d 9"),
    # What a module keeps is not looked into: it may be a document. Its own commands' events capture nothing.
    Row("vadd", "", "VADD person:9 VALUES 2 1 2 x", ""),
    Row("vrem", "VADD person:9 VALUES 2 1 2 x; VADD person:9 VALUES 2 1 2 y", "VREM person:9 x", ""),
    Row("vsetattr", "VADD person:9 VALUES 2 1 2 x", "VSETATTR person:9 x {}", ""),
]  # fmt: skip

# Only where there is none yet: over a hash they do nothing.
ONLY_NEW = [
    Row("setnx", "", "SETNX person:9 x", "d 9"),
    Row("setnx", "", "SETNX person:1 x", ""),
    Row("msetnx", "", "MSETNX person:8 x person:9 y", "d 8, d 9"),
    Row("msetnx", "", "MSETNX person:1 x person:9 y", ""),
    Row("pfdebug", "PFADD person:9 x", "PFDEBUG TODENSE person:9", ""),
]

# These write, but touch no key; migrate has a test of its own.
TOUCH_NO_KEY = {"function|delete", "function|flush", "function|load", "function|restore"}
ELSEWHERE = {"migrate"}
CLUSTER_ONLY = {"cluster|flushslot"}
