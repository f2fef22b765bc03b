# The table of vectorised loops (kernels.h), and the choice between our products and BLAS.

from cython cimport floating
from libc.stdint cimport int32_t, uint16_t, uint32_t, uint64_t

from ae_core._engine.blas cimport gemm


cdef extern from "kernels.h" nogil:
    enum:
        AE_NN, AE_NT, AE_TN
        AE_FLOAT, AE_DOUBLE, AE_BYTE
        AE_IDENTITY, AE_EXP, AE_SQUARED_ERROR, AE_NOTHING, AE_ARRAY_LOG1P

    int ae_is_row_loss(int loss) noexcept

    ctypedef struct ae_corruption:
        int kind
        uint32_t threshold, threshold_low
        const void* table
        const void* low
        const void* high

    ctypedef struct ae_group:
        int activation, loss
        Py_ssize_t start, stop
        double low, high
        Py_ssize_t own

    ctypedef struct ae_output:
        const ae_group* groups
        int n_groups, has_missing
        const double* weights
        const void* own
        Py_ssize_t n_own

    ctypedef struct ae_step:
        double rate, unbias_root, shrink, decay_1, decay_2, epsilon, newest

    ctypedef void (*ae_matmul)(
        int m, int n, int k, const void* a, int lda, const void* b, int ldb, void* c, int ldc,
        int accumulate,
    ) noexcept nogil
    ctypedef void (*ae_backward)(
        int activation, Py_ssize_t count, void* x, const void* h, const void* mask,
    ) noexcept nogil
    ctypedef double (*ae_long_sum)(Py_ssize_t count, const void* x) noexcept nogil
    ctypedef void (*ae_add)(Py_ssize_t count, double by, const void* x, void* to) noexcept nogil

    ctypedef struct ae_kernels:
        const char* name
        long long largest_product
        ae_matmul[3] matmul
        void (*turn)(
            Py_ssize_t m, Py_ssize_t n, const void* from_, Py_ssize_t ldfrom, void* to, Py_ssize_t ldto,
        ) noexcept nogil
        void (*see)(
            int type, Py_ssize_t n, const char* row, Py_ssize_t column, const double* shift,
            const double* factor, void* to,
        ) noexcept nogil
        void (*activate)(
            int activation, Py_ssize_t m, Py_ssize_t n, void* z, const void* bias,
        ) noexcept nogil
        ae_backward through_activation, through_slope
        void (*activate_output)(
            const ae_output* output, Py_ssize_t m, Py_ssize_t n, void* z, const void* bias,
        ) noexcept nogil
        double (*output_delta)(
            const ae_output* output, Py_ssize_t m, Py_ssize_t n, void* z, const void* bias,
            const void* target, double scale, void* own,
        ) noexcept nogil
        void (*row_losses)(
            const ae_output* output, Py_ssize_t m, Py_ssize_t n, void* z, const void* bias,
            const void* target, void* losses,
        ) noexcept nogil
        void (*column_sums)(Py_ssize_t m, Py_ssize_t n, const void* x, void* sums) noexcept nogil
        ae_long_sum squares, sizes
        ae_add axpy, penalize_l1, average
        void (*scale)(Py_ssize_t count, double factor, void* x) noexcept nogil
        void (*update)(
            int solver, Py_ssize_t count, void* params, const void* gradient, void* memory_0,
            void* memory_1, const ae_step* step,
        ) noexcept nogil
        void (*noise)(
            uint64_t key, uint64_t stream, uint64_t row, Py_ssize_t n, uint16_t* to,
        ) noexcept nogil
        void (*spoil)(
            const ae_corruption* how, Py_ssize_t n, const void* targets, const uint16_t* numbers,
            void* inputs,
        ) noexcept nogil
        void (*spoil_stored)(
            const ae_corruption* how, Py_ssize_t n, const int32_t* columns, const uint16_t* numbers,
            void* inputs,
        ) noexcept nogil
        void (*hide)(
            Py_ssize_t n, const uint16_t* numbers, uint32_t threshold, double scale, void* mask, void* h,
        ) noexcept nogil
        void (*keep_largest)(Py_ssize_t n, Py_ssize_t k, void* mask, void* h) noexcept nogil
        void (*sample)(
            Py_ssize_t k, const void* posterior, const uint16_t* numbers, const void* quantiles,
            void* epsilon, void* h,
        ) noexcept nogil
        void (*through_sample)(
            Py_ssize_t k, const void* posterior, const void* epsilon, double pull, void* delta,
        ) noexcept nogil
        ae_long_sum divergence
        void (*elementary)(int function, Py_ssize_t count, const void* x, void* y) noexcept nogil


cdef extern from "noise.h" nogil:
    enum:
        AE_CORRUPTION_STREAM, AE_SAMPLE_STREAM

    uint32_t ae_noise_at(
        uint64_t key, uint64_t stream, uint64_t row, Py_ssize_t n, Py_ssize_t column,
    )


# The table this process uses, by size of the type; chosen once, at import.
cdef const ae_kernels* kernels_for(Py_ssize_t itemsize) noexcept nogil

# How many levels this process may use: 1 baseline, 2 AVX2 too, 3 AVX-512 too.
cdef int n_levels()

# The table of a level, 0 baseline, 1 AVX2, 2 AVX-512; ValueError where the CPU lacks it.
cdef const ae_kernels* kernels_at(int level, Py_ssize_t itemsize) except NULL


cdef inline bint is_ours(const ae_kernels* K, int m, int n, int k) noexcept nogil:
    """Whether a product of this size is our own business; the larger ones are BLAS's."""
    return <long long> m * n * k <= K.largest_product


cdef inline void product(
    const ae_kernels* K, int form, int m, int n, int k, const floating* a, int lda,
    const floating* b, int ldb, floating* c, int ldc, bint accumulate,
) noexcept nogil:
    """c (m, n) = a (m, k) @ b (k, n), or added to c; a (k, m) or b (n, k) turned as `form` says."""
    if is_ours(K, m, n, k):
        K.matmul[form](m, n, k, a, lda, b, ldb, c, ldc, accumulate)
    else:
        gemm(form == AE_TN, form == AE_NT, m, n, k, a, lda, b, ldb, c, ldc, accumulate)
