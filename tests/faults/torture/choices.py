"""What a client does next: by chance, weighted, and a function of its seed and of the hashes it has."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from .model import DROPPED, PREFIX, Model, Words

KEYS = 12
BURST_KEYS = 150
SHARED_KEYS = 5
CLIENTS = 16
"""The most of them: a change's number names its client."""


@dataclass(frozen=True)
class Op:
    """Commands that happen together. `how`: single, multi, lua, expire (waits until the key is gone) or shared (key, name, `#`)."""

    how: str
    commands: tuple[Words, ...] = ()
    shared: Words = ()
    waits: str = ""
    """The uuid whose answer is waited for."""

    def renamed(self, suffix: str) -> Op:
        """With uuids of its own: an answer to the same uuid twice would be two."""

        def word(text: str) -> str:
            return f"{text}.{suffix}" if text[:2] in ("=u", "+u", "-u", "~u") else text

        return replace(
            self,
            commands=tuple(tuple(word(one) for one in words) for words in self.commands),
            shared=tuple(word(one) for one in self.shared),
            waits="",
        )


class Choices:
    def __init__(self, client: int, model: Model) -> None:
        self.client, self.model = client, model
        self.chance = random.Random()
        self._seq = 0

    def begin(self, chance: random.Random) -> None:
        self.chance = chance

    def next(self) -> Op:
        kinds: list[tuple[int, Callable[[], Op]]] = [
            (30, self._one), (8, self._bad), (10, self._together), (6, self._lua), (8, self._operation), (3, self._expire), (4, self._burst),
            (14, self._shared),
        ]  # fmt: skip
        [made] = self.chance.choices([make for _, make in kinds], [weight for weight, _ in kinds])
        return made()

    def key(self) -> str:
        return f"{PREFIX}{self.client}-{self.chance.randrange(KEYS)}"

    def seq(self) -> str:
        self._seq += 1
        return str(self._seq * CLIENTS + self.client)

    def uuid(self, share: float) -> str:
        """A new one, or none."""
        return f"u{self.seq()}" if self.chance.random() < share else ""

    def name(self, seq: str) -> str:
        return f"{DROPPED if self.chance.random() < 0.08 else 'torture'} {seq}"

    def hset(self, key: str, *, uuid: float = 0.3, **given: str) -> Words:
        """Some fields, `seq` always among them; a hash that is made or was wrong gets all."""
        seq = self.seq()
        fields = {"name": self.name(seq), "n": str(self.chance.randrange(1000)), "m": str(self.chance.randrange(1000))}
        there = self.model.fields(key)
        if there is not None and self.chance.random() < 0.5:
            for name in self.chance.sample(sorted(fields), self.chance.randrange(1, 3)):
                del fields[name]
        fields |= given
        if asked := self.uuid(uuid):
            fields["#"] = f"={asked}"
        return ("HSET", key, "seq", seq, *(word for pair in fields.items() for word in pair))

    def change(self) -> Words:
        """Any command that one key, or two, have to do with."""
        key = self.key()
        if self.model.fields(key) is None or self.chance.random() < 0.55:
            return self.hset(key)
        other = self.key()
        choices: list[Words] = [("DEL", key), ("HDEL", key, "name"), ("HDEL", key, "n", "m"), ("HDEL", key, "name", "n", "m", "seq")]
        if other != key:
            choices += [("RENAME", key, other), ("COPY", key, other, "REPLACE")]
        n = (self.model.fields(key) or {}).get("n", "0")
        if n.isdigit():
            choices.append(("HINCRBY", key, "n", "1"))
        return self.chance.choice(choices)

    def _one(self) -> Op:
        words = self.change()
        asked = words[-1][1:] if words[-2] == "#" else ""
        return Op("single", (words,), waits=asked if asked and self.chance.random() < 0.25 else "")

    def _bad(self) -> Op:
        key, seq = self.key(), self.seq()
        bad = {"n": f"x{seq}"} if self.chance.random() < 0.6 else {"m": f"-{seq}"}
        return Op("single", (self.hset(key, uuid=0.7, **bad),))

    def _together(self) -> Op:
        """Of keys that differ: each command was chosen for its hash as it is."""
        made: dict[str, Words] = {}
        for _ in range(self.chance.randrange(2, 6)):
            words = self.change()
            touched = words[1:3] if words[0] in ("RENAME", "COPY") else words[1:2]
            if not any(key in other for key in touched for other in made.values()):
                made[touched[0]] = words
        again = tuple(self.hset(words[1]) for words in made.values() if words[0] == "HSET")
        return Op("multi", (*made.values(), *again[:2]))

    def _lua(self) -> Op:
        return replace(self._together(), how="lua")

    def _operation(self) -> Op:
        key = self.key()
        asked = self.uuid(0.6)
        kind = self.chance.choice("++--~~=")
        if kind == "+" or self.model.fields(key) is None:
            words = self.hset(key, uuid=0)
            kind = kind if kind != "=" else "+"
        else:
            words = ("HSET", key)
        if kind in "-~":
            words = ("HSET", key)
        return Op("single", ((*words, "#", f"{kind}{asked}"),))

    def _expire(self) -> Op:
        return Op("expire", (("PEXPIRE", self.key()),))

    def _burst(self) -> Op:
        """Many changes of fewer keys, some of them wrong: large batches, with something to coalesce."""
        made: list[Words] = []
        for _ in range(self.chance.randrange(20, 250)):
            key = f"{PREFIX}{self.client}-b{self.chance.randrange(BURST_KEYS)}"
            seq = self.seq()
            wrong = self.chance.random()
            bad = {"n": f"x{seq}"} if wrong < 0.01 else {"m": f"-{seq}"} if wrong < 0.02 else {}
            if wrong > 0.97:
                made.append(("DEL", key))
            else:
                fields = {"name": f"torture {seq}", "n": "1", "m": "1", **bad} | ({"#": f"=u{seq}"} if wrong > 0.9 else {})
                made.append(("HSET", key, "seq", seq, *(word for pair in fields.items() for word in pair)))
        return Op("multi", tuple(made))

    def _shared(self) -> Op:
        asked = self.uuid(0.2)
        name = "DEL" if self.chance.random() < 0.1 else f"torture {self.seq()}"
        return Op("shared", shared=(f"{PREFIX}s-{self.chance.randrange(SHARED_KEYS)}", name, f"={asked}" if asked and name != "DEL" else ""))
