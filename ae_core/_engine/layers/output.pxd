# The output layer, whichever way its loss is taken.

from cython cimport floating

from ae_core._engine.batch cimport Batch, Tile
from ae_core._engine.plan cimport Piece
from ae_core._engine.workspace cimport Workspace


cdef double output_pass(
    Workspace space, Tile* tile, const floating* params, floating* into,
) noexcept nogil

cdef double output_delta(
    Workspace space, Tile* tile, const floating* params, floating* delta,
) noexcept nogil

cdef bint makes_output_gradient(
    Workspace space, Piece* piece, Batch* batch, floating* gradient,
) noexcept nogil

cdef bint adds_output_gradient(Workspace space, Piece* piece, floating* gradient) noexcept nogil

cdef void output_bias_gradient(Workspace space, Batch* batch, floating* gradient) noexcept nogil
