"""What the options say that tell how a CSV file is written."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import click

from ..basics.shown import shown
from .tables.layout import Layout
from .tables.text import checked_encoding

MOST_NO_VALUE = 100
"""Bytes of a text that stands for no value, and such texts."""

NAMES = re.compile(r'\s*(?:"((?:[^"]|"")*)"\s*|([^,]*))(?:,|$)')


def parsed(parse: Callable[[Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """What click calls with the value of an option, to parse it."""
    return lambda context, option, given: parse(given)


def layout_of(*, decimal: str | None, thousands: str | None, **others: Any) -> Layout:
    """The layout that all options together describe."""
    thousands = " " if thousands == "space" else thousands
    if thousands is not None and thousands == (decimal or "."):
        if decimal is not None:
            raise click.UsageError("--decimal and --thousands must be different signs")
        decimal = ","
    return Layout(decimal=decimal, thousands=thousands, **others)


def names_in(given: Sequence[str]) -> list[str]:
    """All the names in options such as ``-c a,b -c c``; quotes hold names with commas."""
    names = []
    for text in given:
        place = 0
        while place < len(text):
            match = NAMES.match(text, place)
            if match is None:
                raise click.UsageError(f"{shown(text)}: names are parted by commas")
            quoted, plain = match.groups()
            names.append(plain.strip() if quoted is None else quoted.replace('""', '"'))
            place = match.end()
    return names


def separator_in(given: str | None) -> str | None:
    separator = {"\\t": "\t", "tab": "\t", "space": " "}.get(given or "", given)
    if separator is not None and (
        len(separator) != 1 or not separator.isascii() or separator in '"\r\n\0'
    ):
        raise click.UsageError(
            f"--separator {shown(given)}: must be one character of ASCII, tab or space"
        )
    return separator


def encoding_in(given: str | None) -> str | None:
    if given is None:
        return None
    try:
        return checked_encoding(given)
    except ValueError as error:
        raise click.UsageError(f"--encoding {shown(given)}: {error}") from None


def lines_in(given: str | None) -> tuple[tuple[int, int], ...]:
    """Ranges of lines, by where they begin."""
    if given is None:
        return ()
    ranges: list[tuple[int, int]] = []
    for part in given.split(","):
        match = re.fullmatch(r"\s*(?:([0-9]{1,18})\s*-\s*)?([0-9]{1,18})\s*", part)
        first, last = (int(match[1] or 1), int(match[2])) if match else (0, 0)
        if not 1 <= first <= last:
            raise click.UsageError(
                f"--skip {shown(given)}: must be a number of lines such as 3, or ranges such as "
                "2-2,5-9"
            )
        ranges.append((first, last))
    return tuple(sorted(ranges))


def comment_in(given: str | None) -> str:
    if given is not None and (not given.strip() or not given.isprintable()):
        raise click.UsageError(f"--comment {shown(given)}: must be what such lines begin with")
    return given or ""


def no_value_in(given: Sequence[str]) -> tuple[str, ...]:
    texts = names_in(given)
    for text in texts:
        if not text or not text.isprintable() or len(text.encode()) > MOST_NO_VALUE:
            raise click.UsageError(
                f"--na {shown(text)}: must be what cells say, of at most {MOST_NO_VALUE} bytes"
            )
    if len(texts) > MOST_NO_VALUE:
        raise click.UsageError(f"--na: {len(texts)} texts are more than {MOST_NO_VALUE}")
    return tuple(texts)
