"""Rows of a table, seen scaled and cast: what `ae_core.data.rows.Rows` is to Python."""

import sys

from cpython.buffer cimport PyBUF_RECORDS_RO, PyBuffer_Release, PyObject_GetBuffer
from cython cimport floating
from libc.math cimport NAN
from libc.stdint cimport int32_t
from libc.string cimport memcpy, strchr

from ae_core._engine.kernels.table cimport AE_BYTE, AE_DOUBLE, AE_FLOAT, ae_kernels
from ae_core._engine.memory cimport Buffer

cdef extern from "memory.h" nogil:
    void ae_prefetch(const char* address, Py_ssize_t bytes)

# Tables up to this size stay in a cache.
cdef enum:
    AHEAD_BYTES = 262144

cdef dict TYPES = {b"f": AE_FLOAT, b"d": AE_DOUBLE, b"B": AE_BYTE}

# Prefixes of a buffer's format that name this machine's byte order; "=" and "@" mean it as well.
cdef const char* OWN_ORDER = b"@=<" if sys.byteorder == "little" else b"@=>!"


cdef class Rows:
    """A table held for as long as this lives; neither copied nor changed.

    Parameters
    ----------
    X : array of float32, float64 or uint8, shape (n_rows, n_columns), any strides
        Of CSR its stored elements, shape (1, n_stored).
    shift, factor : array of shape (n_columns,), optional
    sample_weight : array of shape (n_rows,), optional
    clip : bool
        Whether numbers outside 0 … 1 are seen as 0 or 1.
    has_missing : bool
        Whether elements may be NaN, which then is unseen.
    starts, columns : arrays of shape (n_rows + 1,) and (n_stored,), optional
        Of CSR: where the rows' elements start, and which columns' they are, ascending in a row.
    n_columns : int
        Of CSR.
    implicit : bool
        Whether what CSR does not store is unseen, and not 0.
    sizes : array of shape (n_rows,), optional
        How much was counted of each row, above 0.

    Raises
    ------
    ValueError
        When X is something else, or the others do not fit it.
    """

    def __cinit__(
        self, X, const double[::1] shift=None, const double[::1] factor=None,
        const double[::1] sample_weight=None, bint clip=False, bint has_missing=False,
        const Py_ssize_t[::1] starts=None, const int32_t[::1] columns=None,
        Py_ssize_t n_columns=0, bint implicit=False, const double[::1] sizes=None,
    ):
        PyObject_GetBuffer(X, &self.view, PyBUF_RECORDS_RO)
        cdef const char* kind = self.view.format
        if kind[0] and strchr(OWN_ORDER, kind[0]) != NULL:
            kind += 1
        if self.view.ndim != 2 or kind not in TYPES:
            raise ValueError(
                f"X has {self.view.ndim} dimensions of {self.view.format.decode()!r}: "
                "2 of float32, float64 or uint8 are needed"
            )
        self.clip, self.has_missing, self.implicit = clip, has_missing or implicit, implicit
        self.type = TYPES[kind]
        self.data, self.itemsize = <const char*> self.view.buf, self.view.itemsize
        self.n_rows, self.n_columns = self.view.shape[0], self.view.shape[1]
        self.row, self.column = self.view.strides[0], self.view.strides[1]
        if starts is not None:
            self._index(starts, columns, n_columns)
        elif implicit:
            raise ValueError("only what CSR does not store can be unseen by that")
        for name, numbers, length in (
            ("shift", shift, self.n_columns), ("factor", factor, self.n_columns),
            ("sample_weight", sample_weight, self.n_rows), ("sizes", sizes, self.n_rows),
        ):
            if numbers is not None and len(numbers) != length:
                raise ValueError(f"{name} has {len(numbers)} entries: {length} are needed")
        self.keep_alive = (shift, factor, sample_weight, starts, columns, sizes)
        if self.n_columns and (shift is not None or factor is not None):
            self._scale(shift, factor)
        if self.n_rows and sample_weight is not None:
            self.weights = &sample_weight[0]
        if self.n_rows and sizes is not None:
            self.sizes = &sizes[0]

    def _index(
        self, const Py_ssize_t[::1] starts, const int32_t[::1] columns, Py_ssize_t n_columns,
    ):
        """Check what CSR says of its elements, and hold it."""
        cdef Py_ssize_t n_stored = self.n_columns, n = len(starts) - 1, i, t, before
        if self.n_rows != 1 or columns is None or len(columns) != n_stored or n < 0:
            raise ValueError("X has to be (1, n_stored), with a column for each element")
        if starts[0] != 0 or starts[n] != n_stored or n_columns >= 2**31:
            raise ValueError("starts has to go from 0 to the number of elements")
        with nogil:
            for i in range(n):
                before = -1
                # Each against the end too: a later row that falls is seen only after these elements.
                if starts[i] > starts[i + 1] or starts[i + 1] > n_stored:
                    with gil:
                        raise ValueError(f"starts falls after row {i}, or goes beyond the end")
                for t in range(starts[i], starts[i + 1]):
                    if columns[t] <= before or columns[t] >= n_columns:
                        with gil:
                            raise ValueError(f"the columns of row {i} have to ascend")
                    before = columns[t]
        self.n_rows, self.n_columns = n, n_columns
        self.starts = &starts[0]
        self.columns = &columns[0] if n_stored else NULL

    def __dealloc__(self):
        PyBuffer_Release(&self.view)

    def _scale(self, const double[::1] shift, const double[::1] factor):
        """If one of shift and factor is absent use 0 or 1, which is exact also for -0.0 and NaN."""
        cdef Py_ssize_t j
        cdef double* neutral = NULL
        if shift is None or factor is None:
            self.neutral = Buffer(self.n_columns * sizeof(double), "one number per column")
            neutral = <double*> self.neutral.data
            for j in range(self.n_columns):
                neutral[j] = 0 if shift is None else 1
        self.shift = &shift[0] if shift is not None else neutral
        self.factor = &factor[0] if factor is not None else neutral

    def is_finite(self):
        """Whether all of a dense table is; of a few rows, NumPy takes ten times as long to start."""
        cdef Py_ssize_t i, j
        cdef const char* row
        cdef double x
        if self.starts != NULL:
            raise ValueError("a dense table is needed")
        for i in range(self.n_rows):
            row = self.data + i * self.row
            for j in range(self.n_columns):
                x = number_at(self.type, row + j * self.column)
                if x - x != 0:  # NaN, which is no number's difference from itself
                    return False
        return True

    cdef bint is_plain(self, Py_ssize_t itemsize) noexcept nogil:
        """Whether a row stands as a network of that type sees it."""
        return (
            self.starts == NULL
            and self.type == (AE_FLOAT if itemsize == sizeof(float) else AE_DOUBLE)
            and self.factor == NULL and not self.clip and self.column == itemsize
        )

    cdef bint is_in_place(self, Py_ssize_t itemsize) noexcept nogil:
        """Whether all rows do, one after the other."""
        return (
            self.is_plain(itemsize) and self.row == self.n_columns * itemsize
            and not self.has_missing
        )

    cdef bint zeros_stay(self) noexcept nogil:
        """Whether what CSR does not store is 0 to the network too, so that it need not be looked at."""
        cdef Py_ssize_t j
        if self.implicit or self.shift == NULL:
            return True
        for j in range(self.n_columns):
            if self.shift[j] != 0:
                return False
        return True

    cdef double stored(self, Py_ssize_t element) noexcept nogil:
        """A stored element of CSR, as a network sees it."""
        cdef double x = number_at(self.type, self.data + element * self.column)
        cdef int32_t j = self.columns[element]
        if self.factor != NULL:
            x = (x - self.shift[j]) * self.factor[j]
        # NaN stays NaN.
        return min(max(x, 0.0), 1.0) if self.clip and x == x else x

    cdef Py_ssize_t stop_of(self, Py_ssize_t row, Py_ssize_t n) noexcept nogil:
        """Where CSR's elements of a row end that stand in its first n columns."""
        cdef Py_ssize_t stop = self.starts[row + 1]
        while stop > self.starts[row] and self.columns[stop - 1] >= n:
            stop -= 1
        return stop


