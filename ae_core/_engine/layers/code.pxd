# A code of which more is asked: few active units, small ones, a mean activation, or a distribution.

from cython cimport floating

from ae_core._engine.batch cimport Batch, Tile
from ae_core._engine.kernels.table cimport ae_kernels
from ae_core._engine.plan cimport Departure, Plan


cdef class Code(Departure):
    cdef Py_ssize_t tile_rows
    cdef void* posterior        # (m, 2k): mean and log-variance of a variational code
    cdef void* epsilon          # (m, k): the noise of its draw
    cdef double* sums           # (n_tiles, k): weighted sums of the code
    cdef void** means           # [n_threads] (k,): ρ̂, doubles

    cdef void forward(self, Tile* tile, floating* H) noexcept nogil
    cdef double losses(self, Tile* tile, const floating* H) noexcept nogil
    cdef void backward(self, Tile* tile, const floating* H, floating* delta) noexcept nogil
    cdef double sparsity(self, Batch* batch, int thread) noexcept nogil


cdef void infer_code(
    Plan plan, const ae_kernels* K, int n_rows, floating* code, floating* to, floating* mask,
) noexcept nogil
