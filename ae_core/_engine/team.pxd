# Several threads on one job: they take numbered pieces of work until none are left.

cdef extern from "team.h" nogil:
    ctypedef long long ae_counter
    ctypedef struct ae_barrier:
        ae_counter arrived, round, agreed
    bint ae_take(ae_counter* counter, Py_ssize_t n, int n_threads, Py_ssize_t* piece)
    long long ae_get(ae_counter* counter)
    void ae_set(ae_counter* counter, long long value)
    bint ae_wait(ae_barrier* barrier, int n_threads, ae_counter* finished, ae_counter* stopped)
    double ae_seconds()


cdef class Team:
    cdef int n_threads
    cdef ae_barrier barrier
    cdef ae_counter stopped         # not 0: somebody pressed Ctrl-C
    cdef object error               # what that raised
    cdef double last_look           # at the clock, by the first thread
    cdef double work_since          # multiplications since then

    cdef bint should_stop(self, int thread, double work) noexcept nogil
    cdef void work(self, int thread) noexcept
