"""Records of CSV, as rows of numbers: the quick twin of `ae_core.cli.tables.records`.

It goes as far as a text is plain, and stops before the first record that is not: what such a record
says, or what is wrong with it, is the other twin's business.
"""

from libc.math cimport NAN
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memchr, memcmp

from .decimals cimport Text, after_number

# Why reading stopped.
FULL, MORE, ODD, LINE = range(4)

cdef enum:
    TAB = 9
    LF = 10
    CR = 13
    SPACE = 32
    QUOTE = 34
    NO_VALUE = 1  # what a cell is
    NUMBER = 2
    TRUTH = 3

TRUE_WORDS = (b"true", b"True", b"TRUE")
FALSE_WORDS = (b"false", b"False", b"FALSE")


cdef class Dialect:
    """How records are written, and what their numbers may be.

    Parameters
    ----------
    separator, decimal : bytes of length 1
        A space as separator stands for any number of them.
    comment : bytes
        What lines begin with that say nothing; empty: there are none.
    missing_words : sequence of bytes
        What stands for no value, beside nothing.
    may_be_missing : bool
        Whether a number may be missing, which then is NaN.
    largest : float
        Numbers beyond it, and beyond minus it, are not plain.
    thousands : bytes
        What parts groups of three digits before the decimal sign; empty: nothing does.
    """

    cdef unsigned char separator, decimal, thousands
    cdef bytes comment, missing, true, false
    cdef bint may_be_missing
    cdef double largest

    def __init__(
        self, bytes separator, bytes decimal, bytes comment, missing_words, bint may_be_missing,
        double largest, bytes thousands=b"",
    ):
        if len(separator) != 1 or len(decimal) != 1 or len(thousands) > 1:
            raise ValueError("separator, decimal and thousands must be one byte each")
        self.separator, self.decimal = separator[0], decimal[0]
        self.thousands = thousands[0] if thousands else 0
        self.comment = comment
        self.missing = joined(missing_words)
        self.true, self.false = joined(TRUE_WORDS), joined(FALSE_WORDS)
        self.may_be_missing, self.largest = may_be_missing, largest


cdef bytes joined(words):
    """Words one after another, each behind its length."""
    for word in words:
        if not 0 < len(word) < 256:
            raise ValueError(f"{word!r}: words have 1 to 255 bytes")
    return b"".join([bytes([len(word)]) + word for word in words])


cdef bint is_among(Text text, Py_ssize_t n, bytes words):
    cdef Text word = <Text> words
    cdef Text stop = word + len(words)
    while word < stop:
        if word[0] == n and memcmp(word + 1, text, n) == 0:
            return True
        word += 1 + word[0]
    return False


cdef int word_value(Dialect dialect, Text p, Py_ssize_t n, double *value):
    """What a cell says that begins with no number; 0 when that is not plain."""
    if n == 0 or is_among(p, n, dialect.missing):
        value[0] = NAN
        return NO_VALUE
    if is_among(p, n, dialect.true):
        value[0] = 1
        return TRUTH
    if is_among(p, n, dialect.false):
        value[0] = 0
        return TRUTH
    return 0


cdef int cell_value(Dialect dialect, Text p, Text stop, double *value) except -1:
    """The value of a cell; 0 when it is not plain."""
    cdef Text after
    cdef int kind = NUMBER
    while p < stop and (p[0] == SPACE or p[0] == TAB):
        p += 1
    while p < stop and ((stop - 1)[0] == SPACE or (stop - 1)[0] == TAB):
        stop -= 1
    after = after_number(p, stop, dialect.decimal, dialect.thousands, value)
    if after != stop or after == p:
        kind = word_value(dialect, p, stop - p, value)
    if kind == NO_VALUE:
        return kind if dialect.may_be_missing else 0
    return kind if -dialect.largest <= value[0] <= dialect.largest else 0


cdef inline bint is_in_line(Text p, Text stop) noexcept:
    return p < stop and p[0] != LF and p[0] != CR


cdef inline Text after_line_end(Text p, Text stop) noexcept:
    """The place behind the line end at p: LF, CR LF or CR."""
    return p + 2 if p[0] == CR and p + 1 < stop and p[1] == LF else p + 1


cdef int64_t line_ends(Text p, Text stop) noexcept:
    """How many lines end between two places."""
    cdef int64_t n = 0
    while p < stop:
        if p[0] == LF or p[0] == CR:
            n += 1
            p = after_line_end(p, stop)
        else:
            p += 1
    return n


