# The table of vectorised loops (kernels.h), and the choice between our products and BLAS.

from cython cimport floating

from ae_core._engine.blas cimport gemm


cdef extern from "kernels.h" nogil:
    enum:
        AE_FLOAT, AE_DOUBLE, AE_BYTE

    ctypedef struct ae_step:
        double rate, unbias_root, shrink, decay_1, decay_2, epsilon

    ctypedef void (*ae_matmul)(
        int m, int n, int k, const void* a, int lda, const void* b, int ldb,
        void* c, int ldc, int accumulate,
    ) noexcept nogil

    ctypedef struct ae_kernels:
        const char* name
        long long largest_product
        ae_matmul matmul_nn, matmul_nt, matmul_tn
        void (*see)(
            int type, Py_ssize_t n, const char* row, Py_ssize_t column, const double* shift,
            const double* factor, void* to,
        ) noexcept nogil
        void (*activate)(
            int activation, Py_ssize_t m, Py_ssize_t n, void* z, const void* bias,
        ) noexcept nogil
        void (*through_activation)(
            int activation, Py_ssize_t count, void* delta, const void* a,
        ) noexcept nogil
        double (*output_delta)(
            int activation, int loss, Py_ssize_t m, Py_ssize_t n, void* z, const void* bias,
            const void* target, double scale,
        ) noexcept nogil
        void (*row_losses)(
            int activation, int loss, Py_ssize_t m, Py_ssize_t n, void* z, const void* bias,
            const void* target, void* losses,
        ) noexcept nogil
        void (*column_sums)(
            Py_ssize_t m, Py_ssize_t n, const void* x, void* sums,
        ) noexcept nogil
        double (*squares)(Py_ssize_t count, const void* x) noexcept nogil
        void (*penalize)(
            Py_ssize_t count, double strength, const void* params, void* gradient,
        ) noexcept nogil
        void (*update)(
            int solver, Py_ssize_t count, void* params, const void* gradient,
            void* memory_0, void* memory_1, const ae_step* step,
        ) noexcept nogil
        void (*elementary)(
            int function, Py_ssize_t count, const void* x, void* y,
        ) noexcept nogil


# The table this process uses, by size of the type; chosen once, at import.
cdef const ae_kernels* kernels_for(Py_ssize_t itemsize) noexcept nogil

# The table of a level, 0 baseline, 1 AVX2, 2 AVX-512; ValueError where the CPU lacks it.
cdef const ae_kernels* kernels_at(int level, Py_ssize_t itemsize) except NULL


cdef inline bint is_ours(const ae_kernels* K, int m, int n, int k) noexcept nogil:
    """Whether a product of this size is our own business; the larger ones are BLAS's."""
    return <long long> m * n * k <= K.largest_product


cdef inline void product_nn(
    const ae_kernels* K, int m, int n, int k, const floating* a, int lda,
    const floating* b, int ldb, floating* c, int ldc, bint accumulate,
) noexcept nogil:
    """c (m, n) = a (m, k) @ b (k, n), or added to c."""
    if is_ours(K, m, n, k):
        K.matmul_nn(m, n, k, a, lda, b, ldb, c, ldc, accumulate)
    else:
        gemm(False, False, m, n, k, <floating> 1, a, lda, b, ldb, <floating> accumulate, c, ldc)


cdef inline void product_nt(
    const ae_kernels* K, int m, int n, int k, const floating* a, int lda,
    const floating* b, int ldb, floating* c, int ldc, bint accumulate,
) noexcept nogil:
    """c (m, n) = a (m, k) @ b (n, k).T, or added to c."""
    if is_ours(K, m, n, k):
        K.matmul_nt(m, n, k, a, lda, b, ldb, c, ldc, accumulate)
    else:
        gemm(False, True, m, n, k, <floating> 1, a, lda, b, ldb, <floating> accumulate, c, ldc)


cdef inline void product_tn(
    const ae_kernels* K, int m, int n, int k, const floating* a, int lda,
    const floating* b, int ldb, floating* c, int ldc, bint accumulate,
) noexcept nogil:
    """c (m, n) = a (k, m).T @ b (k, n), or added to c."""
    if is_ours(K, m, n, k):
        K.matmul_tn(m, n, k, a, lda, b, ldb, c, ldc, accumulate)
    else:
        gemm(True, False, m, n, k, <floating> 1, a, lda, b, ldb, <floating> accumulate, c, ldc)
