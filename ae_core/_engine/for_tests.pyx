"""What tests and benchmarks use of the engine, and nobody else: single loops, called from Python.

Products, ours and BLAS's, and the elementary functions, of each instruction set.
"""

from cython cimport floating

from ae_core._engine.blas cimport gemm, load_blas
from ae_core._engine cimport plan
from ae_core._engine.kernels.table cimport ae_kernels, kernels_at, n_levels

# The order of kernels.h.
FORMS = ("nn", "nt", "tn")
ELEMENTARY = ("exp", "expm1", "log1p", "logistic", "tanh", "softplus")


def cut_by_columns_from(double work):
    """Let steps of so many multiply-adds be cut by columns; returns what it was before."""
    cdef double before = plan.long_step
    plan.long_step = work
    return before


def levels():
    """How many levels this process may use: 1 baseline, 2 AVX2 too, 3 AVX-512 too."""
    return n_levels()


cdef int leading_dimension(const floating[:, :] matrix, str name) except -1:
    """Elements from one row to the next; rows themselves must be contiguous."""
    cdef Py_ssize_t size = sizeof(floating)
    if matrix.shape[1] > 1 and matrix.strides[1] != size:
        raise ValueError(f"{name}: the elements of a row must be adjacent in memory (C order)")
    if matrix.shape[0] > 1:
        if matrix.strides[0] % size != 0 or matrix.strides[0] < matrix.shape[1] * size:
            raise ValueError(f"{name}: rows must not overlap or run backwards")
        return max(1, <int> (matrix.strides[0] // size))
    return max(1, <int> matrix.shape[1])


def product(
    str form, const floating[:, :] a, const floating[:, :] b, floating[:, :] c, int level,
    bint accumulate=False,
):
    """c = or += a product, in place and without copies, by our own loops or by BLAS.

    Parameters
    ----------
    form : one of FORMS
        ``a @ b``, ``a @ b.T`` or ``a.T @ b``.
    a, b, c : array of float32 or of float64, 2-D, rows contiguous
    level : int
        0 baseline, 1 AVX2, 2 AVX-512; -1 SciPy's BLAS.
    accumulate : bool
        Whether the product is added to c; otherwise c is not read.

    Raises
    ------
    ValueError
        When shapes do not fit, a row is not contiguous, or the CPU lacks the level.
    """
    cdef const ae_kernels* K = kernels_at(max(level, 0), sizeof(floating))
    cdef int number = FORMS.index(form)
    cdef bint turn_a = form == "tn", turn_b = form == "nt"
    cdef int m = a.shape[1] if turn_a else a.shape[0], k = a.shape[0] if turn_a else a.shape[1]
    cdef int n = b.shape[0] if turn_b else b.shape[1], k_b = b.shape[1] if turn_b else b.shape[0]
    if k != k_b:
        raise ValueError(f"op(a) is ({m}, {k}) and op(b) is ({k_b}, {n}): inner sizes differ")
    if c.shape[0] != m or c.shape[1] != n:
        raise ValueError(f"c is ({c.shape[0]}, {c.shape[1]}), the product is ({m}, {n})")
    cdef int lda = leading_dimension(a, "a")
    cdef int ldb = leading_dimension(b, "b")
    cdef int ldc = leading_dimension(c, "c")
    if m == 0 or n == 0:
        return
    cdef const floating* a_data = &a[0, 0] if k else NULL
    cdef const floating* b_data = &b[0, 0] if k else NULL
    if level < 0 and k:  # BLAS is not asked about an empty sum
        load_blas()
        gemm(turn_a, turn_b, m, n, k, a_data, lda, b_data, ldb, &c[0, 0], ldc, accumulate)
    else:
        K.matmul[number](m, n, k, a_data, lda, b_data, ldb, &c[0, 0], ldc, accumulate)


def elementary(str name, const floating[::1] x, floating[::1] y, int level):
    """y = name(x), element by element, in the loops of one instruction set.

    Parameters
    ----------
    name : one of ELEMENTARY
    x, y : array of float32 or float64, shape (n,)
    level : int
        0 baseline, 1 AVX2, 2 AVX-512.

    Raises
    ------
    ValueError
        For an unknown name, a level this CPU lacks, or lengths that differ.
    """
    cdef const ae_kernels* K = kernels_at(level, sizeof(floating))
    if x.shape[0] != y.shape[0]:
        raise ValueError(f"x has {x.shape[0]} elements, y has {y.shape[0]}")
    cdef int function = ELEMENTARY.index(name)
    if x.shape[0]:
        K.elementary(function, x.shape[0], &x[0], &y[0])
