"""Records of CSV: the two twins read the same, and numbers are the nearest doubles."""

import csv
import io
import math
import random
import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ae_core._engine.text.records import FULL, LINE, MORE, ODD, Dialect, read_records
from ae_core.cli.tables.records import Grammar, unquoted

LARGEST = 1e308
NEVER = 2**62


def quickly(text, grammar, uses, *, at_end=True, missing=True, room=100, at=0, line=1, stop=NEVER):
    """Rows of numbers and of texts, their lines, and where and why reading stopped."""
    n_numbers, n_texts = sum(use >= 0 for use in uses), sum(use < -1 for use in uses)
    numbers = np.full((room, n_numbers), 7.25)
    spans = np.full((room, n_texts, 2), -1, np.int64)
    lines, seen = np.zeros(room, np.int64), np.zeros((2, n_numbers), np.uint8)
    dialect = grammar.dialect(missing, LARGEST)
    uses = np.array(uses, np.int32)
    n, at, line, why = read_records(
        dialect, text, at, at_end, uses, numbers, spans, lines, seen, line, stop
    )
    texts = [[text[a:b] for a, b in row] for row in spans[:n].tolist()]
    return (numbers[:n].tolist(), texts, lines[:n].tolist()), (at, line, why), seen


def slowly(text, grammar, uses, *, at_end=True, missing=True, room=100, at=0, line=1, stop=NEVER):
    """The same, with the readable twin."""
    rows = ([], [], [])
    while True:
        if line >= stop:
            return rows, (at, line, LINE)
        if len(rows[0]) == room:
            return rows, (at, line, FULL)
        if at == len(text):
            return rows, (at, line, MORE)
        record = grammar.record(text, at, at_end)
        if record is None:
            return rows, (at, line, MORE)
        if record.cells is not None:
            if record.is_open or len(record.cells) != len(uses):
                return rows, (at, line, ODD)
            values = [
                plain_value(record.cells[i], grammar, missing)
                for i, use in enumerate(uses)
                if use >= 0
            ]
            if None in values:
                return rows, (at, line, ODD)
            rows[0].append(values)
            rows[1].append([record.cells[i] for i, use in enumerate(uses) if use < -1])
            rows[2].append(line)
        at, line = record.end, line + record.n_lines


def plain_value(cell, grammar, missing):
    """What the quick twin makes of a cell; None for what it leaves to the other."""
    said = unquoted(cell)
    stripped = cell.strip(b" \t")
    if stripped.startswith(b'"') and (b'""' in stripped[1:] or not stripped.endswith(b'"')):
        return None if stripped != b'""' else (math.nan if missing else None)
    value = grammar.number(said.decode("utf-8", "surrogateescape"))
    if value is None or (math.isnan(value) and not missing) or abs(value) > LARGEST:
        return None
    return value


def same(a, b):
    return repr(a) == repr(b)


def in_order(uses):
    """Uses whose numbers and texts are numbered from left to right."""
    n_numbers = n_texts = 0
    found = []
    for use in uses:
        if use == "number":
            found.append(n_numbers)
            n_numbers += 1
        elif use == "text":
            found.append(-2 - n_texts)
            n_texts += 1
        else:
            found.append(-1)
    return found


GRAMMARS = [
    Grammar(separator, decimal, thousands, comment)
    for separator in ",;\t |"
    for decimal, thousands in ((".", ""), (",", "."), (".", ","), (".", "'"))
    for comment in ("", "#", "//")
    if separator not in (decimal, thousands)
]
PIECES = st.sampled_from([
    *("1", "-2.5", "+.5", "1e5", "1E-3", "1.", ".", "-", "e", "1e", "1e+", "0", "00012", "1,5", "1.5"),
    *("0,125", "-0.250", "1,234", "1,234.5", "1.234.567,25", "12,34", "1234,567", ",123", "1,2345", "1'234'567", "1e999"),
    *("", "NA", "na", "nan", "?", "NULL", "N", "inf", "true", "False", "TRUE", "tru", "x", "\xe9", "0x1"),
    *('"3"', '"a,b"', '"a""b"', '""', '"', '""""', '"1"x', ' "4" ', '\t"5', '"\n"', '"\r\n6"', '"7 "'),
    *(" ", "  ", "\t", "\n", "\r", "\r\n", "\n\n", "#", "# note", "//", "/", ",", ";", "|", "\0", "9" * 500),
    *("12345678901234567890", "0.1234567890123456789", "1" * 20 + ".5", "1e-400", "1_0", "\u0661"),
])  # fmt: skip
TEXTS = st.lists(PIECES | st.sampled_from([",", ";", "\n", "\n", " "]), max_size=24).map("".join)


