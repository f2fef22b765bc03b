# Rows of a table as a network sees them, wherever and as whatever they stand.

from cython cimport floating
from libc.stdint cimport int32_t

from ae_core._engine.kernels.table cimport ae_kernels
from ae_core._engine.memory cimport Buffer


cdef class Rows:
    cdef Py_ssize_t n_rows, n_columns
    cdef const char* data               # element (i, j) at data + i * row + j * column bytes;
    cdef Py_ssize_t row, column         # of CSR: the stored elements, one after the other
    cdef Py_ssize_t itemsize
    cdef int type
    cdef bint clip
    cdef bint has_missing                 # NaN is unseen; with `implicit` what is not stored is
    cdef bint implicit
    cdef const Py_ssize_t* starts       # of CSR, (n_rows + 1,): of the rows' elements; else NULL
    cdef const int32_t* columns         # of each element
    cdef const double* shift            # (n_columns,): seen is (element - shift) * factor;
    cdef const double* factor           # both NULL: the element itself
    cdef const double* weights          # (n_rows,), or NULL: all 1
    cdef const double* sizes            # (n_rows,): how much was counted of each; or NULL

    cdef Py_buffer view
    cdef Buffer neutral                 # the one of shift and factor that was not given
    cdef object keep_alive

    cdef bint is_plain(self, Py_ssize_t itemsize) noexcept nogil
    cdef bint is_in_place(self, Py_ssize_t itemsize) noexcept nogil
    cdef bint zeros_stay(self) noexcept nogil
    cdef double stored(self, Py_ssize_t element) noexcept nogil
    cdef Py_ssize_t stop_of(self, Py_ssize_t row, Py_ssize_t n) noexcept nogil


cdef void gather(
    Rows rows, const ae_kernels* K, const Py_ssize_t* order, Py_ssize_t first, int n_rows,
    Py_ssize_t first_column, Py_ssize_t n, floating* to, Py_ssize_t length,
) noexcept nogil

cdef void gather_per_row(
    const double* per_row, const Py_ssize_t* order, Py_ssize_t first, int n_rows, double* to,
) noexcept nogil
