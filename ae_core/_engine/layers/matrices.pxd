# Small matrices that some layers need of all weights before the rows, or of all rows after them.

from cython cimport floating

from ae_core._engine.batch cimport Batch, Scratch
from ae_core._engine.workspace cimport Workspace

# When they are made, each time in numbered blocks.
cdef enum:
    BEFORE_ROWS, AFTER_ROWS, AFTER_MATRICES


cdef int n_blocks(Workspace space, int when) noexcept nogil

cdef void make_block(
    Workspace space, int when, int block, const floating* params, Batch* batch, Scratch* mine,
) noexcept nogil