@settings(deadline=None, max_examples=600)
@given(
    text=TEXTS,
    grammar=st.sampled_from(GRAMMARS),
    uses=st.lists(st.sampled_from(["number", "number", "text", "skip"]), min_size=1, max_size=3),
    at_end=st.booleans(),
    missing=st.booleans(),
    room=st.integers(1, 5),
    stop=st.sampled_from([NEVER, 1, 2, 4]),
)
@example('1\n"x"y\n', Grammar(), ["text"], True, True, 5, NEVER)
@example("  1   2  \n 3 4\n", Grammar(" "), ["number", "text"], True, True, 5, NEVER)
@example("1 2 ", Grammar(" "), ["number", "number"], False, True, 5, NEVER)
@example('"1"\r', Grammar(), ["number"], False, True, 5, NEVER)
def test_the_twins_agree(text, grammar, uses, at_end, missing, room, stop):
    text, uses = text.encode("utf-8"), in_order(uses)
    options = {"at_end": at_end, "missing": missing, "room": room, "stop": stop}
    rows, end, _ = quickly(text, grammar, uses, **options)
    expected_rows, expected_end = slowly(text, grammar, uses, **options)
    if end[2] == ODD and expected_end[2] not in (ODD, MORE):
        assert len(text) > 400  # numbers of hundreds of digits are left to the other twin, too
        return
    assert same(rows, expected_rows)
    if end[2] == ODD and expected_end[2] == MORE:  # the quick one sees sooner what is odd
        assert end[:2] == expected_end[:2]
    else:
        assert end == expected_end


@settings(deadline=None, max_examples=200)
@given(text=TEXTS, grammar=st.sampled_from(GRAMMARS), cuts=st.lists(st.integers(0, 60), max_size=4))
def test_a_text_in_pieces_is_the_same_text(text, grammar, cuts):
    text = text.encode()
    uses = in_order(["number", "text"])
    whole, end, _ = quickly(text, grammar, uses)
    found, at, line = ([], [], []), 0, 1
    for cut in [*sorted(cuts), len(text)]:
        is_last = cut >= len(text)
        rows, (at, line, why), _ = quickly(
            text[:cut], grammar, uses, at=min(at, cut), line=line, at_end=is_last
        )
        for own, more in zip(found, rows, strict=True):
            own.extend(more)
        if why == ODD or is_last:
            break
    assert same(found, whole)
    assert (at, line, why)[:2] == end[:2]


