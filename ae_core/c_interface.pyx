"""The C interface, for Cython modules that are built elsewhere: c_interface.pxd says what there is.

What is computed, without any Python object, stands in the engine: `served`, `columns` and
`detector`.
"""

cimport cython
from cpython.buffer cimport PyBUF_READ, PyBUF_WRITE
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.limits cimport INT_MAX
from libc.math cimport NAN
from libc.stdlib cimport calloc, free

from ae_core._engine.columns cimport Columns
from ae_core._engine.detector cimport Detector
from ae_core._engine.served cimport CODE, ERRORS, RECONSTRUCTION, Served

import numpy as np

from ae_core import reference
from ae_core.network.compiled import Network
from ae_core.data.encoded_columns import whole_limits
from ae_core.data.rows import Rows

cdef extern from "Python.h":
    object PyMemoryView_FromMemory(char* data, Py_ssize_t size, int flags)
    void PyErr_SetInterrupt()
    enum:
        PY_SSIZE_T_MAX

cdef enum:
    ROWS_AT_ONCE = 512              # whose scores `ae_predict` has room for


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
    """What a handle points to. Nothing of it changes once it is made."""

    cdef object network                 # of one thread, with params that nobody else has
    cdef object seen                    # keyword arguments of Rows
    cdef Columns columns                # of a mixed table; else None
    cdef Served served                  # what the network is to C; of a detector None
    cdef Detector detector
    cdef double threshold
    cdef bint has_missing
    cdef Py_ssize_t n_columns, n_components, n_params, widest
    cdef list kept                      # each column's name and categories, as bytes, where it has any
    cdef const char** words             # the same, one after the other
    cdef Py_ssize_t* first_words        # (n_columns + 1,): where each column's begin

    def __dealloc__(self):
        free(self.words)
        free(self.first_words)

    def hold_network(self, network, rows):
        """Be a copy of a network; which sees its rows as it sees those, if any are given."""
        architecture = network.architecture
        if architecture.n_covariates:
            raise ValueError(
                f"a network with n_covariates={architecture.n_covariates}: the C interface gives a "
                "network the columns it reconstructs, and no others; use it from Python"
            )
        params = np.array(network.params)
        self.network = Network(architecture, params, dtype=params.dtype, n_threads=1)
        self.n_params, self.threshold = architecture.n_params, NAN
        n_features, self.n_components = architecture.n_features, architecture.n_components
        self.seen, shift, factor, clip = {}, None, None, False
        if rows is not None:
            self._check_width(rows.n_features, n_features)
            shift, factor, clip = rows.shift, rows.factor, rows.clip
            if shift is not None or factor is not None:
                # 0 and 1 leave every number as it is.
                shift = np.zeros(n_features) if shift is None else np.array(shift)
                factor = np.ones(n_features) if factor is None else np.array(factor)
            self.has_missing = rows.missing == "mask"
            self.seen = {"shift": shift, "factor": factor, "clip": clip, "missing": rows.missing}
        if self.columns is not None:
            self._check_width(self.columns.n_encoded, n_features)
        self.served = Served(
            self.network.plan, params, n_features, self.n_components, shift, factor, clip,
            self.has_missing, self.columns,
        )
        self.n_columns, self.widest = self.served.n_columns, self.served.plan.widest

    def hold_detector(self, ensemble, threshold, has_missing):
        """Be a detector with an ensemble that nobody else has."""
        self.detector, self.threshold, self.has_missing = ensemble.detector, threshold, has_missing
        self.n_components = self.n_params = AE_NOT_OFFERED
        self.n_columns, self.widest = self.detector.n_columns, self.detector.widest
        self.widest += self.detector.most_code + self.detector.most_references
        if self.columns is not None:
            self._check_width(self.columns.n_encoded + self.columns.n_others, self.n_columns)
            self.n_columns = self.columns.n_columns

    def _check_width(self, found, n_features):
        # Attributes of a fitted estimator can be replaced.
        if found != n_features:
            raise ValueError(
                f"the estimator's columns are {found}, and its network's {n_features}: they are not "
                "of one fit"
            )

    def describe(self, encoding, names, has_others):
        """Keep what there is to know of the columns: of a mixed table, and names."""
        if encoding is not None:
            self.columns = Columns(
                [(c.kind, c.width, whole_limits(c.dtype)) for c in encoding.columns], has_others,
            )
            categories = [(False, True) if c.kind == "flag" else c.categories for c in encoding.columns]
            names = [c.name for c in encoding.columns]
        elif names is not None:
            categories = [()] * len(names)
        else:
            return
        described = [(name, *own) for name, own in zip(names, categories, strict=True)]
        self.kept = [str(word).encode(errors="replace") for own in described for word in own]
        self.words = <const char**> calloc(len(self.kept), sizeof(char*))
        self.first_words = <Py_ssize_t*> calloc(len(described) + 1, sizeof(Py_ssize_t))
        if self.words == NULL or self.first_words == NULL:
            raise MemoryError("no memory for the names of columns")
        for i, word in enumerate(self.kept):
            self.words[i] = word
        for i, own in enumerate(described):
            self.first_words[i + 1] = self.first_words[i] + <Py_ssize_t> len(own)

    cdef Py_ssize_t n_categories(self, Py_ssize_t column) noexcept nogil:
        """How many categories a column has; AE_BAD_SIZE for no such column."""
        if not 0 <= column < self.n_columns:
            return AE_BAD_SIZE
        if self.words == NULL:
            return 0
        return self.first_words[column + 1] - self.first_words[column] - 1

    cdef const char* word(self, Py_ssize_t column, Py_ssize_t i) noexcept nogil:
        """A column's name (0), or one of its categories (from 1 on); NULL for none."""
        if self.words == NULL or not 0 <= i <= self.n_categories(column):
            return NULL
        return self.words[self.first_words[column] + i]

    cdef double _loss_and_gradient(
        self, Py_ssize_t n_rows, const double* X, double* gradient,
    ) except? -1:
        cdef Py_ssize_t n_numbers = n_rows * self.n_columns
        memory = PyMemoryView_FromMemory(<char*> X, n_numbers * sizeof(double), PyBUF_READ)
        table = np.frombuffer(memory).reshape(n_rows, self.n_columns)
        cdef double[:, ::1] encoded
        if self.columns is not None:
            encoded = table = np.empty((n_rows, self.columns.n_encoded))
            if not self.columns.encode(n_rows, X, self.has_missing, &encoded[0, 0]):
                raise ValueError("a flag or a category that is none")
        with np.errstate(all="ignore"):  # nobody is there to be warned
            rows = Rows(table, **self.seen)
            # In Python the loss says it by being infinite; here the code does, as elsewhere.
            if rows.is_scaled and np.isinf(rows.limits).any():
                raise ValueError("scaled, a number is beyond the range of the type")
            loss, found = self.network.loss_and_gradient(rows)
        result = PyMemoryView_FromMemory(
            <char*> gradient, self.n_params * sizeof(double), PyBUF_WRITE,
        )
        np.frombuffer(result)[:] = found
        return loss


