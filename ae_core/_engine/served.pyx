"""Inference for those who have no Python at hand: rows of doubles, in the units of the data.

It is that of `inference.pyx` for one thread: tile by tile, in memory that belongs to the call.
"""

from cython cimport floating
from libc.float cimport DBL_MAX, FLT_MAX
from libc.math cimport INFINITY, fabs
from libc.stdlib cimport free, malloc

from ae_core._engine.columns cimport Columns
from ae_core._engine.inference cimport give_seen, through_layers
from ae_core._engine.kernels.table cimport AE_DOUBLE, ae_group, kernels_for
from ae_core._engine.layers.dense cimport biases_of
from ae_core._engine.memory cimport padded
from ae_core._engine.plan cimport Layer, Plan


cdef class Served:
    """A network, and how its rows are scaled. Nothing of it changes once it is made.

    Parameters
    ----------
    plan : Plan
    params : array of shape (n_params,), float32 or float64
        That nobody else changes.
    n_features, n_components : int
    shift, factor : arrays of shape (n_features,), float64, or both None
        That nobody else changes.
    clip : bool
        Whether numbers outside 0 … 1 are seen as 0 or 1.
    has_missing : bool
        Whether NaN is missing, and no error.
    columns : Columns, optional
        Of a mixed table.
    """

    def __init__(
        self, Plan plan not None, params, int n_features, int n_components, shift, factor, bint clip,
        bint has_missing, Columns columns,
    ):
        self.plan, self.columns, self.keep_alive = plan, columns, (params, shift, factor)
        self.n_features, self.n_components = n_features, n_components
        self.n_columns = n_features if columns is None else columns.n_columns
        self.itemsize = params.itemsize
        plan.prepare(256, self.itemsize)  # the most that a tile has
        self.K = kernels_for(self.itemsize)
        self.params = <const char*> <size_t> params.ctypes.data
        if factor is not None:
            self.shift = <const double*> <size_t> shift.ctypes.data
            self.factor = <const double*> <size_t> factor.ctypes.data
        self.clip, self.has_missing = clip, has_missing
        self.output = plan.output
        self.output.has_missing = has_missing
        self.output.own = self.params + plan.own * self.itemsize

    cdef int infer(
        self, int wanted, Py_ssize_t n_rows, const double* X, double* result,
    ) noexcept nogil:
        """X (n_rows, n_columns) to the result (n_rows, …): one of DONE, NO_MEMORY, BAD_VALUE."""
        if self.itemsize == sizeof(float):
            return run_tiles[float](self, wanted, n_rows, X, result, <const float*> self.params)
        return run_tiles[double](self, wanted, n_rows, X, result, <const double*> self.params)


