"""Memory that belongs to an object: freed with it, whatever happens in between."""

from cpython.buffer cimport PyBUF_RECORDS_RO, PyBuffer_Release, PyObject_GetBuffer
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
            raise MemoryError(
                f"no memory for {purpose}: {n_bytes / 2**20:.1f} MiB are needed; take fewer rows at "
                "a time (of a fit: a smaller batch_size), smaller layers or float32"
            )
        ae_prefer_large_pages(<char*> self.raw, n_bytes)
        self.data = <char*> ((<size_t> self.raw + 63) // 64 * 64)

    def __dealloc__(self):
        PyMem_Free(self.raw)


cdef class Room:
    """One block of memory from which arrays are taken, in the order in which they are asked for.

    They are asked for twice: to count, when every array is NULL, and after `allocate` in earnest.
    """

    cdef void* take(self, Py_ssize_t n_bytes):
        """The next array."""
        cdef Py_ssize_t start = self.n_bytes
        self.n_bytes += padded(n_bytes)
        return NULL if self.buffer is None else self.buffer.data + start

    cdef void** take_pointers(self, Py_ssize_t n):
        """The next array, of n pointers, all NULL."""
        cdef void** pointers = <void**> self.take(n * sizeof(void*))
        cdef Py_ssize_t i
        if self.buffer is not None:
            for i in range(n):
                pointers[i] = NULL
        return pointers

    cdef void put(self, void** pointers, Py_ssize_t i, Py_ssize_t n_bytes):
        """The next array, noted among pointers."""
        cdef void* taken = self.take(n_bytes)
        if self.buffer is not None:
            pointers[i] = taken

    def allocate(self, str purpose):
        """Room for all that was counted.

        Raises
        ------
        MemoryError
            Saying how much was asked for, and for what.
        """
        self.buffer = Buffer(self.n_bytes, purpose)
        self.n_bytes = 0


cdef const void* numbers_of(array, bytes format, tuple shape) except NULL:
    """Where the numbers of an array of that type and shape stand, one after the other."""
    cdef Py_buffer view
    cdef const void* where
    cdef Py_ssize_t j, step
    PyObject_GetBuffer(array, &view, PyBUF_RECORDS_RO)
    try:
        where, step = view.buf, view.itemsize
        if view.format != format or tuple([view.shape[j] for j in range(view.ndim)]) != shape:
            raise ValueError(f"an array of another type or shape: {shape} is needed")
        for j in range(view.ndim - 1, -1, -1):
            if view.shape[j] > 1 and view.strides[j] != step:
                raise ValueError("an array with gaps")
            step *= view.shape[j]
    finally:
        PyBuffer_Release(&view)
    return where
