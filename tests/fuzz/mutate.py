"""Mutations: of bytes, and of what JSON says, leaf by leaf."""

from random import Random
from typing import Any

NUMBERS = (
    0, 1, -1, 2, 7, 255, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30,
    10**400, 0.0, -0.0, 0.5, 1e-320, 1e308, -1e308, float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
WORDS = (
    "", "x", "identity", "logistic", "softmax", "mixed", "squared_error", "adam", "lbfgs", "nan",
    "float32", "object", "F32", "F64", "I64", "BOOL", "gaussian", "__class__", "../x", "\0", "é\ud800",
    "a" * 5000,
)  # fmt: skip
DEEP = 150
"""Lists within each other, where some deep thing is wanted."""


def some_value(random: Random) -> Any:
    """Anything that JSON can say."""
    kind = random.randrange(8)
    if kind < 3:
        return random.choice(NUMBERS)
    if kind == 3:
        return random.choice(WORDS)
    if kind == 4:
        return random.choice((None, True, False))
    if kind == 5:
        return [some_value(random) for _ in range(random.randrange(4))]
    if kind == 6:
        return {random.choice(WORDS): some_value(random) for _ in range(random.randrange(3))}
    nested: Any = []
    for _ in range(DEEP if random.random() < 0.2 else 3):
        nested = [nested]
    return nested


def changed_value(random: Random, value: Any) -> Any:
    """Something like it: of the same type more often than not."""
    if isinstance(value, bool) or value is None or random.random() < 0.3:
        return some_value(random)
    if isinstance(value, int | float):
        return random.choice([value + 1, value - 1, -value, 2 * value, random.choice(NUMBERS)])
    if isinstance(value, str):
        return random.choice([value[1:], value + "x", value.upper(), random.choice(WORDS)])
    if isinstance(value, list):
        return random.choice([value[1:], value + value[:1], value[::-1], [], value * 2])
    return {key: inner for key, inner in value.items() if random.random() < 0.8}


def change_json(random: Random, value: Any) -> Any:
    """A copy in which one place, however deep, is another."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(list(value))
        changed = dict(value)
        if random.random() < 0.1:
            del changed[key]
        elif random.random() < 0.1:
            changed[random.choice(WORDS)] = some_value(random)
        else:
            changed[key] = change_json(random, value[key])
        return changed
    if isinstance(value, list) and value and random.random() < 0.7:
        place = random.randrange(len(value))
        return [*value[:place], change_json(random, value[place]), *value[place + 1 :]]
    return changed_value(random, value)


def change_bytes(random: Random, data: bytes, extra: tuple[bytes, ...] = ()) -> bytes:
    """A copy with some bytes flipped, cut, doubled, replaced or put in."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4, 16))):
        if not changed:
            break
        at = random.randrange(len(changed))
        length = random.choice((1, 2, 4, 8, 64, 512))
        kind = random.randrange(8)
        if kind <= 1:
            changed[at] ^= 1 << random.randrange(8)
        elif kind == 2:
            del changed[at:]
        elif kind == 3:
            del changed[at : at + length]
        elif kind == 4:
            changed[at:at] = changed[at : at + length]
        elif kind == 5:
            changed[at : at + length] = random.randbytes(length)
        elif kind == 6:
            filled = random.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * length
            changed[at : at + length] = filled
        else:
            changed[at:at] = random.choice(extra or (b"\0\0\0\x80",))
    return bytes(changed)
