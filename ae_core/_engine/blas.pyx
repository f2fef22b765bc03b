"""SciPy's BLAS, fetched when a product is left to it: most networks never need it, and importing
scipy.linalg takes longer than all of this package."""

from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer


cdef int load_blas() except -1:
    """Fetch both functions, unless that was done."""
    global sgemm, dgemm
    if dgemm != NULL:
        return 0
    from scipy.linalg import cython_blas

    single, double_ = cython_blas.__pyx_capi__["sgemm"], cython_blas.__pyx_capi__["dgemm"]
    sgemm = <sgemm_t> PyCapsule_GetPointer(single, PyCapsule_GetName(single))
    dgemm = <dgemm_t> PyCapsule_GetPointer(double_, PyCapsule_GetName(double_))
    return 0