@settings(deadline=None, max_examples=200)
@given(
    rows=st.lists(
        st.lists(st.text(st.sampled_from('ab1 ."\n\r,;\t'), max_size=4), min_size=2, max_size=3),
        max_size=5,
    ),
    separator=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_pythons_csv_writes_is_read(rows, separator, end):
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    text, grammar, found, at = file.getvalue().encode(), Grammar(separator), [], 0
    while at < len(text):
        record = grammar.record(text, at, True)
        found.append([unquoted(cell).decode() for cell in record.cells])
        at = record.end
    assert found == rows


# --- numbers -------------------------------------------------------------------------------------


def random_number(rng):
    kind = rng.randrange(9)
    if kind == 0:
        return repr(struct.unpack("d", rng.randbytes(8))[0])
    if kind == 1:
        return repr(rng.gauss(0, 1))
    if kind == 2:
        return f"{rng.randrange(10 ** rng.randrange(1, 20))}e{rng.randrange(-90, 90)}"
    if kind == 3:
        return f"{rng.randrange(10**19)}.{rng.randrange(10**6)}"
    if kind == 4:  # half-way between two doubles, and beside that
        half = Fraction(2 * rng.randrange(2**52, 2**53) + 1) * Fraction(2) ** rng.randrange(-40, 8)
        digits = str(half.numerator * 10**40 // half.denominator + rng.choice((-1, 0, 0, 1)))
        return f"{digits}e-40"
    if kind == 5:
        return f"{rng.uniform(-1e6, 1e6):.17g}"
    if kind == 6:
        return f"{rng.uniform(-1e6, 1e6):.{rng.randrange(20)}f}"
    if kind == 7:
        return f"{rng.randrange(2**53)}e{rng.choice((-23, -22, 22, 23))}"
    return f"-{rng.randrange(1000)}.{rng.randrange(100000):05d}E+{rng.randrange(5)}"


@pytest.mark.parametrize("decimal", [".", ","])
def test_numbers_are_the_nearest_doubles(decimal):
    rng = random.Random(0)
    texts = [random_number(rng) for _ in range(30_000)]
    texts = [text for text in texts if "n" not in text and abs(float(text)) <= LARGEST]
    text = "\n".join(texts).replace(".", decimal).encode()
    rows, (at, _, why), _ = quickly(text, Grammar(";", decimal), [0], room=len(texts))
    assert (at, why) == (len(text), FULL)
    found = np.array(rows[0])[:, 0]
    expected = np.array([float(text) for text in texts])
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "text",
    [
        *("0", "-0", "0e99999999999999", "1e-99999999999999", "5e-324", "2.4703282292062328e-324"),
        *("2.2250738585072014e-308", "2.2250738585072011e-308", "9007199254740993", "1e23", "8.5e22"),
        *("1" + "0" * 300, "0." + "0" * 350 + "1", "0" * 390 + "1", "123456789012345678901234567890e-30"),
    ],
)  # fmt: skip
def test_numbers_at_the_edges(text):
    rows, _, _ = quickly(text.encode(), Grammar(), [0])
    assert repr(rows[0][0][0]) == repr(float(text))


@pytest.mark.parametrize(
    "text", ["1e309", "-1e309", "1.8e308", "9" * 400, "1" * 600, "inf", "1e999999"]
)
def test_numbers_beyond_are_left_to_the_other_twin(text):
    assert quickly(text.encode(), Grammar(), [0])[1] == (0, 1, ODD)


def test_what_was_seen():
    text = b"1,true,,\n2,0,NA,x\n"
    assert quickly(text, Grammar(), [0, 1, 2, -2])[2].tolist() == [[1, 1, 0], [0, 1, 0]]


# --- arguments -----------------------------------------------------------------------------------


def arguments(**changes):
    own = {
        "dialect": Dialect(b",", b".", b"", [b"NA"], True, 1.0),
        "text": b"1,2\n",
        "at": 0,
        "at_end": True,
        "uses": np.array([0, -2], np.int32),
        "numbers": np.empty((3, 1)),
        "spans": np.empty((3, 1, 2), np.int64),
        "lines": np.empty(3, np.int64),
        "seen": np.empty((2, 1), np.uint8),
        "line": 1,
        "stop_line": 9,
    }
    return tuple({**own, **changes}.values())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"at": -1}, "at=-1"),
        ({"at": 5}, "at=5"),
        ({"uses": np.array([1, -2], np.int32)}, r"uses\[0\]=1"),
        ({"uses": np.array([0, -3], np.int32)}, r"uses\[1\]=-3"),
        ({"numbers": np.empty((2, 1))}, "room"),
        ({"spans": np.empty((3, 1, 3), np.int64)}, "room"),
        ({"spans": np.empty((4, 1, 2), np.int64)}, "room"),
        ({"seen": np.empty((1, 1), np.uint8)}, "seen"),
        ({"seen": np.empty((2, 2), np.uint8)}, "seen"),
    ],
)
def test_arrays_have_to_fit(changes, words):
    with pytest.raises(ValueError, match=words):
        read_records(*arguments(**changes))


def test_without_text_or_room_nothing_is_read():
    assert read_records(*arguments(text=b"")) == (0, 0, 1, MORE)
    none = {"numbers": np.empty((0, 1)), "spans": np.empty((0, 1, 2), np.int64)}
    assert read_records(*arguments(**none, lines=np.empty(0, np.int64))) == (0, 0, 1, FULL)


@pytest.mark.parametrize(
    ("separator", "decimal", "words", "thousands"),
    [(b"", b".", [], b""), (b",", b"..", [], b""), (b",", b".", [b""], b""), (b",", b".", [b"x" * 256], b""),
     (b",", b".", [], b"ab")],
)  # fmt: skip
def test_dialects_have_to_be_plain(separator, decimal, words, thousands):
    with pytest.raises(ValueError, match=r"must be one byte|words have"):
        Dialect(separator, decimal, b"", words, True, 1.0, thousands)
