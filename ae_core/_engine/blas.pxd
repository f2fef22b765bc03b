# Row-major names for SciPy's BLAS. Nothing else in the package touches Fortran order.
#
# BLAS stores columns one after the other; a row-major matrix read that way is its own transpose.
# So C = A B is asked for as C' = B' A': the operands change places, and nothing is copied.

from cython cimport floating

ctypedef void (*sgemm_t)(
    char*, char*, int*, int*, int*, float*, float*, int*, float*, int*, float*, float*, int*,
) noexcept nogil
ctypedef void (*dgemm_t)(
    char*, char*, int*, int*, int*, double*, double*, int*, double*, int*, double*, double*, int*,
) noexcept nogil

# SciPy's, once `load_blas` has fetched them.
cdef sgemm_t sgemm
cdef dgemm_t dgemm

# To be called before any product that may be BLAS's: see `Plan.needs_blas`.
cdef int load_blas() except -1


cdef inline void gemm(
    bint transpose_a, bint transpose_b, int m, int n, int k, const floating* a, int lda,
    const floating* b, int ldb, floating* c, int ldc, bint accumulate,
) noexcept nogil:
    """c (m, n) = op(a) (m, k) @ op(b) (k, n), or added to c; all row-major.

    lda, ldb, ldc: elements from one stored row to the next. Unless added to, c is not read.
    """
    cdef floating alpha = 1, beta = accumulate
    cdef char op_a = b"T" if transpose_a else b"N"
    cdef char op_b = b"T" if transpose_b else b"N"
    # The Fortran interface promises to leave a and b alone, but does not know the word const.
    if floating is float:
        sgemm(&op_b, &op_a, &n, &m, &k, &alpha, <float*> b, &ldb, <float*> a, &lda, &beta, c, &ldc)
    else:
        dgemm(&op_b, &op_a, &n, &m, &k, &alpha, <double*> b, &ldb, <double*> a, &lda, &beta, c, &ldc)