cdef inline double number_at(int type, const char* at) noexcept nogil:
    """The element of a table of that type that stands there."""
    if type == AE_FLOAT:
        return (<const float*> at)[0]
    if type == AE_DOUBLE:
        return (<const double*> at)[0]
    return (<const unsigned char*> at)[0]


cdef void gather(
    Rows rows, const ae_kernels* K, const Py_ssize_t* order, Py_ssize_t first, int n_rows,
    Py_ssize_t first_column, Py_ssize_t n, floating* to, Py_ssize_t length,
) noexcept nogil:
    """to (n_rows, n) = n columns of the rows order[first], …; of all in turn if order is NULL.

    The rows of `to` are `length` elements apart. NaN is what is unseen.
    """
    if rows.starts != NULL:
        gather_stored(rows, order, first, n_rows, first_column, n, to, length)
        return
    cdef const char* row
    cdef const char* data = rows.data + first_column * rows.column
    cdef const double* shift = rows.shift + first_column if rows.shift != NULL else NULL
    cdef const double* factor = rows.factor + first_column if rows.factor != NULL else NULL
    cdef Py_ssize_t i, j, last = first + n_rows - 1
    cdef bint is_plain = rows.is_plain(sizeof(floating))
    # Shuffled rows of a table beyond the caches are not what the hardware foresees.
    cdef bint look_ahead = (
        order != NULL and rows.column == rows.itemsize and rows.n_rows * rows.row > AHEAD_BYTES
    )
    for i in range(first, first + n_rows):
        row = data + (order[i] if order != NULL else i) * rows.row
        if look_ahead and i < last:
            ae_prefetch(data + order[i + 1] * rows.row, n * rows.itemsize)
        if is_plain:
            memcpy(to, row, n * sizeof(floating))
        else:
            K.see(rows.type, n, row, rows.column, shift, factor, to)
        if rows.clip:
            for j in range(n):
                if to[j] == to[j]:
                    to[j] = min(max(to[j], <floating> 0), <floating> 1)
        to += length


