"""The vectorised loops (kernels_table.c): chosen once for this CPU, and opened to the tests."""

from cython cimport floating

cdef extern from "kernels.h" nogil:
    const ae_kernels* ae_best_kernels(int is_double) noexcept
    const ae_kernels* ae_kernels_of(int level, int is_double) noexcept

# The order of the registries in kernels.h. Floor 1 holds the formulas; the tests compare.
ACTIVATIONS = (
    "identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "softplus", "softsign",
)
LOSSES = ("squared_error", "binary_cross_entropy", "absolute_error", "huber")
SOLVERS = ("sgd", "nesterov", "adam", "rmsprop")
ELEMENTARY = ("exp", "expm1", "log1p", "logistic", "tanh", "softplus")

cdef const ae_kernels* _single = ae_best_kernels(False)
cdef const ae_kernels* _double = ae_best_kernels(True)


cdef const ae_kernels* kernels_for(Py_ssize_t itemsize) noexcept nogil:
    return _double if itemsize == sizeof(double) else _single


def instruction_set():
    """The name of the instruction set in use: the CPU's best, or what AE_CORE_SIMD lowers it to."""
    return _single.name.decode()


def levels():
    """How many levels this process may use: 1 baseline, 2 AVX2 too, 3 AVX-512 too."""
    return sum(ae_kernels_of(level, False) != NULL for level in range(3))


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
    cdef const ae_kernels* table = ae_kernels_of(level, sizeof(floating) == sizeof(double))
    if table == NULL:
        raise ValueError(f"level={level}: this process may use 0 to {levels() - 1}")
    if x.shape[0] != y.shape[0]:
        raise ValueError(f"x has {x.shape[0]} elements, y has {y.shape[0]}")
    cdef int function = ELEMENTARY.index(name)
    if x.shape[0]:
        table.elementary(function, x.shape[0], &x[0], &y[0])


def product(
    str form, const floating[:, ::1] a, const floating[:, ::1] b, floating[:, ::1] c, int level,
    bint accumulate=False, Py_ssize_t m=-1, Py_ssize_t n=-1, Py_ssize_t k=-1,
):
    """c = or += the product of a form ('nn', 'nt', 'tn'), in the loops of one instruction set.

    m, n, k may be smaller than the arrays, of which the upper left corners are used then.

    Raises
    ------
    ValueError
        For an unknown form, a level this CPU lacks, or shapes that do not fit.
    """
    cdef const ae_kernels* table = ae_kernels_of(level, sizeof(floating) == sizeof(double))
    if table == NULL:
        raise ValueError(f"level={level}: this process may use 0 to {levels() - 1}")
    if form not in ("nn", "nt", "tn"):
        raise ValueError(f"form={form!r}: must be 'nn', 'nt' or 'tn'")
    m = c.shape[0] if m < 0 else m
    n = c.shape[1] if n < 0 else n
    k = a.shape[0 if form == "tn" else 1] if k < 0 else k
    a_fits = a.shape[0] >= k and a.shape[1] >= m if form == "tn" else a.shape[0] >= m and a.shape[1] >= k
    b_fits = b.shape[0] >= n and b.shape[1] >= k if form == "nt" else b.shape[0] >= k and b.shape[1] >= n
    if not (a_fits and b_fits and c.shape[0] >= m and c.shape[1] >= n):
        raise ValueError(f"{form} of m={m}, n={n}, k={k}: an operand is too small")
    cdef int lda = a.shape[1], ldb = b.shape[1], ldc = c.shape[1]
    if m == 0 or n == 0:
        return
    cdef const floating* a_data = &a[0, 0] if k else NULL
    cdef const floating* b_data = &b[0, 0] if k else NULL
    if form == "nn":
        table.matmul_nn(m, n, k, a_data, lda, b_data, ldb, &c[0, 0], ldc, accumulate)
    elif form == "nt":
        table.matmul_nt(m, n, k, a_data, lda, b_data, ldb, &c[0, 0], ldc, accumulate)
    else:
        table.matmul_tn(m, n, k, a_data, lda, b_data, ldb, &c[0, 0], ldc, accumulate)
