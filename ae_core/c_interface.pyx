"""The C interface, for Cython modules that are built elsewhere: c_interface.pxd says what there is.

Inference here is that of `_engine/inference.pyx` for one thread, without any Python object: tile by
tile, in memory that belongs to the call.
"""

cimport cython
from cpython.buffer cimport PyBUF_READ, PyBUF_WRITE
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from cython cimport floating
from libc.float cimport DBL_MAX, FLT_MAX
from libc.limits cimport INT_MAX
from libc.math cimport INFINITY, fabs
from libc.stdlib cimport free, malloc

from ae_core._engine.kernels.table cimport (
    AE_DOUBLE, ae_group, ae_kernels, ae_output, kernels_for,
)
from ae_core._engine.inference cimport give_seen, through_layers
from ae_core._engine.layers.dense cimport biases_of
from ae_core._engine.memory cimport padded
from ae_core._engine.plan cimport Layer, Plan

import numpy as np

from ae_core import reference
from ae_core.network.compiled import Network
from ae_core.data.rows import Rows

cdef extern from "Python.h":
    object PyMemoryView_FromMemory(char* data, Py_ssize_t size, int flags)
    void PyErr_SetInterrupt()
    enum:
        PY_SSIZE_T_MAX

# What a call is asked for.
cdef enum:
    RECONSTRUCTION, CODE, ERRORS


# --- versions -----------------------------------------------------------------------------------


cdef int ae_abi_version() noexcept nogil:
    return AE_ABI_VERSION


cdef int ae_check_abi(int compiled) except -1:
    if compiled != AE_ABI_VERSION:
        from ae_core import __version__

        raise ImportError(
            f"this module was built with version {compiled} of ae_core's C interface, and the "
            f"installed ae_core {__version__} has version {<int> AE_ABI_VERSION}: build it again "
            "with the ae_core that is installed"
        )
    return 0


# --- models -------------------------------------------------------------------------------------


@cython.internal
cdef class Model:
    """What a handle points to. Nothing of it changes once it is made.

    Parameters
    ----------
    network : Network
        Of which a copy is made.
    rows : Rows, optional
        Any, as the network sees them: theirs are the scaling, the clipping, and what is missing.
    """

    cdef object network                 # of one thread, with params that nobody else has
    cdef object seen                    # keyword arguments of Rows
    cdef Plan plan
    cdef const ae_kernels* K
    cdef Py_ssize_t itemsize, n_features, n_components
    cdef const char* params
    cdef const double* shift            # both NULL: columns are not scaled
    cdef const double* factor
    cdef bint clip, has_missing
    cdef ae_output output

    def __init__(self, network, rows=None):
        architecture = network.architecture
        if architecture.n_covariates:
            raise ValueError(
                f"a network with n_covariates={architecture.n_covariates}: the C interface gives a "
                "network the columns it reconstructs, and no others; use it from Python"
            )
        params = np.array(network.params)
        self.network = Network(architecture, params, dtype=params.dtype, n_threads=1)
        self.plan = self.network._plan
        self.itemsize = params.itemsize
        self.plan.prepare(256, self.itemsize)  # the most that a tile has
        self.K = kernels_for(self.itemsize)
        self.params = <const char*> address(params)
        self.n_features, self.n_components = architecture.n_features, architecture.n_components
        self.seen = {}
        if rows is not None:
            # Attributes of a fitted estimator can be replaced.
            if rows.n_features != self.n_features:
                raise ValueError(
                    f"the estimator's columns are {rows.n_features}, and its network's "
                    f"{self.n_features}: they are not of one fit"
                )
            self._scale(rows)
        self.output = self.plan.output
        self.output.has_missing = self.has_missing
        self.output.own = self.params + self.plan.own * self.itemsize

    def _scale(self, rows):
        shift, factor = rows.shift, rows.factor
        if shift is not None or factor is not None:
            # 0 and 1 leave every number as it is.
            shift = np.zeros(self.n_features) if shift is None else np.array(shift)
            factor = np.ones(self.n_features) if factor is None else np.array(factor)
            self.shift = <const double*> address(shift)
            self.factor = <const double*> address(factor)
        self.clip, self.has_missing = rows.clip, rows.missing == "mask"
        self.seen = {
            "shift": shift, "factor": factor, "clip": rows.clip, "missing": rows.missing,
        }

    cdef double _loss_and_gradient(
        self, Py_ssize_t n_rows, const double* X, double* gradient,
    ) except? -1:
        cdef Py_ssize_t n_numbers = n_rows * self.n_features
        table = PyMemoryView_FromMemory(<char*> X, n_numbers * sizeof(double), PyBUF_READ)
        with np.errstate(all="ignore"):  # nobody is there to be warned
            rows = Rows(np.frombuffer(table).reshape(n_rows, self.n_features), **self.seen)
            # In Python the loss says it by being infinite; here the code does, as elsewhere.
            if rows.is_scaled and np.isinf(rows.limits).any():
                raise ValueError("scaled, a number is beyond the range of the type")
            loss, found = self.network.loss_and_gradient(rows)
        result = PyMemoryView_FromMemory(
            <char*> gradient, self.plan.n_params * sizeof(double), PyBUF_WRITE,
        )
        np.frombuffer(result)[:] = found
        return loss


