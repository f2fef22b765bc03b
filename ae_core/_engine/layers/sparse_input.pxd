# An input of which only what CSR stores is looked at.

from cython cimport floating
from libc.stdint cimport int32_t

from ae_core._engine.batch cimport Batch, Tile
from ae_core._engine.kernels.table cimport ae_corruption, ae_kernels
from ae_core._engine.memory cimport Buffer
from ae_core._engine.plan cimport Departure, Layer, Piece, Plan
from ae_core._engine.rows cimport Rows


# The batch's stored elements of features, one row after the other.
ctypedef struct Stored:
    Py_ssize_t* starts      # (n_order + 1,): where the elements of each row of the job would start
    int32_t* columns        # (n,) of each element
    void* inputs            # (n,) what the network is given
    void* seen              # (n,) 1, or 0 for what is hidden; NULL: the network is not told
    void* targets           # (n,) what the output is compared with; NULL: all of it is compared


cdef inline Py_ssize_t start_of(Stored* stored, Batch* batch, Py_ssize_t row) noexcept nogil:
    """Where the elements of a row of the batch start."""
    return stored.starts[batch.first + row] - stored.starts[batch.first]


cdef class SparseInput(Departure):
    cdef Rows rows
    cdef ae_corruption corruption
    cdef Py_ssize_t n_stored            # of a batch, at most
    cdef Buffer starts
    cdef bint keeps_targets
    cdef Stored stored

    cdef void fill(self, Tile* tile, floating* inputs) noexcept nogil
    cdef void forward(self, const floating* params, Tile* tile, floating* sums) noexcept nogil
    cdef void gradient(
        self, Piece* piece, Batch* batch, const floating* delta, const floating* output_delta,
        const floating* H, Py_ssize_t n_shared, floating* gradient,
    ) noexcept nogil


cdef bint is_looked_at_sparsely(Plan plan, Rows rows, bint zeros_stay)

cdef Py_ssize_t first_from(
    const int32_t* columns, Py_ssize_t low, Py_ssize_t high, int32_t column,
) noexcept nogil

cdef void sums_of_rows(
    Plan plan, Rows rows, const ae_kernels* K, Layer* layer, const floating* params,
    Py_ssize_t first, int n_rows, floating* sums,
) noexcept nogil
