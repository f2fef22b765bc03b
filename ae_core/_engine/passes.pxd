# Forward and backward over a tile of rows; the weight gradient over a slice of parameters.

from cython cimport floating

from ae_core._engine.batch cimport Batch, Tile
from ae_core._engine.kernels.table cimport ae_kernels
from ae_core._engine.plan cimport Plan, Slice
from ae_core._engine.workspace cimport Workspace


cdef void fill_tile(Workspace space, Tile* tile, const floating* params) noexcept nogil

cdef void encode_tile(Workspace space, Tile* tile, const floating* params) noexcept nogil

cdef double finish_tile(Workspace space, Tile* tile, const floating* params) noexcept nogil

cdef void slice_gradient(
    Workspace space, Slice* slice, Batch* batch, const floating* params, floating* gradient,
) noexcept nogil

cdef double slice_penalty(
    Plan plan, const ae_kernels* K, Slice* slice, const floating* params,
) noexcept nogil