cdef void gather_stored(
    Rows rows, const Py_ssize_t* order, Py_ssize_t first, int n_rows, Py_ssize_t first_column,
    Py_ssize_t n, floating* to, Py_ssize_t length,
) noexcept nogil:
    """The same of CSR."""
    cdef Py_ssize_t i, j, t, row, at
    cdef double nothing = NAN if rows.implicit else 0
    cdef bint zeros_stay = rows.zeros_stay()
    for i in range(first, first + n_rows):
        row = order[i] if order != NULL else i
        for j in range(n):
            to[j] = <floating> nothing
            if not zeros_stay:
                at = first_column + j
                to[j] = <floating> ((0 - rows.shift[at]) * rows.factor[at])
                if rows.clip:
                    to[j] = min(max(to[j], <floating> 0), <floating> 1)
        for t in range(rows.starts[row], rows.starts[row + 1]):
            at = rows.columns[t] - first_column
            if 0 <= at < n:
                to[at] = <floating> rows.stored(t)
        to += length


cdef void gather_per_row(
    const double* per_row, const Py_ssize_t* order, Py_ssize_t first, int n_rows, double* to,
) noexcept nogil:
    """to (n_rows,) = the weights, or sizes, of the same rows."""
    cdef Py_ssize_t i
    for i in range(n_rows):
        to[i] = per_row[order[first + i] if order != NULL else first + i]