def read_records(
    Dialect dialect not None,
    const unsigned char[::1] text not None,
    Py_ssize_t at,
    bint at_end,
    const int32_t[::1] uses not None,
    double[:, ::1] numbers not None,
    int64_t[:, :, ::1] spans not None,
    int64_t[::1] lines not None,
    unsigned char[:, ::1] seen not None,
    int64_t line,
    int64_t stop_line,
):
    """Read plain records, until there is no room, no more text, or one that is not plain.

    Parameters
    ----------
    dialect : Dialect
    text : bytes-like
    at : int
        Where a line begins.
    at_end : bool
        Whether nothing follows the text.
    uses : int32 array of shape (n_columns,)
        Of each column: the column of `numbers` it goes to; -1 for nothing; -2 - i when its place goes
        to ``spans[:, i]``.
    numbers : array of shape (n_room, n_numbers)
    spans : int64 array of shape (n_room, n_texts, 2)
        Gets where cells begin and end, with their quotes and the spaces around them.
    lines : int64 array of shape (n_room,)
        Gets the line that each record begins in.
    seen : uint8 array of shape (2, n_numbers)
        Gets 1 where a number was seen, and in its second row where a truth was.
    line : int
        The number of the line that begins at that place.
    stop_line : int
        No record is read that begins in that line or after it.

    Returns
    -------
    n_rows : int
    at, line : int
        Where, and in which line, the first record begins that was not read.
    why : FULL, MORE, ODD or LINE

    Raises
    ------
    ValueError
        When arrays do not fit each other.
    """
    cdef Py_ssize_t n_columns = uses.shape[0], n_room = lines.shape[0], i
    cdef Py_ssize_t n_numbers = numbers.shape[1], n_texts = spans.shape[1]
    if numbers.shape[0] != n_room or spans.shape[0] != n_room or spans.shape[2] != 2:
        raise ValueError("numbers, spans and lines must have room for as many rows")
    if seen.shape[0] != 2 or seen.shape[1] != n_numbers:
        raise ValueError("seen must have two rows, and as many columns as numbers")
    for i in range(n_columns):
        if uses[i] >= n_numbers or uses[i] < -1 - n_texts:
            raise ValueError(f"uses[{i}]={uses[i]}: there is no such column")
    if not 0 <= at <= text.shape[0]:
        raise ValueError(f"at={at}: is not a place in the text")
    if text.shape[0] == 0 or n_room == 0:
        return 0, at, line, LINE if line >= stop_line else MORE if n_room else FULL

    cdef Text begin = &text[0]
    cdef Text stop = begin + text.shape[0], start = begin + at, p, cell, inner, found, last
    cdef unsigned char separator = dialect.separator
    cdef Text comment = <Text> dialect.comment
    cdef Py_ssize_t n_comment = len(dialect.comment), n_rows = 0, column
    cdef int64_t ends
    cdef bint is_plain
    cdef int32_t use
    cdef int kind
    cdef double value = 0

    while True:
        if line >= stop_line:
            return n_rows, start - begin, line, LINE
        if n_rows == n_room:
            return n_rows, start - begin, line, FULL
        if start == stop:
            return n_rows, start - begin, line, MORE

        # Lines that say nothing.
        p = start
        while p < stop and (p[0] == SPACE or (p[0] == TAB and separator != TAB)):
            p += 1
        is_plain = is_in_line(p, stop)
        if n_comment and n_comment <= stop - start and memcmp(start, comment, n_comment) == 0:
            is_plain = False
            while is_in_line(p, stop):
                p += 1
        if not is_plain:
            if not at_end and (p == stop or (p[0] == CR and p + 1 == stop)):
                return n_rows, start - begin, line, MORE
            if p < stop:
                p = after_line_end(p, stop)
                line += 1
            start = p
            continue

        p = start
        while separator == SPACE and p < stop and p[0] == SPACE:
            p += 1
        column, ends = 0, 0
        while True:  # cells
            cell = inner = p
            while inner < stop and (inner[0] == SPACE or inner[0] == TAB) and inner[0] != separator:
                inner += 1
            is_plain = True
            if inner < stop and inner[0] == QUOTE:
                inner += 1
                p = inner
                while True:
                    found = <Text> memchr(p, QUOTE, stop - p)
                    if found == NULL:
                        return n_rows, start - begin, line, ODD if at_end else MORE
                    if found + 1 == stop or found[1] != QUOTE:
                        break
                    is_plain = False
                    p = found + 2
                if found + 1 == stop and not at_end:
                    return n_rows, start - begin, line, MORE
                last = found
                ends += line_ends(inner, last)
                p = found + 1
                while is_in_line(p, stop) and p[0] != separator:
                    is_plain = is_plain and (p[0] == SPACE or p[0] == TAB)
                    p += 1
            else:
                p = inner
                while is_in_line(p, stop) and p[0] != separator:
                    p += 1
                last = p
            if p == stop and not at_end:
                return n_rows, start - begin, line, MORE
            if column < n_columns:
                use = uses[column]
                if use >= 0:
                    kind = cell_value(dialect, inner, last, &value) if is_plain else 0
                    if kind == 0:
                        return n_rows, start - begin, line, ODD
                    numbers[n_rows, use] = value
                    if kind != NO_VALUE:
                        seen[kind == TRUTH, use] = 1
                elif use < -1:
                    spans[n_rows, -2 - use, 0] = cell - begin
                    spans[n_rows, -2 - use, 1] = p - begin
            column += 1
            if p < stop and p[0] == separator:
                p += 1
                if separator != SPACE:
                    continue
                while p < stop and p[0] == SPACE:
                    p += 1
                if p == stop and not at_end:
                    return n_rows, start - begin, line, MORE
                if is_in_line(p, stop):
                    continue
            break
        if column != n_columns:
            return n_rows, start - begin, line, ODD
        if p < stop:
            if p[0] == CR and p + 1 == stop and not at_end:
                return n_rows, start - begin, line, MORE
            p = after_line_end(p, stop)
            ends += 1
        lines[n_rows] = line
        n_rows += 1
        line += ends
        start = p
