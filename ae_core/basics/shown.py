r"""Words from elsewhere (files, other libraries, users), made fit to be shown: short, on one line.

What a terminal would obey instead of showing it (escape sequences, line ends, marks that turn the
direction of writing) is written as Python writes it in a string, such as ``\x1b``.
"""

LONGEST = 300
"""Characters of the longest message."""


def printable(text: str) -> str:
    """The text with everything that is not printed as such escaped: on one line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def cut(text: str, at_most: int) -> str:
    """The text, without its middle when it is longer than that."""
    if len(text) <= at_most:
        return text
    end = max(0, at_most - 1) // 3
    return text[: max(0, at_most - 1 - end)] + "…" + (text[-end:] if end else "")


def shown(value: object, at_most: int = 58) -> str:
    """A value as Python writes it, printable, and its end cut off when long."""
    if isinstance(value, int) and value.bit_length() > 4 * at_most:  # Python writes no longer ones
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, str | bytes) and len(value) > at_most:
        value = value[: at_most + 1]
    try:
        text = printable(repr(value))
    except (ValueError, RecursionError):  # a long integer, or too deep
        return f"a {type(value).__name__}"
    return text if len(text) <= at_most else text[: at_most - 1] + "…"
