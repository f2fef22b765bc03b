# Rows of mixed tables as doubles, one for each column, and as the numbers that a network is given.

cdef enum:
    NUMBER, FLAG, CATEGORY


cdef struct Column:
    int kind, start, width          # of the encoded columns: the first, and how many
    bint is_whole                   # a number that is given back rounded, and within:
    double low, high


cdef class Columns:
    cdef Column* columns            # [n_columns]
    cdef int n_columns, n_encoded
    cdef int n_others               # with a column at the end for other categories: how many, else 0

    cdef bint encode(
        self, Py_ssize_t n_rows, const double* X, bint has_missing, double* encoded,
    ) noexcept nogil
    cdef void decode(self, Py_ssize_t n_rows, const double* encoded, double* X_hat) noexcept nogil
