"""How unusual rows are to a saved model, found without the GIL."""

from ae_core.c_interface cimport (
    AE_ABI_VERSION, AE_OK, ae_check_abi, ae_free, ae_load, ae_message, ae_model, ae_n_features,
    ae_reconstruction_errors,
)

ae_check_abi(AE_ABI_VERSION)


cdef class Scorer:
    """The model of a file; any number of threads may ask it at once."""

    cdef ae_model* model

    def __cinit__(self, path):
        self.model = ae_load(path)

    def __dealloc__(self):
        ae_free(self.model)

    def errors(self, const double[:, ::1] X not None, double[::1] errors not None):
        """Write the error of each row of X (m, n_features) to errors (m,)."""
        cdef Py_ssize_t m = X.shape[0]
        cdef int code = AE_OK
        if X.shape[1] != ae_n_features(self.model) or errors.shape[0] != m:
            raise ValueError(f"X {X.shape[0]} x {X.shape[1]}, errors {errors.shape[0]}")
        if m > 0:
            with nogil:
                code = ae_reconstruction_errors(self.model, m, &X[0, 0], &errors[0])
        if code != AE_OK:
            raise ValueError(ae_message(code).decode())
