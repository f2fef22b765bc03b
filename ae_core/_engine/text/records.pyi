from collections.abc import Iterable

from ..._typing import Array

FULL: int
MORE: int
ODD: int
LINE: int
TRUE_WORDS: tuple[bytes, ...]
FALSE_WORDS: tuple[bytes, ...]

class Dialect:
    def __init__(
        self,
        separator: bytes,
        decimal: bytes,
        comment: bytes,
        missing_words: Iterable[bytes],
        may_be_missing: bool,
        largest: float,
        thousands: bytes = b"",
    ) -> None: ...

def read_records(
    dialect: Dialect,
    text: bytes,
    at: int,
    at_end: bool,
    uses: Array,
    numbers: Array,
    spans: Array,
    lines: Array,
    seen: Array,
    line: int,
    stop_line: int,
) -> tuple[int, int, int, int]: ...