cdef int run_tiles(
    Served model, int wanted, Py_ssize_t n_rows, const double* X, double* result,
    const floating* params,
) noexcept nogil:
    """The rows, a tile after the other, in the same tiles as `Network`'s."""
    cdef Py_ssize_t tile_rows = model.plan.tile_rows(n_rows), first = 0, height
    cdef Py_ssize_t bytes = padded(tile_rows * model.plan.widest * sizeof(floating))
    cdef Py_ssize_t table = padded(tile_rows * model.n_features * sizeof(double))
    cdef Py_ssize_t width = 1
    cdef int code = DONE
    cdef bint is_mixed = model.columns is not None, is_decoded = is_mixed and wanted == RECONSTRUCTION
    cdef char* memory = <char*> malloc(5 * bytes + (2 * table if is_mixed else 0) + 64)
    cdef char* arrays = <char*> ((<size_t> memory + 63) // 64 * 64)
    cdef double* encoded = <double*> (arrays + 5 * bytes)
    cdef double* X_hat = <double*> (arrays + 5 * bytes + table)
    if memory == NULL:
        return NO_MEMORY
    if wanted != ERRORS:
        width = model.n_components if wanted == CODE else model.n_columns
    while first < n_rows and code == DONE:
        height = min(tile_rows, n_rows - first)
        if is_mixed and not model.columns.encode(height, X, model.has_missing, encoded):
            code = BAD_VALUE
            break
        code = run_tile[floating](
            model, wanted, <int> height, <const double*> encoded if is_mixed else X,
            X_hat if is_decoded else result, arrays, bytes, params,
        )
        if is_decoded and code == DONE:
            model.columns.decode(height, X_hat, result)
        X += height * model.n_columns
        result += height * width
        first += height
    free(memory)
    return code


cdef int run_tile(
    Served model, int wanted, int height, const double* X, double* result, char* arrays,
    Py_ssize_t bytes, const floating* params,
) noexcept nogil:
    """Some rows, in five arrays of so many bytes."""
    cdef floating* targets = <floating*> (arrays + 3 * bytes)
    cdef floating* side = <floating*> (arrays + 4 * bytes)
    cdef floating* inputs = targets
    cdef floating* losses = <floating*> arrays
    cdef floating* outputs
    cdef const floating* biases
    cdef Layer* layer
    cdef int last = model.plan.family.code if wanted == CODE else model.plan.n_layers
    cdef Py_ssize_t j
    if not see[floating](model, height, X, targets):
        return BAD_VALUE
    if wanted == ERRORS and not can_compare(model, height, X):
        return BAD_VALUE
    if model.plan.family.log_input and not lie_within(
        model, height, X, 0, model.n_features, 0, INFINITY,
    ):
        return BAD_VALUE
    if model.has_missing or model.plan.family.log_input or model.plan.family.input_mask:
        inputs = <floating*> arrays
        give_seen[floating](
            model.plan, model.K, height, NULL, targets, inputs, side, model.plan.n_side,
        )
    outputs = through_layers[floating](
        model.plan, model.K, params, 0, last, height, inputs, side, model.plan.n_side, None, 0,
        arrays, bytes, NULL,
    )
    layer = &model.plan.layers[last - 1]
    biases = biases_of[floating](layer, params)
    if wanted == CODE:
        for j in range(height * model.n_components):
            result[j] = outputs[j]
    elif wanted == RECONSTRUCTION:
        model.K.activate_output(&model.output, height, layer.n_out, outputs, biases)
        undo_scaling[floating](model, height, outputs, result)
    else:
        model.K.row_losses(
            &model.output, height, layer.n_out, outputs, biases, targets, losses,
        )
        per_whole_row[floating](model, height, targets, losses, result)
    return DONE


cdef bint see(Served model, int height, const double* X, floating* to) noexcept nogil:
    """Rows as the network sees them, NaN what is unseen; or False where that can't be."""
    cdef Py_ssize_t n = model.n_features, count = height * n, i
    if not is_fine[double](count, X, model.has_missing):
        return False
    for i in range(height):
        model.K.see(
            AE_DOUBLE, n, <const char*> (X + i * n), sizeof(double), model.shift, model.factor,
            to + i * n,
        )
    if model.clip:
        for i in range(count):
            if to[i] == to[i]:
                to[i] = min(max(to[i], <floating> 0), <floating> 1)
    # Scaled or cast, a number may be beyond the range of the type.
    return is_fine[floating](count, to, model.has_missing)


cdef bint is_fine(Py_ssize_t count, const floating* x, bint may_be_nan) noexcept nogil:
    """Whether all are numbers, or NaN where that may be."""
    cdef Py_ssize_t i
    cdef int is_bad = 0
    for i in range(count):
        is_bad |= (fabs(x[i]) == INFINITY) | ((x[i] != x[i]) & (not may_be_nan))
    return not is_bad


cdef bint can_compare(Served model, int height, const double* X) noexcept nogil:
    """Whether the loss can be taken of them: shares, or counts, for some."""
    cdef const ae_group* group
    cdef int g
    for g in range(model.output.n_groups):
        group = &model.output.groups[g]
        if not lie_within(model, height, X, group.start, group.stop, group.low, group.high):
            return False
    return True


cdef bint lie_within(
    Served model, int height, const double* X, Py_ssize_t start, Py_ssize_t stop, double low,
    double high,
) noexcept nogil:
    """Whether, scaled and before the cast, no number of those columns lies outside low … high."""
    cdef Py_ssize_t n = model.n_features, i, j
    cdef double x
    if model.clip:
        return True
    for i in range(height):
        for j in range(start, stop):
            x = X[i * n + j]
            if model.factor != NULL:
                x = (x - model.shift[j]) * model.factor[j]
            if x < low or x > high:
                return False
    return True


cdef void undo_scaling(
    Served model, int height, const floating* outputs, double* X_hat,
) noexcept nogil:
    """As `ae_core.data.scaling.undo_scaling`: beyond the range of the type is its largest number."""
    cdef Py_ssize_t n = model.n_features, i, j
    cdef double largest = FLT_MAX if sizeof(floating) == sizeof(float) else DBL_MAX
    cdef double x
    for i in range(height):
        for j in range(n):
            x = outputs[i * n + j]
            if model.factor != NULL:
                x = x / model.factor[j] + model.shift[j]
            if x > largest:  # NaN is not
                x = largest
            elif x < -largest:
                x = -largest
            X_hat[i * n + j] = x


cdef void per_whole_row(
    Served model, int height, const floating* targets, const floating* losses, double* errors,
) noexcept nogil:
    """What each row's loss would be, if what is unseen of it were as what is seen; 0 for none."""
    cdef Py_ssize_t n = model.n_features, i, j, n_unseen
    for i in range(height):
        n_unseen = 0
        if model.has_missing:
            for j in range(i * n, (i + 1) * n):
                n_unseen += targets[j] != targets[j]
        errors[i] = losses[i]
        if 0 < n_unseen < n:
            errors[i] /= 1 - n_unseen / <double> n
