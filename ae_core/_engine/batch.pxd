# What a step works on: its rows, the arrays that they fill, and those of each thread.

from libc.stdint cimport uint16_t, uint64_t


# Which rows a step takes, and what they count.
ctypedef struct Batch:
    const Py_ssize_t* order     # numbers of all rows that the job takes, or NULL: all in turn
    Py_ssize_t first            # of them the batch's
    int n_rows
    double total                # how many whole rows they count as
    double weight_sum           # the sum of their weights
    uint64_t key                # of their noise
    double divergence           # weight of a variational code's divergence


# For each layer 0 … n_layers of all rows of the batch, without gaps. What a network has no use for
# is NULL. H[n_layers], A[n_layers] and delta[0] do not exist.
ctypedef struct Trace:
    void** H                # (m, units): activations, H[0] what the network is given
    void** A                # (m, sums): what a layer gives; H itself, but where the code is drawn
    void** delta            # (m, sums): ∂loss / ∂(the layer's sums)
    void** masks            # (m, units): what activations were multiplied with
    void* side              # (m, n_side): see layers/side_inputs.pxd
    int n_side
    void* targets           # (m, n_features): what the loss compares with; may be H[0]
    void* own_delta         # (m, n_own): of the losses' own parameters
    double* weights         # (m,): of the rows; NULL: all 1
    double* sizes           # (m,): see layers/row_sizes.pxd; or NULL


# What a thread has for itself.
ctypedef struct Scratch:
    int thread
    void* gradient          # of a slice
    uint16_t* numbers       # noise of a row


# Rows that one thread takes forward and backward.
ctypedef struct Tile:
    Batch* batch
    Scratch* mine
    Py_ssize_t first        # its first row in the batch
    int n_rows


cdef inline Py_ssize_t row_number(Batch* batch, Py_ssize_t row) noexcept nogil:
    """The number in the table of a row of the batch."""
    return batch.order[batch.first + row] if batch.order != NULL else batch.first + row


cdef inline double weight_of(Trace* trace, Py_ssize_t row) noexcept nogil:
    """The weight of a row of the batch."""
    return trace.weights[row] if trace.weights != NULL else 1


cdef inline double share_of(Trace* trace, Batch* batch, Py_ssize_t row) noexcept nogil:
    """What the loss of a row of the batch is multiplied with: its weight over the sum of counts."""
    return weight_of(trace, row) / batch.total
