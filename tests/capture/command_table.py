"""What every command of a server does to captured keys: the rows of test_commands.py.

Before each row `person:1` is the hash `a 1 b 2`, and what is captured of the preparation is thrown away. A row is

    the command (of a container: `name|sub`), what prepares it, what runs it, what is captured

Commands are divided by `;`, captures by `,`. A capture is `<op> <what follows person:> <a> <b>`, where `-` is a field that the hash
lacks, and a delete has no fields; `|` divides what servers do differently. `<dump>` is DUMP of `person:1`. A row whose command the server lacks is skipped.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    command: str
    given: str
    when: str
    captured: str


HASHES = [
    Row("hset", "", "HSET person:1 a 5", "u 1 5 2"),
    Row("hset", "", "HSET person:2 b 5 c 6", "c 2 - 5"),
    Row("hset", "", "HSET person:1 a 1", "u 1 1 2"),
    Row("hmset", "", "HMSET person:1 a 5 b 6", "u 1 5 6"),
    Row("hmset", "", "HMSET person:2 a 5", "c 2 5 -"),
    Row("hsetnx", "", "HSETNX person:1 c 5", "u 1 1 2"),
    Row("hsetnx", "", "HSETNX person:2 a 5", "c 2 5 -"),
    Row("hsetnx", "", "HSETNX person:1 a 5", ""),
    Row("hincrby", "", "HINCRBY person:1 a 5", "u 1 6 2"),
    Row("hincrby", "", "HINCRBY person:2 a 5", "c 2 5 -"),
    Row("hincrbyfloat", "", "HINCRBYFLOAT person:1 a 0.5", "u 1 1.5 2"),
    Row("hincrbyfloat", "", "HINCRBYFLOAT person:2 b 0.5", "c 2 - 0.5"),
    Row("hdel", "", "HDEL person:1 a", "u 1 - 2"),
    Row("hdel", "", "HDEL person:1 z", ""),
    Row("hdel", "", "HDEL person:1 a b", "d 1, d 1"),
    Row("hdel", "", "HDEL person:7 a", ""),
    Row("hgetdel", "", "HGETDEL person:1 FIELDS 1 a", "u 1 - 2"),
    Row("hgetdel", "", "HGETDEL person:1 FIELDS 1 z", ""),
    Row("hgetdel", "", "HGETDEL person:1 FIELDS 2 a b", "d 1, d 1"),
    Row("hsetex", "", "HSETEX person:1 EX 1000 FIELDS 2 a 5 b 6", "u 1 5 6"),
    Row("hsetex", "", "HSETEX person:2 EX 1000 FIELDS 1 a 5", "c 2 5 -"),
    Row("hsetex", "", "HSETEX person:2 KEEPTTL FIELDS 1 a 5", "c 2 5 -"),
    Row("hsetex", "", "HSETEX person:1 FNX FIELDS 1 a 5", ""),
    Row("hsetex", "", "HSETEX person:1 FXX FIELDS 1 a 5", "u 1 5 2"),
    Row("hgetex", "", "HGETEX person:1 EX 1000 FIELDS 1 a", ""),
    Row("hgetex", "HGETEX person:1 EX 1000 FIELDS 1 a", "HGETEX person:1 PERSIST FIELDS 1 a", ""),
    Row("hexpire", "", "HEXPIRE person:1 1000 FIELDS 1 a", ""),
    Row("hpexpire", "", "HPEXPIRE person:1 1000000 FIELDS 1 a", ""),
    Row("hexpireat", "", "HEXPIREAT person:1 9999999999 FIELDS 1 a", ""),
    Row("hpexpireat", "", "HPEXPIREAT person:1 9999999999000 FIELDS 1 a", ""),
    Row("hpersist", "HEXPIRE person:1 1000 FIELDS 1 a", "HPERSIST person:1 FIELDS 1 a", ""),
    # A time that is over deletes the field at once, or a moment later, by whatever event.
    Row("hsetex", "", "HSETEX person:1 PXAT 1 FIELDS 1 a 5", "u 1 - 2, u 1 - 2"),
    Row("hsetex", "", "HSETEX person:2 PXAT 1 FIELDS 1 a 5", "d 2, d 2 | d 2"),
    Row("hgetex", "", "HGETEX person:1 PXAT 1 FIELDS 1 a", "u 1 - 2"),
    Row("hexpire", "", "HEXPIRE person:1 0 FIELDS 1 a", "u 1 - 2"),
    Row("hpexpire", "", "HPEXPIRE person:1 0 FIELDS 1 a", "u 1 - 2"),
    Row("hexpireat", "", "HEXPIREAT person:1 1 FIELDS 1 a", "u 1 - 2"),
    Row("hpexpireat", "", "HPEXPIREAT person:1 1 FIELDS 1 a", "u 1 - 2"),
    Row("hpexpireat", "", "HPEXPIREAT person:1 1 FIELDS 2 a b", "d 1, d 1 | d 1"),
    Row("hgetex", "", "HGETEX person:1 PXAT 1 FIELDS 2 a b", "d 1, d 1 | d 1"),
]

KEYS = [
    Row("del", "", "DEL person:1", "d 1"),
    Row("del", "HSET person:2 a 1", "DEL person:1 person:7 person:2 car:1", "d 1, d 2"),
    Row("unlink", "", "UNLINK person:1", "d 1"),
    Row("delifeq", "SET person:9 x", "DELIFEQ person:9 x", "d 9"),
    Row("delifeq", "SET person:9 x", "DELIFEQ person:9 y", ""),
    Row("rename", "", "RENAME person:1 person:2", "d 1, c 2 1 2"),
    Row("rename", "", "RENAME person:1 car:1", "d 1"),
    Row("rename", "HSET car:1 b 7", "RENAME car:1 person:2", "c 2 - 7"),
    Row("rename", "HSET person:2 a 7", "RENAME person:2 person:1", "d 2, c 1 7 -"),
    Row("rename", "SET car:1 x", "RENAME car:1 person:1", "d 1"),
    Row("rename", "SET car:1 x", "RENAME person:1 car:1", "d 1"),
    Row("rename", "", "RENAME person:1 person:1", ""),
    Row("vadd", "VADD v VALUES 2 1 2 x", "RENAME v person:1", "d 1"),
    Row("renamenx", "", "RENAMENX person:1 person:2", "d 1, c 2 1 2"),
    Row("renamenx", "HSET person:2 a 7", "RENAMENX person:2 person:1", ""),
    Row("renamenx", "HSET car:1 a 7", "RENAMENX car:1 person:2", "c 2 7 -"),
    Row("copy", "", "COPY person:1 person:2", "c 2 1 2"),
    Row("copy", "HSET person:2 a 7", "COPY person:1 person:2", ""),
    Row("copy", "HSET person:2 a 7", "COPY person:1 person:2 REPLACE", "c 2 1 2"),
    Row("copy", "SET car:1 x", "COPY car:1 person:1 REPLACE", "d 1"),
    Row("copy", "", "COPY person:1 car:1", ""),
    Row("copy", "", "COPY person:1 person:1 DB 3", ""),
    Row("move", "", "MOVE person:1 3", "d 1"),
    Row("move", "COPY person:1 person:1 DB 3", "MOVE person:1 3", ""),
    Row("restore", "", "RESTORE person:2 0 <dump>", "c 2 1 2"),
    Row("restore", "HSET person:2 a 7", "RESTORE person:2 0 <dump> REPLACE", "c 2 1 2"),
    Row("restore", "SET person:2 x", "RESTORE person:2 0 <dump> REPLACE", "c 2 1 2"),
    Row("restore", "", "RESTORE person:2 100000 <dump>", "c 2 1 2"),
    Row("restore", "", "RESTORE person:1 1 <dump> REPLACE ABSTTL", "d 1"),
    Row("restore", "", "RESTORE person:2 1 <dump> ABSTTL", ""),
    Row("restore-asking", "", "RESTORE-ASKING person:2 0 <dump>", "c 2 1 2"),
    Row("expire", "", "EXPIRE person:1 1000", ""),
    Row("pexpire", "", "PEXPIRE person:1 1000000", ""),
    Row("expireat", "", "EXPIREAT person:1 9999999999", ""),
    Row("pexpireat", "", "PEXPIREAT person:1 9999999999000", ""),
    Row("persist", "EXPIRE person:1 1000", "PERSIST person:1", ""),
    Row("swapdb", "", "SWAPDB 3 4", ""),
    Row("flushdb", "", "FLUSHDB SYNC", ""),
    Row("flushdb", "", "FLUSHDB ASYNC", ""),
    Row("flushall", "", "FLUSHALL SYNC", ""),
    Row("flushall", "", "FLUSHALL ASYNC", ""),
    Row("eval", "", "EVAL \"redis.call('HSET', KEYS[1], 'a', '5') redis.call('DEL', KEYS[1])\" 1 person:1", "u 1 5 2, d 1"),
    Row("exec", "", "MULTI; HSET person:1 a 5; HSET person:1 b 6; RENAME person:1 person:2; EXEC", "u 1 5 2, u 1 5 6, d 1, c 2 5 6"),
    Row("discard", "", "MULTI; HSET person:1 a 5; DISCARD", ""),
    Row("script|load", "", "SCRIPT LOAD 'return 1'; SCRIPT FLUSH", ""),
    Row("fcall", "", "FUNCTION LOAD REPLACE \"#!lua name=l\\nredis.register_function('f', function(k) return redis.call('HSET', k[1], 'b', '7') end)\";"
        " FCALL f 1 person:1; FUNCTION FLUSH", "u 1 1 7"),
    Row("debug", "", "DEBUG RELOAD", ""),
    Row("debug", "", "DEBUG LOADAOF", ""),
    Row("touch", "", "TOUCH person:1 person:7", ""),
    Row("object|encoding", "", "OBJECT ENCODING person:1; OBJECT FREQ person:7; TYPE person:1; EXISTS person:7; TTL person:1; DUMP person:1", ""),
    Row("scan", "", "SCAN 0; HSCAN person:1 0; KEYS *; RANDOMKEY; DBSIZE; WATCH person:1; UNWATCH", ""),
    Row("hgetall", "", "HGETALL person:1; HGET person:1 a; HMGET person:7 a b; HEXISTS person:1 a; HLEN person:7; HKEYS person:1;"
        " HVALS person:1; HSTRLEN person:1 a; HRANDFIELD person:1", ""),
]  # fmt: skip

# Over the hash: what it was is gone, and its row with it.
REPLACING = [
    Row("set", "", "SET person:1 x", "d 1"),
    Row("set", "", "SET person:1 x NX", ""),
    Row("setex", "", "SETEX person:1 1000 x", "d 1"),
    Row("psetex", "", "PSETEX person:1 1000000 x", "d 1"),
    Row("mset", "", "MSET person:1 x person:9 y car:1 z", "d 1, d 9"),
    Row("msetex", "", "MSETEX 2 person:1 x person:9 y EX 1000", "d 1, d 9"),
    Row("bitop", "SET {s}1 x", "BITOP NOT person:1 {s}1", "d 1"),
    Row("bitop", "", "BITOP NOT person:1 nothing", "d 1"),
    Row("sort", "RPUSH {s}1 2 1", "SORT {s}1 STORE person:1", "d 1"),
    Row("sort", "", "SORT nothing STORE person:1", "d 1"),
    Row("sdiffstore", "SADD {s}1 x", "SDIFFSTORE person:1 {s}1 {s}2", "d 1"),
    Row("sinterstore", "SADD {s}1 x", "SINTERSTORE person:1 {s}1 {s}1", "d 1"),
    Row("sinterstore", "", "SINTERSTORE person:1 {s}1 {s}2", "d 1"),
    Row("sunionstore", "SADD {s}1 x", "SUNIONSTORE person:1 {s}1", "d 1"),
    Row("sunionstore", "", "SUNIONSTORE person:1 {s}1", "d 1"),
    Row("zdiffstore", "ZADD {s}1 1 x", "ZDIFFSTORE person:1 1 {s}1", "d 1"),
    Row("zinterstore", "ZADD {s}1 1 x", "ZINTERSTORE person:1 1 {s}1", "d 1"),
    Row("zunionstore", "ZADD {s}1 1 x", "ZUNIONSTORE person:1 1 {s}1", "d 1"),
    Row("zunionstore", "", "ZUNIONSTORE person:1 1 {s}1", "d 1"),
    Row("zrangestore", "ZADD {s}1 1 x", "ZRANGESTORE person:1 {s}1 0 -1", "d 1"),
    Row("zrangestore", "", "ZRANGESTORE person:1 {s}1 0 -1", "d 1"),
    Row("georadius", "GEOADD {s}1 13 38 x", "GEORADIUS {s}1 13 38 9 km STORE person:1", "d 1"),
    Row("georadius", "", "GEORADIUS {s}1 13 38 9 km STORE person:1", "d 1"),
    Row("georadiusbymember", "GEOADD {s}1 13 38 x", "GEORADIUSBYMEMBER {s}1 x 9 km STOREDIST person:1", "d 1"),
    Row("geosearchstore", "GEOADD {s}1 13 38 x", "GEOSEARCHSTORE person:1 {s}1 FROMLONLAT 13 38 BYRADIUS 9 km", "d 1"),
]
