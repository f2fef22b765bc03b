"""Texts that are no CSV, whatever their names say: told from how they begin."""

import re

from .columns import TableError

START = 4096
"""Bytes that are looked at."""
FORMATS = {
    "JSON": (
        rb"\s*\{\s*\"(?:[^\"\\]|\\.)*\"\s*:|\s*\[\s*(?:\{\s*\"|\[\s*[-\[\"0-9tfn])",
        "write it as CSV, as pandas.read_json(FILE).to_csv does",
    ),
    "HTML or XML": (
        rb"(?i)\s*<(?:!doctype\b|\?xml\b|html[\s>]|table[\s>]|body[\s>])",
        "save the table in it as CSV",
    ),
    "ARFF": (rb"(?i)(?:%[^\r\n]*[\r\n]+)*\s*@relation\s", "write it as CSV"),
    "svmlight": (
        rb"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?(?: +[0-9]+:[-+0-9.eE]+)+\s*[\r\n#]",
        "its rows are sparse: load them in Python with sklearn.datasets.load_svmlight_file",
    ),
    "PDF": (rb"%PDF-", "save the table in it as CSV"),
    "RTF": (rb"\{\\rtf", "save the table in it as CSV"),
    "Markdown": (
        rb"\|[^\r\n]*\|\s*(?:\r\n|\r|\n)\|[-:| ]*-[-:| ]*\|",
        "take the line under the names and the bars at both ends out",
    ),
}
"""How each begins, and what to do about it."""
PATTERNS = {name: re.compile(pattern) for name, (pattern, _) in FORMATS.items()}


def check_is_csv(line: bytes, start: bytes) -> None:
    """Refuse what begins as one of those formats does.

    Parameters
    ----------
    line : bytes
        The first line.
    start : bytes
        What is known of the text from there on.

    Raises
    ------
    TableError
    """
    if line[:1].isalpha():  # as nearly all names begin
        return
    for name, pattern in PATTERNS.items():
        if pattern.match(start):
            raise TableError(f"it seems to be {name}, not CSV: {FORMATS[name][1]}")