cdef ae_model* handle_of(Model model) noexcept:
    Py_INCREF(model)
    return <ae_model*> <PyObject*> model


cdef ae_model* ae_load(object path) except NULL:
    from ae_core.estimators.load import load

    return ae_from_estimator(load(path))


cdef ae_model* ae_from_estimator(object estimator) except NULL:
    # scikit-learn is imported here only.
    from ae_core.estimators.held import held

    found, model = held(estimator), Model()
    model.describe(found.encoding, found.names, found.ensemble is not None)
    if found.ensemble is None:
        model.hold_network(found.network, found.rows)
    else:
        model.hold_detector(found.ensemble, found.threshold, found.has_missing)
    return handle_of(model)


cdef ae_model* ae_from_network(object network) except NULL:
    if not isinstance(network, reference.Network):
        raise TypeError(
            f"a network of class {type(network).__name__}: an ae_core.Network is needed (of a "
            "fitted estimator, its network_, or the estimator for ae_from_estimator)"
        )
    model = Model()
    model.hold_network(network, None)
    return handle_of(model)


cdef void ae_free(ae_model* model) noexcept nogil:
    if model != NULL:
        with gil:
            Py_DECREF(<Model> <PyObject*> model)


cdef Py_ssize_t ae_n_features(const ae_model* model) noexcept nogil:
    return AE_NULL_POINTER if model == NULL else (<Model> <PyObject*> model).n_columns


