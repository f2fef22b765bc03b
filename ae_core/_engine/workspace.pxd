# What a step works on: the arrays of a batch, and of each thread.

from cython cimport floating
from libc.stdint cimport int32_t, uint16_t, uint64_t

from ae_core._engine.kernels.table cimport ae_corruption, ae_output
from ae_core._engine.memory cimport Buffer
from ae_core._engine.plan cimport Plan
from ae_core._engine.rows cimport Rows


# Which rows a step takes, and what they count.
ctypedef struct Batch:
    const Py_ssize_t* order     # numbers of all rows that the job takes, or NULL: all in turn
    Py_ssize_t first            # of them the batch's
    int n_rows
    double total                # how many whole rows they count as
    double weight_sum           # the sum of their weights
    uint64_t key                # of their noise
    double pull                 # weight of a variational code's divergence


# For each layer 0 … n_layers of all rows of the batch, without gaps. What a network has no use for
# is NULL. H[n_layers] and delta[0] do not exist.
ctypedef struct Trace:
    void** H                # (m, units): activations, H[0] what the network is given
    void** delta            # (m, sums)
    void** masks            # (m, units): what activations were multiplied with
    void* targets           # (m, n_features): what the loss compares with; may be H[0]
    void* side              # (m, space.n_side): see layers/side_inputs.pyx
    void* posterior         # (m, 2k): mean and log-variance of a variational code
    void* epsilon           # (m, k): the noise of its draw
    double* weights         # (m,): of the rows; NULL: all 1
    void* own_delta         # (m, n_own): of the losses' own parameters
    double* code_sums       # (n_tiles, k): weighted sums of the code

    # Of CSR the batch's stored elements, row after row. Row i of the job's has those from
    # stored_starts[i] - stored_starts[batch.first] on.
    Py_ssize_t* stored_starts   # (n_order + 1,)
    int32_t* stored_columns
    void* stored_inputs
    void* stored_seen       # 1, or 0 for what is hidden: where the network is told
    void* stored_targets
    void* stored_delta      # NULL: all of the output is compared, not only what is stored

    # An output layer whose output is never made, W (n_in, n_features) and b: see layers/low_rank_output.pyx.
    void* turned            # (n_features, n_in) a copy of W.T, and then its gradient
    void* wide_biases       # (n_features,) of b, too; 0 without biases
    void* wide_gram         # (n_in, n_in) W @ W.T
    void* wide_pull         # (n_in,) W @ b
    void* wide_shared       # (m, n_in) its inputs, each row times its share of the loss
    void* wide_spread       # (n_in, n_in) what W is multiplied with
    void* wide_total        # (n_in,)

    # The contractive penalty: see layers/contraction.pyx.
    void** slopes           # (m, units) of the encoder's layers
    void** curves           # (m, units), in the end what is added to their deltas
    void** down             # (m k, units)
    void** up               # (m k, units)
    void* gram              # (n_1, n_1) W[1].T @ W[1]; with one layer its diagonal, (k,)
    void* spread            # (n_1, n_1) what W[1] is multiplied with; with one layer (k,)


# What a thread has for itself.
ctypedef struct Scratch:
    void* gradient          # of a slice
    uint16_t* numbers       # noise of a row
    double* code            # (k,)
    double* columns         # (n_features,)
    void* jacobian          # (k, n_1)


cdef inline Py_ssize_t row_number(Batch* batch, Py_ssize_t i) noexcept nogil:
    """The number in the table of row i of the batch."""
    return batch.order[batch.first + i] if batch.order != NULL else batch.first + i


cdef class Workspace:
    cdef Plan plan
    cdef Rows rows
    cdef Trace trace
    cdef Scratch* scratch               # [n_threads]
    cdef ae_output output               # the plan's, and whether there are holes
    cdef ae_corruption corruption
    cdef double* tile_losses            # [n_tiles]
    cdef double* squares                # per slice, of the weights: ½ alpha Σ W² + alpha_l1 Σ |W|
    cdef double* gradient_squares       # per slice
    cdef char* gradient                 # of all parameters, where it is kept before it is used
    cdef int tile_rows, n_side
    cdef readonly bint skips_output     # whether layers/low_rank_output.pyx does its work
    cdef Buffer buffer
    cdef char* at                       # where the next array will stand; counted from NULL first
    cdef object keep_alive

    cdef bint _takes_stored(self)
    cdef bint _compares_stored(self)
    cdef bint _skips_output(self, Py_ssize_t m, Py_ssize_t n_stored)
    cdef Py_ssize_t _most_stored(self, const Py_ssize_t[::1] order, Py_ssize_t m)
    cdef void* _take(self, Py_ssize_t n_bytes)
    cdef void** _pointers(self)
    cdef void _put(self, void** pointers, Py_ssize_t i, Py_ssize_t n_bytes)
    cdef _cut(
        self, Py_ssize_t size, Py_ssize_t m, Py_ssize_t n_order, Py_ssize_t n_stored,
        int n_threads, bint wants_whole_gradient,
    )
    cdef _cut_scratch(self, Py_ssize_t size, int n_threads)
    cdef _cut_wide(self, Py_ssize_t size, Py_ssize_t m)
    cdef _cut_contraction(self, Py_ssize_t size, Py_ssize_t m)
