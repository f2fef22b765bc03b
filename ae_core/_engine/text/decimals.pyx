"""Numbers in a text, as the double nearest to each."""

from cpython.ref cimport PyObject
from libc.stdint cimport uint64_t

cdef extern from "decimal.h" nogil:
    enum:
        AE_LARGEST_POWER
    uint64_t ae_power[]
    int ae_power_exponent[]
    int ae_decimal(uint64_t w, int q, double *value)

cdef extern from "Python.h":
    double PyOS_string_to_double(const char *text, char **end, PyObject *overflow) except? -1.0

cdef enum:
    MOST_DIGITS = 19  # that 64 bits hold
    LONGEST_NUMBER = 400
    FAR = 100000  # an exponent beyond all doubles


cdef learn_powers():
    """Fill the tables of powers of ten, which `decimal.h` declares."""
    for q in range(-AE_LARGEST_POWER, AE_LARGEST_POWER + 1):
        # 10**q = upper * 2**exponent, and less than one unit more
        n = 10 ** abs(q)
        exponent = n.bit_length() - 64
        if q >= 0:
            upper = n >> exponent if exponent > 0 else n << -exponent
        else:
            exponent = -n.bit_length() - 63
            upper = (1 << -exponent) // n
            if upper >> 64:
                exponent += 1
                upper = (1 << -exponent) // n
        ae_power[q + AE_LARGEST_POWER] = upper
        ae_power_exponent[q + AE_LARGEST_POWER] = exponent


learn_powers()


cdef inline bint is_digit(unsigned char c) noexcept:
    return 48 <= c <= 57


cdef bint is_group(Text p, Text stop) noexcept:
    """Whether just three digits follow."""
    return (
        stop - p >= 3 and is_digit(p[0]) and is_digit(p[1]) and is_digit(p[2])
        and (stop - p == 3 or not is_digit(p[3]))
    )


cdef Text after_number(
    Text p, Text stop, unsigned char decimal, unsigned char thousands, double *value
) except? NULL:
    """Read the number that begins at p: the place behind it, or p itself where no number begins.

    A `thousands` of 0 means that digits are not grouped. Digits of up to 64 bits are converted here, and
    where that is not certain to give the nearest double, Python converts a copy of the text.
    """
    cdef bint has_groups = False
    cdef Text start = p, first
    cdef uint64_t w = 0
    cdef int n_digits = 0, n_significant = 0, q = 0, exponent = 0
    cdef bint is_negative = False, exponent_is_negative = False
    cdef char copy[LONGEST_NUMBER + 2]
    cdef Py_ssize_t length = 0
    if p < stop and (p[0] == 43 or p[0] == 45):
        is_negative = p[0] == 45
        p += 1
    first = p
    while p < stop and is_digit(p[0]):
        n_digits += 1
        if n_significant or p[0] != 48:
            n_significant += 1
            if n_significant <= MOST_DIGITS:
                w = 10 * w + (p[0] - 48)
        p += 1
        if n_digits > LONGEST_NUMBER:
            return start
        if thousands and p < stop and p[0] == thousands and (has_groups or n_digits <= 3):
            if first[0] == 48 or not is_group(p + 1, stop):  # 0.125 has no thousands
                return start
            has_groups = True
            p += 1
    if p < stop and p[0] == decimal:
        p += 1
        while p < stop and is_digit(p[0]):
            n_digits += 1
            q -= 1
            if n_significant or p[0] != 48:
                n_significant += 1
                if n_significant <= MOST_DIGITS:
                    w = 10 * w + (p[0] - 48)
            p += 1
            if n_digits > LONGEST_NUMBER:
                return start
    if n_digits == 0:
        return start
    if p < stop and (p[0] == 69 or p[0] == 101):
        p += 1
        if p < stop and (p[0] == 43 or p[0] == 45):
            exponent_is_negative = p[0] == 45
            p += 1
        if p == stop or not is_digit(p[0]):
            return start
        while p < stop and is_digit(p[0]):
            exponent = min(10 * exponent + (p[0] - 48), FAR)
            p += 1
        q += -exponent if exponent_is_negative else exponent
    if n_significant > MOST_DIGITS or not ae_decimal(w, q, value):
        if p - start > LONGEST_NUMBER:
            return start
        while start < p:
            if not thousands or start[0] != thousands:
                copy[length] = 46 if start[0] == decimal else <char> start[0]
                length += 1
            start += 1
        copy[length] = 0
        value[0] = PyOS_string_to_double(copy, NULL, NULL)  # infinity beyond all doubles
        return p
    if is_negative:
        value[0] = -value[0]
    return p
