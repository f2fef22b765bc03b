# A step's arrays, and which departures from a plain network it takes.

from ae_core._engine.batch cimport Scratch, Trace
from ae_core._engine.kernels.table cimport ae_corruption, ae_kernels, ae_output
from ae_core._engine.layers.code cimport Code
from ae_core._engine.layers.contraction cimport Contraction
from ae_core._engine.layers.low_rank_output cimport LowRankOutput
from ae_core._engine.layers.sparse_input cimport SparseInput
from ae_core._engine.layers.sparse_output cimport SparseOutput
from ae_core._engine.memory cimport Room
from ae_core._engine.plan cimport Plan
from ae_core._engine.rows cimport Rows


cdef class Workspace:
    cdef Plan plan
    cdef Rows rows
    cdef const ae_kernels* K
    cdef Trace trace
    cdef Scratch* scratch               # [n_threads]
    cdef ae_output output               # the plan's, and whether targets may be missing
    cdef ae_corruption corruption
    cdef double* tile_losses            # [n_tiles], or of pieces of rows
    cdef double* penalties              # per slice, of the weights: ½ alpha Σ W² + alpha_l1 Σ |W|
    cdef double* gradient_squares       # per slice
    cdef char* gradient                 # of all parameters, where it is kept before it is used
    cdef Py_ssize_t itemsize
    cdef int tile_rows, n_threads
    cdef Room room
    cdef object keep_alive

    cdef bint is_cut_by_columns         # cells.pyx instead of whole tiles

    # What this step does other than a plain one; None where it does not.
    cdef bint changes_input             # what is given is not what is compared, or has marks beside it
    cdef SparseInput sparse_input
    cdef SparseOutput sparse_output     # at most one of these two
    cdef LowRankOutput low_rank_output
    cdef Code code
    cdef Contraction contraction
    cdef list departures                # all of these that are there
