# ae_core for Cython modules that are built elsewhere: see docs/downstream.md.
#
#     from ae_core.c_interface cimport AE_ABI_VERSION, ae_check_abi, ae_encode, ae_load, …
#
#     ae_check_abi(AE_ABI_VERSION)    # at the top of the module: see below
#
# Only functions, numbers and one pointer to something unknown: whatever changes inside ae_core, a
# module that was built with one release works with the next, or says at import that it does not.
# The signature of a function here never changes; what would need another gets another name.

cdef extern from *:
    """
    typedef struct ae_core_model ae_model;
    """
    # A network's numbers and the scaling of its columns: a copy, which nothing changes any more.
    ctypedef struct ae_model:
        pass


# --- versions -----------------------------------------------------------------------------------

cdef enum:
    # Of what the functions here mean. Compiled into the module that cimports it.
    AE_ABI_VERSION = 1

# The version that is installed.
cdef int ae_abi_version() noexcept nogil

# ImportError, saying what to do, where that is another than the one compiled in.
cdef int ae_check_abi(int compiled) except -1


# --- models -------------------------------------------------------------------------------------
#
# Each of these three gives a new handle, to be freed with `ae_free`, or raises.

# The model of a file that an Autoencoder or a VariationalAutoencoder has written with `save`.
# ModelFileError and OSError as `ae_core.load`; TypeError and ValueError as `ae_from_estimator`.
cdef ae_model* ae_load(object path) except NULL

# A fitted Autoencoder or VariationalAutoencoder, which may change afterwards. TypeError for anything
# else, NotFittedError before its fit, ValueError where its rows are no plain numbers
# (columns='mixed', missing_values='implicit'), or where somebody has replaced its network, its
# scaling or its settings by what does not fit the rest.
cdef ae_model* ae_from_estimator(object estimator) except NULL

# An ae_core.Network, whose columns are not scaled. TypeError for anything else, ValueError where
# somebody has replaced its params by what are none of its architecture, or where it has covariates.
cdef ae_model* ae_from_network(object network) except NULL

# With or without the GIL, which it takes; NULL is left alone. To use or free a handle afterwards, or
# to free it while somebody uses it, is undefined.
cdef void ae_free(ae_model* model) noexcept nogil

# AE_NULL_POINTER for NULL.
cdef Py_ssize_t ae_n_features(const ae_model* model) noexcept nogil
cdef Py_ssize_t ae_n_components(const ae_model* model) noexcept nogil
cdef Py_ssize_t ae_n_params(const ae_model* model) noexcept nogil


# --- what can go wrong with the work ------------------------------------------------------------

cdef enum:
    AE_OK = 0
    AE_NO_MEMORY = -1
    AE_NULL_POINTER = -2
    AE_BAD_SIZE = -3
    AE_BAD_VALUE = -4
    AE_INTERRUPTED = -5
    AE_FAILED = -6

# What a code means, in English; a string that is always there.
cdef const char* ae_message(int code) noexcept nogil


# --- work ---------------------------------------------------------------------------------------
#
# X is (n_rows, n_features), doubles without gaps, in the units of the data: columns are scaled, and
# scaled back, as the estimator does it. Inside, numbers are of the network's own type.
#
# Each returns AE_OK, or one of the codes above; what the results hold then is undefined. Any number
# of threads may call on one model at once, and each call keeps to its own thread. Products too large
# for our own loops are SciPy's BLAS's, which takes as many threads as whoever calls has set.
#
# AE_BAD_VALUE: a number is infinite, or NaN (but where the model was fitted with
# missing_values='mask': then NaN is unseen), or as it is or scaled beyond the range of the network's
# type; with input_transform='log1p' also one that is, scaled, below 0; for errors and losses of a
# cross-entropy also one that is, scaled, outside 0 … 1; for a loss also where nothing is seen at all.
# AE_BAD_SIZE: n_rows is negative, or more than could be. No rows are fine, but for a loss.

# X_hat (n_rows, n_features): as `reconstruct`; of a network `forward`. It may be X itself.
cdef int ae_forward(
    const ae_model* model, Py_ssize_t n_rows, const double* X, double* X_hat,
) noexcept nogil

# code (n_rows, n_components): as `transform`; of a network `encode`. Of a variational one the mean.
cdef int ae_encode(
    const ae_model* model, Py_ssize_t n_rows, const double* X, double* code,
) noexcept nogil

# errors (n_rows,): the loss of each row, of scaled columns; as `network_.reconstruction_errors`, for
# an Autoencoder minus `score_samples`. Of a row with unseen entries the mean over the others times
# n_features, 0 where nothing is seen.
cdef int ae_reconstruction_errors(
    const ae_model* model, Py_ssize_t n_rows, const double* X, double* errors,
) noexcept nogil

# loss (1,) and gradient (n_params,): as `loss_and_gradient` of the network on the scaled rows, with
# the noise of key 0. Takes the GIL before and after; the arithmetic runs without it, and meanwhile
# large networks limit the process's BLAS to one thread. AE_INTERRUPTED after Ctrl-C, which Python
# is told of again.
cdef int ae_loss_and_gradient(
    const ae_model* model, Py_ssize_t n_rows, const double* X, double* loss, double* gradient,
) noexcept nogil
