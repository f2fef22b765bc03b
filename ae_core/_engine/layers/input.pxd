# The input, whichever way it is looked at: whole, or its stored elements alone.

from cython cimport floating

from ae_core._engine.batch cimport Batch, Tile
from ae_core._engine.plan cimport Piece
from ae_core._engine.workspace cimport Workspace


cdef void fill_input(Workspace space, Tile* tile, const floating* params) noexcept nogil

cdef bint makes_sums(
    Workspace space, Tile* tile, const floating* params, floating* sums,
) noexcept nogil

cdef bint makes_input_gradient(
    Workspace space, Piece* piece, Batch* batch, floating* gradient,
) noexcept nogil
