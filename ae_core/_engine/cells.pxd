# Phase 1 of a long step on few rows, which is cut by columns too.

from cython cimport floating

from ae_core._engine.batch cimport Batch, Scratch
from ae_core._engine.workspace cimport Workspace


# What is done between two barriers.
ctypedef struct Phase:
    int kind        # of cells.pyx
    int layer


cdef int n_phases(Workspace space) noexcept nogil

cdef Phase phase_of(Workspace space, int number) noexcept nogil

cdef bint takes_loss(Phase* phase) noexcept nogil

cdef Py_ssize_t n_cells(Workspace space, Batch* batch, Phase* phase) noexcept nogil

cdef double do_cell(
    Workspace space, Phase* phase, Py_ssize_t cell, Batch* batch, Scratch* mine,
    const floating* params,
) noexcept nogil
