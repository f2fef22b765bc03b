"""Mixed tables without Python: of each column one double, and what `ae_core.data.encoding` makes of it.

A number is itself, a flag 0 or 1, a category its place among those of the fit, from 0 on; NaN is
missing, and -1 a category that the fit did not have.
"""

from libc.math cimport NAN, rint
from libc.stdlib cimport calloc, free

KINDS = ("number", "flag", "category")


cdef class Columns:
    """How each column is encoded; made once, then only read.

    Parameters
    ----------
    columns : list of (kind, width, limits)
        From left to right: one of `KINDS`; how many columns it becomes; of whole numbers the
        smallest and the largest, else None.
    has_others : bool
        Whether other categories have columns of their own after all, one for each column of
        categories.
    """

    def __cinit__(self, list columns, bint has_others):
        cdef Column* column
        self.columns = <Column*> calloc(len(columns) + 1, sizeof(Column))
        if self.columns == NULL:
            raise MemoryError("no memory for the columns of a table")
        self.n_columns = len(columns)
        for i, (kind, width, limits) in enumerate(columns):
            column = &self.columns[i]
            column.kind, column.start, column.width = KINDS.index(kind), self.n_encoded, width
            column.is_whole = limits is not None
            if column.is_whole:
                column.low, column.high = limits
            self.n_encoded += width
            self.n_others += has_others and column.kind == CATEGORY

    def __dealloc__(self):
        free(self.columns)

    cdef bint encode(
        self, Py_ssize_t n_rows, const double* X, bint has_missing, double* encoded,
    ) noexcept nogil:
        """encoded (n_rows, n_encoded + n_others) of X (n_rows, n_columns); or False for no such rows."""
        cdef Py_ssize_t width = self.n_encoded + self.n_others, i, j
        cdef const Column* column
        cdef double* own
        cdef double* other
        cdef double x, nothing
        cdef int k, code
        for i in range(n_rows):
            own, other = encoded + i * width, encoded + i * width + self.n_encoded
            for j in range(self.n_columns):
                column, x = &self.columns[j], X[i * self.n_columns + j]
                if x != x and not has_missing:
                    return False
                if column.kind != CATEGORY:
                    if column.kind == FLAG and x == x and x != 0 and x != 1:
                        return False
                    own[0] = x
                else:
                    # Whatever is no such number has no place among ints either.
                    if x == x and not (-1 <= x < column.width and x == rint(x)):
                        return False
                    code = -1 if x != x else <int> x
                    if code < 0 and x == x and not (has_missing or self.n_others):
                        return False
                    nothing = NAN if x != x or (code < 0 and not self.n_others) else 0
                    for k in range(column.width):
                        own[k] = nothing
                    if code >= 0:
                        own[code] = 1
                    if self.n_others:
                        other[0] = x == x and code < 0
                        other += 1
                own += column.width
        return True

    cdef void decode(self, Py_ssize_t n_rows, const double* encoded, double* X_hat) noexcept nogil:
        """X_hat (n_rows, n_columns) of encoded (n_rows, n_encoded): of categories the most probable."""
        cdef const Column* column
        cdef const double* own
        cdef Py_ssize_t i, j
        cdef int k, best
        cdef double x
        for i in range(n_rows):
            for j in range(self.n_columns):
                column, own = &self.columns[j], encoded + i * self.n_encoded + self.columns[j].start
                x = own[0]
                if column.kind == FLAG:
                    x = x >= 0.5
                elif column.kind == CATEGORY:
                    best = 0
                    for k in range(1, column.width):
                        if own[k] > own[best]:
                            best = k
                    x = best
                elif column.is_whole and x == x:
                    x = min(max(rint(x), column.low), column.high)
                X_hat[i * self.n_columns + j] = x
