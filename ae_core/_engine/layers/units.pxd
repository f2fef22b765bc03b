# What happens to a layer's activations before the next layer is given them.

from cython cimport floating

from ae_core._engine.batch cimport Tile
from ae_core._engine.workspace cimport Workspace


cdef void change_units(Workspace space, Tile* tile, int layer, floating* H) noexcept nogil

cdef void add_unit_losses(
    Workspace space, Tile* tile, const floating* params, double* loss,
) noexcept nogil

cdef void back_through_units(
    Workspace space, Tile* tile, int layer, const floating* H, floating* delta,
) noexcept nogil
