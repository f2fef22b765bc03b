# A network on rows of doubles in the units of the data, without any Python object.

from cython cimport floating

from ae_core._engine.columns cimport Columns
from ae_core._engine.kernels.table cimport ae_kernels, ae_output
from ae_core._engine.plan cimport Plan

# What a call is asked for.
cdef enum:
    RECONSTRUCTION, CODE, ERRORS

# How it went: AE_OK, AE_NO_MEMORY and AE_BAD_VALUE of the C interface.
cdef enum:
    DONE = 0
    NO_MEMORY = -1
    BAD_VALUE = -4


cdef class Served:
    cdef Plan plan
    cdef Columns columns                # of a mixed table; else None
    cdef const ae_kernels* K
    cdef Py_ssize_t itemsize, n_features, n_components
    cdef readonly Py_ssize_t n_columns  # of a row that is given: n_features, unless it is mixed
    cdef const char* params
    cdef const double* shift            # both NULL: columns are not scaled
    cdef const double* factor
    cdef bint clip, has_missing
    cdef ae_output output
    cdef object keep_alive

    cdef int infer(
        self, int wanted, Py_ssize_t n_rows, const double* X, double* result,
    ) noexcept nogil


cdef bint is_fine(Py_ssize_t count, const floating* x, bint may_be_nan) noexcept nogil
