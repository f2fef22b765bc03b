# Phase 1 of a long step on few rows, which is cut by columns too.

from cython cimport floating

from ae_core._engine.batch cimport Batch, Scratch
from ae_core._engine.workspace cimport Workspace


# What is done between two barriers, and how it is cut into cells.
ctypedef struct Phase:
    int kind        # of cells.pyx
    int layer
    int rows        # of a cell,
    int columns     # and of a product its columns
    Py_ssize_t n_of_rows
    Py_ssize_t n_cells      # in all; 0: nothing is to be done


cdef int n_phases(Workspace space) noexcept nogil

cdef Phase phase_of(Workspace space, int number, int n_rows) noexcept nogil

cdef void do_cell(
    Workspace space, Phase* phase, Py_ssize_t cell, Batch* batch, Scratch* mine,
    const floating* params,
) noexcept nogil