cdef size_t address(array) except? 0:
    """Where an array's numbers stand; they have to be alive as long as that is used."""
    return array.ctypes.data


cdef ae_model* handle_of(Model model) noexcept:
    Py_INCREF(model)
    return <ae_model*> <PyObject*> model


cdef ae_model* ae_load(object path) except NULL:
    from ae_core.estimators.load import load

    return ae_from_estimator(load(path))


cdef ae_model* ae_from_estimator(object estimator) except NULL:
    # scikit-learn is imported here only.
    from sklearn.utils.validation import check_is_fitted

    from ae_core.estimators.fitted import FittedAutoencoder
    from ae_core.estimators.fitting import seen

    kind = type(estimator).__name__
    if not isinstance(estimator, FittedAutoencoder):
        raise TypeError(
            f"a model of class {kind}: an Autoencoder or a VariationalAutoencoder is needed (of a "
            "detector, hand its networks to ae_from_network one by one)"
        )
    check_is_fitted(estimator)
    if estimator.encoding_ is not None:
        raise ValueError(
            f"this {kind} was fitted with columns='mixed': its rows are not numbers. Encode them "
            "with its encoding_, and hand its network_ to ae_from_network"
        )
    if estimator.missing_values == "implicit":
        raise ValueError(
            f"this {kind} was fitted with missing_values='implicit': its rows are sparse, and the "
            "C interface has dense ones only. Fit it with missing_values='mask'"
        )
    if estimator._usual_sum is not None:
        raise ValueError(
            f"this {kind} was fitted with size_factors={estimator.size_factors!r}: the C interface "
            "gives rows as they are, not divided by their sizes. Fit it with size_factors=None"
        )
    rows = seen(estimator, np.zeros((1, estimator.n_features_in_)))
    return handle_of(Model(estimator.network_, rows))


cdef ae_model* ae_from_network(object network) except NULL:
    if not isinstance(network, reference.Network):
        raise TypeError(
            f"a network of class {type(network).__name__}: an ae_core.Network is needed (of a "
            "fitted estimator, its network_, or the estimator for ae_from_estimator)"
        )
    return handle_of(Model(network))


cdef void ae_free(ae_model* model) noexcept nogil:
    if model != NULL:
        with gil:
            Py_DECREF(<Model> <PyObject*> model)


cdef Py_ssize_t ae_n_features(const ae_model* model) noexcept nogil:
    return AE_NULL_POINTER if model == NULL else (<Model> <PyObject*> model).n_features


cdef Py_ssize_t ae_n_components(const ae_model* model) noexcept nogil:
    return AE_NULL_POINTER if model == NULL else (<Model> <PyObject*> model).n_components


cdef Py_ssize_t ae_n_params(const ae_model* model) noexcept nogil:
    return AE_NULL_POINTER if model == NULL else (<Model> <PyObject*> model).plan.n_params


# --- what can go wrong --------------------------------------------------------------------------


cdef const char* ae_message(int code) noexcept nogil:
    if code == AE_OK:
        return b"all is well"
    if code == AE_NO_MEMORY:
        return b"there is no memory for the activations of these rows"
    if code == AE_NULL_POINTER:
        return b"the model or an array is NULL"
    if code == AE_BAD_SIZE:
        return b"the number of rows is negative or too large, or 0 where a loss is asked for"
    if code == AE_BAD_VALUE:
        return b"a number is infinite, NaN, or outside what the model's type or loss can take"
    if code == AE_INTERRUPTED:
        return b"Ctrl-C was pressed"
    if code == AE_FAILED:
        return b"something failed that should not; this is a bug of ae_core"
    return b"no code of ae_core's C interface"


cdef int check(
    const ae_model* model, Py_ssize_t n_rows, const double* X, const double* result,
) noexcept nogil:
    """AE_OK, or what is wrong with these arguments."""
    if model == NULL:
        return AE_NULL_POINTER
    # Offsets in bytes must fit; whoever has such an array has a much larger address space.
    cdef Py_ssize_t widest = (<Model> <PyObject*> model).plan.widest
    if n_rows < 0 or n_rows > PY_SSIZE_T_MAX // (16 * widest):
        return AE_BAD_SIZE
    if n_rows > 0 and (X == NULL or result == NULL):
        return AE_NULL_POINTER
    return AE_OK


# --- work ---------------------------------------------------------------------------------------


cdef int ae_forward(
    const ae_model* model, Py_ssize_t n_rows, const double* X, double* X_hat,
) noexcept nogil:
    return infer(model, RECONSTRUCTION, n_rows, X, X_hat)


