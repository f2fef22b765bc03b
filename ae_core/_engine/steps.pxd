# Training steps as a job for several threads.

from cython cimport floating
from libc.stdint cimport uint64_t

from ae_core._engine.batch cimport Batch
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
    cdef bint wants_update              # whether there is a solver
    cdef char* memory_0
    cdef char* memory_1
    cdef char* average                  # NULL: none is kept
    cdef const ae_step* steps
    cdef double* losses                 # [n_steps]
    cdef ae_counter tiles_taken, slices_taken, updates_taken, blocks_taken
    cdef object keep_alive

    cdef inline void _take_batch(self, Py_ssize_t step, Batch* batch) noexcept nogil
    cdef void _work(self, int thread, floating* params) noexcept nogil
    cdef double _penalty(self) noexcept nogil
    cdef bint _matrices_phase(
        self, int thread, int when, Batch* batch, const floating* params,
    ) noexcept nogil
    cdef void _rows_phase(
        self, int thread, Batch* batch, Py_ssize_t n_tiles, int part, const floating* params,
    ) noexcept nogil
    cdef bint _cells_phases(
        self, int thread, Batch* batch, const floating* params,
    ) noexcept nogil
    cdef void _weights_phase(
        self, int thread, Py_ssize_t step, Batch* batch, floating* params,
    ) noexcept nogil
    cdef void _update_phase(self, Py_ssize_t step, floating* params) noexcept nogil
    cdef void _update(
        self, Py_ssize_t k, char* gradient, Py_ssize_t step, floating* params,
    ) noexcept nogil
    cdef void _penalize(self, Py_ssize_t k, const floating* params) noexcept nogil
