# Memory that belongs to an object: freed with it, whatever happens in between.

cdef class Buffer:
    cdef void* raw
    cdef char* data         # aligned to a cache line


cdef class Room:
    cdef Buffer buffer
    cdef Py_ssize_t n_bytes     # taken so far

    cdef void* take(self, Py_ssize_t n_bytes)
    cdef void** take_pointers(self, Py_ssize_t n)
    cdef void put(self, void** pointers, Py_ssize_t i, Py_ssize_t n_bytes)


cdef const void* numbers_of(array, bytes format, tuple shape) except NULL


cdef inline Py_ssize_t padded(Py_ssize_t n_bytes) noexcept nogil:
    """n_bytes rounded up to whole cache lines, so that what follows starts on one."""
    return (n_bytes + 63) // 64 * 64
