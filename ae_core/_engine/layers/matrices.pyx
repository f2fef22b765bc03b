"""Small matrices that stand between the weights and the rows: of an output that is not made
(low_rank_output.pyx), and of the contractive penalty (contraction.pyx).

Before the rows they are made of all weights, after them of all rows, and then of one another. Each
time there are numbered blocks of work, first the output's, so that threads can share them.
"""

from cython cimport floating

from ae_core._engine.batch cimport Batch, Scratch
from ae_core._engine.workspace cimport Workspace


cdef inline int n_of_output(Workspace space, int when) noexcept nogil:
    """How many of the blocks are the output's."""
    if space.low_rank_output is None:
        return 0
    if when == BEFORE_ROWS:
        return space.low_rank_output.n_small() + space.low_rank_output.n_large()
    if when == AFTER_ROWS:
        return space.low_rank_output.n_small()
    return space.low_rank_output.n_large()


cdef int n_blocks(Workspace space, int when) noexcept nogil:
    """How many blocks of work there are; 0 where a network has no such matrices."""
    cdef int n = n_of_output(space, when)
    if space.contraction is not None and when != AFTER_MATRICES:
        n += space.contraction.n_blocks()
    return n


cdef void make_block(
    Workspace space, int when, int block, const floating* params, Batch* batch, Scratch* mine,
) noexcept nogil:
    """Do one of them."""
    cdef int n = n_of_output(space, when)
    if block >= n and when == BEFORE_ROWS:
        space.contraction.before_rows[floating](params, block - n)
    elif block >= n:
        space.contraction.after_rows[floating](batch, block - n, <floating*> space.contraction.S)
    elif when == BEFORE_ROWS:
        space.low_rank_output.before_rows[floating](params, block)
    elif when == AFTER_ROWS:
        space.low_rank_output.after_rows[floating](
            batch, block, <floating*> space.low_rank_output.S,
        )
    else:
        space.low_rank_output.after_matrices[floating](
            batch, mine, block, <floating*> space.low_rank_output.S,
        )
