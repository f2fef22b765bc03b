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
    # A model's numbers and how it sees its columns: a copy, which nothing changes any more.
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

# The model of a file that an Autoencoder, a VariationalAutoencoder or an AutoencoderOutlierDetector has
# written with `save`. ModelFileError and OSError as `ae_core.load`; TypeError and ValueError as
# `ae_from_estimator`.
cdef ae_model* ae_load(object path) except NULL

# A fitted one, which may change afterwards. TypeError for anything else, NotFittedError before its fit,
# ValueError where its rows are sparse (missing_values='implicit') or are given more than their columns
# (covariates, sizes), or where somebody has replaced its network, its scaling or its settings by what
# does not fit the rest.
cdef ae_model* ae_from_estimator(object estimator) except NULL

# An ae_core.Network, whose columns are not scaled. TypeError for anything else, ValueError where
# somebody has replaced its params by what are none of its architecture, or where it has covariates.
cdef ae_model* ae_from_network(object network) except NULL

# With or without the GIL, which it takes; NULL is left alone. To use or free a handle afterwards, or
# to free it while somebody uses it, is undefined.
cdef void ae_free(ae_model* model) noexcept nogil

# AE_NULL_POINTER for NULL; AE_NOT_OFFERED for the last two of a detector, which has several networks.
# n_features is of a row that is given: of a mixed table the table's columns.
cdef Py_ssize_t ae_n_features(const ae_model* model) noexcept nogil
cdef Py_ssize_t ae_n_components(const ae_model* model) noexcept nogil
cdef Py_ssize_t ae_n_params(const ae_model* model) noexcept nogil

# Of a detector, above which of its scores a row is an outlier; else NaN.
cdef double ae_threshold(const ae_model* model) noexcept nogil

# What the fit knew of a column, the first being 0: its name; how many categories it has (a number has
# none, a flag two: False and True); and each of them. Texts are UTF-8 and live as long as the handle; NULL
# for one that is not there. AE_NULL_POINTER for NULL, AE_BAD_SIZE for no such column.
cdef const char* ae_column_name(const ae_model* model, Py_ssize_t column) noexcept nogil
cdef Py_ssize_t ae_n_categories(const ae_model* model, Py_ssize_t column) noexcept nogil
cdef const char* ae_category(
    const ae_model* model, Py_ssize_t column, Py_ssize_t category,
) noexcept nogil


# --- what can go wrong with the work ------------------------------------------------------------

cdef enum:
    AE_OK = 0
    AE_NO_MEMORY = -1
    AE_NULL_POINTER = -2
    AE_BAD_SIZE = -3
    AE_BAD_VALUE = -4
    AE_INTERRUPTED = -5
    AE_FAILED = -6
    AE_NOT_OFFERED = -7

# What a code means, in English; a string that is always there.
cdef const char* ae_message(int code) noexcept nogil


# --- work ---------------------------------------------------------------------------------------
#
# X is (n_rows, n_features), doubles without gaps, in the units of the data: columns are scaled, and
# scaled back, as the estimator does it. Inside, numbers are of the network's own type.
#
# Of a model fitted with columns='mixed' a column of flags has 0 or 1 for False or True, and one of
# categories the place of a category among those of the fit, from 0 on (`ae_category` has them in that
# order); -1 is a category that the fit did not have. So are rows given, and so are they given back: the
# most probable category, whole numbers where the fit had such.
#
# Each returns AE_OK, or one of the codes above; AE_NOT_OFFERED: a detector was asked for what networks
# give, or another model for what detectors give; what the results hold then is undefined. Any number
# of threads may call on one model at once, and each call keeps to its own thread. Products too large
# for our own loops are SciPy's BLAS's, which takes as many threads as whoever calls has set.
#
# AE_BAD_VALUE: a number is infinite, or NaN (but where the model was fitted with
# missing_values='mask': then NaN is unseen), a flag other than 0 or 1, a category that is none, or -1
# where nothing may be missing (but of a detector, to which that is unusual), or as it is or scaled beyond the range of the network's
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

# scores (n_rows,): of a detector minus `score_samples`, the higher, the less usual.
cdef int ae_outlier_scores(
    const ae_model* model, Py_ssize_t n_rows, const double* X, double* scores,
) noexcept nogil

# labels (n_rows,): as `predict` of a detector: 1 for usual rows, -1 for those whose score is above the
# threshold.
cdef int ae_predict(
    const ae_model* model, Py_ssize_t n_rows, const double* X, int* labels,
) noexcept nogil

# loss (1,) and gradient (n_params,): as `loss_and_gradient` of the network on the scaled rows, with
# the noise of key 0. Takes the GIL before and after; the arithmetic runs without it, and meanwhile
# large networks limit the process's BLAS to one thread. AE_INTERRUPTED after Ctrl-C, which Python
# is told of again.
cdef int ae_loss_and_gradient(
    const ae_model* model, Py_ssize_t n_rows, const double* X, double* loss, double* gradient,
) noexcept nogil
