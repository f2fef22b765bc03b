# How unusual rows are to a detector: all that `ae_core.detection.ensemble` says of them, in one call.

from ae_core._engine.columns cimport Columns
from ae_core._engine.judge cimport Judge


cdef class Detector(Judge):
    cdef list keep_alive

    cdef int scores_of(
        self, Py_ssize_t n_rows, const double* X, Columns columns, bint has_missing, double* scores,
    ) noexcept nogil