cdef Py_ssize_t ae_n_components(const ae_model* model) noexcept nogil:
    return AE_NULL_POINTER if model == NULL else (<Model> <PyObject*> model).n_components


cdef Py_ssize_t ae_n_params(const ae_model* model) noexcept nogil:
    return AE_NULL_POINTER if model == NULL else (<Model> <PyObject*> model).n_params


cdef double ae_threshold(const ae_model* model) noexcept nogil:
    return NAN if model == NULL else (<Model> <PyObject*> model).threshold


cdef const char* ae_column_name(const ae_model* model, Py_ssize_t column) noexcept nogil:
    if model == NULL:
        return NULL
    return (<Model> <PyObject*> model).word(column, 0)


cdef Py_ssize_t ae_n_categories(const ae_model* model, Py_ssize_t column) noexcept nogil:
    return AE_NULL_POINTER if model == NULL else (<Model> <PyObject*> model).n_categories(column)


cdef const char* ae_category(
    const ae_model* model, Py_ssize_t column, Py_ssize_t category,
) noexcept nogil:
    if model == NULL or not 0 <= category < PY_SSIZE_T_MAX:
        return NULL
    return (<Model> <PyObject*> model).word(column, category + 1)


# --- what can go wrong --------------------------------------------------------------------------


# By code: AE_OK is 0, and the others are below.
cdef const char* MESSAGES[8]
MESSAGES[:] = [
    b"all is well",
    b"there is no memory for the activations of these rows",
    b"the model or an array is NULL",
    b"the number of rows is negative or too large, or 0 where a loss is asked for",
    b"a number is infinite, NaN, or outside what the model's type or loss can take",
    b"Ctrl-C was pressed",
    b"something failed that should not; this is a bug of ae_core",
    b"this kind of model does not give that",
]


cdef const char* ae_message(int code) noexcept nogil:
    if AE_NOT_OFFERED <= code <= AE_OK:
        return MESSAGES[-code]
    return b"no code of ae_core's C interface"


cdef int check(
    const ae_model* model, bint of_detector, Py_ssize_t n_rows, const double* X, const void* result,
) noexcept nogil:
    """AE_OK, or what is wrong with these arguments."""
    if model == NULL:
        return AE_NULL_POINTER
    if of_detector != ((<Model> <PyObject*> model).detector is not None):
        return AE_NOT_OFFERED
    # Offsets in bytes must fit; whoever has such an array has a much larger address space.
    cdef Py_ssize_t widest = (<Model> <PyObject*> model).widest
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


cdef int ae_outlier_scores(
    const ae_model* model, Py_ssize_t n_rows, const double* X, double* scores,
) noexcept nogil:
    cdef int code = check(model, True, n_rows, X, scores)
    if code != AE_OK or n_rows == 0:
        return code
    return score(<Model> <PyObject*> model, n_rows, X, scores)


cdef int ae_predict(
    const ae_model* model, Py_ssize_t n_rows, const double* X, int* labels,
) noexcept nogil:
    cdef int code = check(model, True, n_rows, X, labels)
    cdef double[ROWS_AT_ONCE] scores
    cdef Py_ssize_t n, i
    while code == AE_OK and n_rows > 0:
        n = min(n_rows, <Py_ssize_t> ROWS_AT_ONCE)
        code = score(<Model> <PyObject*> model, n, X, scores)
        if code == AE_OK:
            for i in range(n):
                labels[i] = -1 if scores[i] > (<Model> <PyObject*> model).threshold else 1
        X += n * (<Model> <PyObject*> model).n_columns
        labels += n
        n_rows -= n
    return code


cdef int score(Model model, Py_ssize_t n_rows, const double* X, double* scores) noexcept nogil:
    return model.detector.scores_of(n_rows, X, model.columns, model.has_missing, scores)


cdef int ae_loss_and_gradient(
    const ae_model* model, Py_ssize_t n_rows, const double* X, double* loss, double* gradient,
) noexcept nogil:
    cdef int code = check(model, False, n_rows, X, gradient)
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
    cdef int code = check(handle, False, n_rows, X, result)
    if code != AE_OK or n_rows == 0:
        return code
    return (<Model> <PyObject*> handle).served.infer(wanted, n_rows, X, result)
