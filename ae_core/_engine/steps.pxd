# Training steps as a job for several threads.

from libc.stdint cimport uint64_t

from ae_core._engine.kernels.table cimport ae_kernels, ae_step
from ae_core._engine.plan cimport Plan
from ae_core._engine.rows cimport Rows
from ae_core._engine.team cimport Team, ae_counter
from ae_core._engine.workspace cimport Workspace


cdef class Steps(Team):
    cdef Plan plan
    cdef Rows rows
    cdef Workspace space
    cdef const ae_kernels* K
    cdef Py_ssize_t itemsize, n_order, batch_size, n_steps, steps_done
    cdef int solver
    cdef const Py_ssize_t* order
    cdef const double* counts           # [n_steps], how many whole rows; NULL: as many as there are
    cdef const uint64_t* keys           # [n_steps]
    cdef const double* annealing        # [n_steps]
    cdef double clip_norm               # 0: none
    cdef char* params
    cdef char* gradient                 # of all parameters; NULL: the solver uses slices at once
    cdef char* memory_0
    cdef char* memory_1
    cdef char* average                  # NULL: none is kept
    cdef const ae_step* steps           # [n_steps]; NULL: there is no solver, and only a gradient
    cdef double* losses                 # [n_steps]
    cdef ae_counter tiles_taken, slices_taken, updates_taken, blocks_taken
    cdef object keep_alive