cdef int ae_encode(
    const ae_model* model, Py_ssize_t n_rows, const double* X, double* code,
) noexcept nogil:
    return infer(model, CODE, n_rows, X, code)


cdef int ae_reconstruction_errors(
    const ae_model* model, Py_ssize_t n_rows, const double* X, double* errors,
) noexcept nogil:
    return infer(model, ERRORS, n_rows, X, errors)


cdef int ae_loss_and_gradient(
    const ae_model* model, Py_ssize_t n_rows, const double* X, double* loss, double* gradient,
) noexcept nogil:
    cdef int code = check(model, n_rows, X, gradient)
    if code == AE_OK and (n_rows == 0 or n_rows > INT_MAX):
        code = AE_BAD_SIZE
    elif code == AE_OK and loss == NULL:
        code = AE_NULL_POINTER
    if code != AE_OK:
        return code
    with gil:
        try:
            loss[0] = (<Model> <PyObject*> model)._loss_and_gradient(n_rows, X, gradient)
        except (MemoryError, SystemError):  # NumPy's reductions say it with the second
            code = AE_NO_MEMORY
        except ValueError:
            code = AE_BAD_VALUE
        except KeyboardInterrupt:
            PyErr_SetInterrupt()
            code = AE_INTERRUPTED
        except BaseException:
            code = AE_FAILED
    return code


cdef int infer(
    const ae_model* handle, int wanted, Py_ssize_t n_rows, const double* X, double* result,
) noexcept nogil:
    cdef int code = check(handle, n_rows, X, result)
    if code != AE_OK or n_rows == 0:
        return code
    if (<Model> <PyObject*> handle).itemsize == sizeof(float):
        return run_tiles[float](
            <Model> <PyObject*> handle, wanted, n_rows, X, result,
            <const float*> (<Model> <PyObject*> handle).params,
        )
    return run_tiles[double](
        <Model> <PyObject*> handle, wanted, n_rows, X, result,
        <const double*> (<Model> <PyObject*> handle).params,
    )


cdef int run_tiles(
    Model model, int wanted, Py_ssize_t n_rows, const double* X, double* result,
    const floating* params,
) noexcept nogil:
    """The rows, a tile after the other, in the same tiles as `Network`'s."""
    cdef Py_ssize_t tile_rows = model.plan.tile_rows(n_rows), first = 0, height
    cdef Py_ssize_t bytes = padded(tile_rows * model.plan.widest * sizeof(floating))
    cdef Py_ssize_t width = 1
    cdef int code = AE_OK
    cdef char* memory = <char*> malloc(5 * bytes + 64)
    cdef char* arrays = <char*> ((<size_t> memory + 63) // 64 * 64)
    if memory == NULL:
        return AE_NO_MEMORY
    if wanted != ERRORS:
        width = model.n_components if wanted == CODE else model.n_features
    while first < n_rows and code == AE_OK:
        height = min(tile_rows, n_rows - first)
        code = run_tile[floating](
            model, wanted, <int> height, X + first * model.n_features, result + first * width,
            arrays, bytes, params,
        )
        first += height
    free(memory)
    return code


cdef int run_tile(
    Model model, int wanted, int height, const double* X, double* result, char* arrays,
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
        return AE_BAD_VALUE
    if wanted == ERRORS and not can_compare(model, height, X):
        return AE_BAD_VALUE
    if model.plan.family.log_input and not has_logarithms(model, height, X):
        return AE_BAD_VALUE
    if model.has_missing or model.plan.family.log_input or model.plan.family.input_mask:
        inputs = <floating*> arrays
        give_seen[floating](
            model.plan, model.K, height, targets, inputs, side, model.plan.n_side,
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
    return AE_OK


cdef bint see(Model model, int height, const double* X, floating* to) noexcept nogil:
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


cdef bint has_logarithms(Model model, int height, const double* X) noexcept nogil:
    """Whether log(1 + x) can be taken of all: scaled, and before the cast, none lies below 0."""
    cdef Py_ssize_t n = model.n_features, i
    cdef double x
    if model.clip:
        return True
    for i in range(height * n):
        x = X[i]
        if model.factor != NULL:
            x = (x - model.shift[i % n]) * model.factor[i % n]
        if x < 0:
            return False
    return True


cdef bint can_compare(Model model, int height, const double* X) noexcept nogil:
    """Whether the loss can be taken of them: shares, or counts, for some."""
    cdef Py_ssize_t n = model.n_features, i, j
    cdef const ae_group* group
    cdef double x
    cdef int g
    if model.clip:
        return True
    for g in range(model.output.n_groups):
        group = &model.output.groups[g]
        for i in range(height):
            for j in range(group.start, group.stop):
                x = X[i * n + j]
                if model.factor != NULL:
                    x = (x - model.shift[j]) * model.factor[j]
                if x < group.low or x > group.high:
                    return False
    return True


cdef void undo_scaling(
    Model model, int height, const floating* outputs, double* X_hat,
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
    Model model, int height, const floating* targets, const floating* losses, double* errors,
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
