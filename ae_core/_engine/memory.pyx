"""Memory that belongs to an object: freed with it, whatever happens in between."""

from cpython.mem cimport PyMem_Free, PyMem_Malloc

cdef extern from "memory.h" nogil:
    void ae_prefer_large_pages(char* address, size_t bytes)


cdef class Buffer:
    """So many bytes, aligned to a cache line, not cleared.

    Raises
    ------
    MemoryError
        Saying how much was asked for, and for what.
    """

    def __cinit__(self, Py_ssize_t n_bytes, str purpose):
        self.raw = PyMem_Malloc(n_bytes + 64)
        if self.raw == NULL:
            raise MemoryError(f"no memory for {purpose}: {n_bytes / 2**20:.1f} MiB are needed")
        ae_prefer_large_pages(<char*> self.raw, n_bytes)
        self.data = <char*> ((<size_t> self.raw + 63) // 64 * 64)

    def __dealloc__(self):
        PyMem_Free(self.raw)
