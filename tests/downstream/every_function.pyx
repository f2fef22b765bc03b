"""Every function of the C interface, opened to the tests; nothing is checked here."""

from ae_core cimport c_interface
from ae_core.c_interface cimport (
    AE_ABI_VERSION, AE_BAD_SIZE, AE_BAD_VALUE, AE_NOT_OFFERED, AE_NULL_POINTER, AE_OK, ae_check_abi,
    ae_model,
)

ae_check_abi(AE_ABI_VERSION)

OK, NULL_POINTER, BAD_SIZE, BAD_VALUE = AE_OK, AE_NULL_POINTER, AE_BAD_SIZE, AE_BAD_VALUE
NOT_OFFERED = AE_NOT_OFFERED
ABI_VERSION = AE_ABI_VERSION

ctypedef int (*work)(
    const ae_model* model, Py_ssize_t n_rows, const double* X, double* result,
) noexcept nogil


def check_abi(int compiled):
    c_interface.ae_check_abi(compiled)


def abi_version():
    return c_interface.ae_abi_version()


def message(int code):
    return c_interface.ae_message(code).decode()


cdef class Model:
    """A handle of a file, an estimator, or a network; of None, NULL."""

    cdef ae_model* handle

    def __cinit__(self, source):
        if isinstance(source, str):
            self.handle = c_interface.ae_load(source)
        elif hasattr(source, "fit"):
            self.handle = c_interface.ae_from_estimator(source)
        elif source is not None:
            self.handle = c_interface.ae_from_network(source)

    def __dealloc__(self):
        with nogil:
            c_interface.ae_free(self.handle)

    def sizes(self):
        return (
            c_interface.ae_n_features(self.handle), c_interface.ae_n_components(self.handle),
            c_interface.ae_n_params(self.handle),
        )

    def threshold(self):
        return c_interface.ae_threshold(self.handle)

    def columns(self):
        """Each column's name and categories; None for names that are not known."""
        found = []
        cdef Py_ssize_t j, k
        cdef const char* name
        for j in range(c_interface.ae_n_features(self.handle)):
            name = c_interface.ae_column_name(self.handle, j)
            words = [] if name != NULL else [None]
            if name != NULL:
                words.append(name.decode())
            for k in range(c_interface.ae_n_categories(self.handle, j)):
                words.append(c_interface.ae_category(self.handle, j, k).decode())
            found.append(tuple(words))
        return found

    def forward(self, X, result, n_rows=None):
        return self.call(c_interface.ae_forward, X, result, n_rows)

    def encode(self, X, result, n_rows=None):
        return self.call(c_interface.ae_encode, X, result, n_rows)

    def reconstruction_errors(self, X, result, n_rows=None):
        return self.call(c_interface.ae_reconstruction_errors, X, result, n_rows)

    def outlier_scores(self, X, result, n_rows=None):
        return self.call(c_interface.ae_outlier_scores, X, result, n_rows)

    def predict(self, const double[:, ::1] X, int[::1] labels):
        cdef int code
        with nogil:
            code = c_interface.ae_predict(self.handle, X.shape[0], &X[0, 0], &labels[0])
        return code

    cdef call(self, work function, const double[:, ::1] X, double[:, ::1] result, n_rows):
        cdef Py_ssize_t m = X.shape[0] if n_rows is None else n_rows
        cdef const double* given = &X[0, 0] if X is not None and X.shape[0] else NULL
        cdef double* to = &result[0, 0] if result is not None and result.shape[0] else NULL
        cdef int code
        with nogil:
            code = function(self.handle, m, given, to)
        return code

    def loss_and_gradient(
        self, const double[:, ::1] X, double[::1] loss, double[::1] gradient, n_rows=None,
    ):
        cdef Py_ssize_t m = X.shape[0] if n_rows is None else n_rows
        cdef const double* given = &X[0, 0] if X is not None and X.shape[0] else NULL
        cdef double* loss_to = &loss[0] if loss is not None else NULL
        cdef double* to = &gradient[0] if gradient is not None else NULL
        cdef int code
        with nogil:
            code = c_interface.ae_loss_and_gradient(self.handle, m, given, loss_to, to)
        return code

    def repeat_encode(self, const double[:, ::1] X, double[:, ::1] result, int times):
        """For timing."""
        with nogil:
            for _ in range(times):
                c_interface.ae_encode(self.handle, X.shape[0], &X[0, 0], &result[0, 0])
