# What a network is given of rows that are looked at whole, where that is not the rows themselves.

from cython cimport floating
from libc.stdint cimport uint16_t

from ae_core._engine.batch cimport Batch
from ae_core._engine.kernels.table cimport ae_corruption, ae_kernels
from ae_core._engine.plan cimport Plan


cdef void give(
    Plan plan, const ae_kernels* K, const ae_corruption* how, Batch* batch, uint16_t* numbers,
    Py_ssize_t first, int n_rows, const double* sizes, const floating* targets, floating* inputs,
    floating* side, Py_ssize_t n_side,
) noexcept nogil
