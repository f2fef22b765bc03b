# A tile of rows, forward and backward.

from cython cimport floating

from ae_core._engine.batch cimport Tile
from ae_core._engine.workspace cimport Workspace


cdef void fill_tile(Workspace space, Tile* tile, const floating* params) noexcept nogil

cdef void encode_tile(Workspace space, Tile* tile, const floating* params) noexcept nogil

cdef double finish_tile(Workspace space, Tile* tile, const floating* params) noexcept nogil

# Parts of these, for steps that are cut by columns (cells.pyx).

cdef void change_units(Workspace space, Tile* tile, int layer, floating* H) noexcept nogil

cdef void add_unit_losses(
    Workspace space, Tile* tile, const floating* params, double* loss,
) noexcept nogil

cdef void back_through_units(
    Workspace space, Tile* tile, int layer, const floating* H, floating* delta,
) noexcept nogil

cdef double output_delta(
    Workspace space, Tile* tile, const floating* params, floating* delta,
) noexcept nogil
