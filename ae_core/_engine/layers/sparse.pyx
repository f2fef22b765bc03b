"""Sparse rows: products that look at what CSR stores, and at nothing else.

The batch's stored elements stand one after the other, row after row, each with its column: what the
network is given, and, where the rest is unseen, what it is compared with and its delta. Loops over
the weights of the wide layer go row by row of the matrix, outermost: one row of it stays in cache
while all the tile's elements pick from it.
"""

from cython cimport floating
from libc.stdint cimport int32_t
from libc.string cimport memset

from ae_core._engine.kernels.table cimport (
    AE_GAUSSIAN, AE_MASKING, AE_SALT_AND_PEPPER, ae_corruption, ae_group, ae_kernels, ae_output,
)
from ae_core._engine.plan cimport Layer, Piece, Plan
from ae_core._engine.rows cimport Rows
from ae_core._engine.workspace cimport Batch, Scratch, Trace, Workspace, row_number

cdef extern from "noise.h" nogil:
    enum:
        AE_CORRUPTION_STREAM, AE_COARSE
    unsigned int ae_noise_at(
        unsigned long long key, unsigned long long stream, unsigned long long row,
        Py_ssize_t n, Py_ssize_t column,
    )


cdef extern from "elementary.h" nogil:
    float ae_log1p_f32(float x)
    double ae_log1p_f64(double x)


cdef inline floating log1p(floating x) noexcept nogil:
    return ae_log1p_f32(x) if floating is float else ae_log1p_f64(x)


cdef floating spoiled(
    const ae_corruption* how, floating x, unsigned int number, int32_t column,
) noexcept nogil:
    """One element as the network is given it: the loops of noise_body.h, for a few."""
    if x != x:
        return 0
    if how.kind == AE_GAUSSIAN:
        return x + (<const floating*> how.table)[number >> AE_COARSE]
    if how.kind == AE_MASKING:
        return x if number >= how.threshold else 0
    if how.kind == AE_SALT_AND_PEPPER and number < how.threshold:
        if number < how.threshold_low:
            return (<const floating*> how.low)[column]
        return (<const floating*> how.high)[column]
    return x


cdef void fill_stored(
    Workspace space, Batch* batch, Py_ssize_t first, int n_rows, floating* of_this_type,
) noexcept nogil:
    """Take the elements of some rows from the table; spoil what the network is given."""
    cdef Trace* trace = &space.trace
    cdef Py_ssize_t i, t, to, row, n = space.plan.n_features
    cdef int32_t column
    cdef unsigned int number = 0
    cdef floating x
    cdef bint log_input = space.plan.family.log_input, is_hidden
    cdef bint is_noisy = space.corruption.kind in (AE_GAUSSIAN, AE_MASKING, AE_SALT_AND_PEPPER)
    for i in range(first, first + n_rows):
        row, to = row_number(batch, i), start_of(trace, batch, i)
        for t in range(space.rows.starts[row], space.rows.stop_of(row, n)):
            column = space.rows.columns[t]
            x = <floating> space.rows.stored(t)
            if is_noisy:
                number = ae_noise_at(batch.key, AE_CORRUPTION_STREAM, row, n, column)
            trace.stored_columns[to] = column
            (<floating*> trace.stored_inputs)[to] = spoiled[floating](
                &space.corruption, log1p[floating](x) if log_input else x, number, column,
            )
            if trace.stored_seen != NULL:
                is_hidden = (
                    space.corruption.kind == AE_MASKING and number < space.corruption.threshold
                )
                (<floating*> trace.stored_seen)[to] = x == x and not is_hidden
            if trace.stored_targets != NULL:
                (<floating*> trace.stored_targets)[to] = x
            to += 1


# --- the first layer ------------------------------------------------------------------------------


cdef void stored_sums(
    Workspace space, const ae_kernels* K, Layer* layer, const floating* params, Batch* batch,
    Py_ssize_t first, int n_rows, floating* sums,
) noexcept nogil:
    """sums (n_rows, n_out) = inputs @ W, yet without biases."""
    cdef Trace* trace = &space.trace
    cdef const floating* W = params + layer.weights
    cdef const floating* x = <floating*> trace.stored_inputs
    cdef const floating* seen = <floating*> trace.stored_seen
    cdef Py_ssize_t n = layer.n_out, i, t
    memset(sums, 0, n_rows * n * sizeof(floating))
    for i in range(first, first + n_rows):
        for t in range(start_of(trace, batch, i), start_of(trace, batch, i + 1)):
            K.axpy(n, x[t], W + trace.stored_columns[t] * n, sums)
        if seen != NULL:
            for t in range(start_of(trace, batch, i), start_of(trace, batch, i + 1)):
                K.axpy(n, seen[t], W + (layer.n_in + trace.stored_columns[t]) * n, sums)
        sums += n


cdef void sums_of_stored(
    Plan plan, Rows rows, const ae_kernels* K, Layer* layer, const floating* params,
    Py_ssize_t first, int n_rows, floating* sums,
) noexcept nogil:
    """The same for some rows of a table, nothing of which is spoiled."""
    cdef const floating* W = params + layer.weights
    cdef Py_ssize_t n = layer.n_out, i, t
    cdef bint log_input = plan.family.log_input, has_mask = plan.family.input_mask
    cdef floating x
    memset(sums, 0, n_rows * n * sizeof(floating))
    for i in range(first, first + n_rows):
        for t in range(rows.starts[i], rows.stop_of(i, layer.n_in)):
            x = <floating> rows.stored(t)
            if x == x:
                K.axpy(n, log1p[floating](x) if log_input else x, W + rows.columns[t] * n, sums)
                if has_mask:
                    K.axpy(n, 1, W + (layer.n_in + rows.columns[t]) * n, sums)
        sums += n


cdef Py_ssize_t first_from(
    const int32_t* columns, Py_ssize_t low, Py_ssize_t high, int32_t column,
) noexcept nogil:
    """The first of the elements low … high whose column is not before this one."""
    cdef Py_ssize_t middle
    while low < high:
        middle = (low + high) // 2
        if columns[middle] < column:
            low = middle + 1
        else:
            high = middle
    return low


cdef void stored_input_gradient(
    Workspace space, const ae_kernels* K, Piece* piece, Batch* batch, floating* gradient,
) noexcept nogil:
    """Rows of the first layer's weight gradient; of a tied decoder's output layer too."""
    cdef Trace* trace = &space.trace
    cdef Layer* layer = &space.plan.layers[0]
    cdef Py_ssize_t n = layer.n_out, n_shared = 0, i, t, at
    cdef const floating* x = <floating*> trace.stored_inputs
    cdef const floating* delta = <floating*> trace.delta[1]
    cdef const floating* turned = NULL
    cdef const floating* H = NULL
    if layer.partner >= 0 and trace.stored_delta != NULL:
        turned, H = <floating*> trace.stored_delta, <floating*> trace.H[layer.partner]
        n_shared = space.plan.layers[layer.partner].n_in
    memset(gradient, 0, (piece.last - piece.first) * n * sizeof(floating))
    for i in range(batch.n_rows):
        t = first_from(
            trace.stored_columns, start_of(trace, batch, i), start_of(trace, batch, i + 1),
            piece.first,
        )
        while t < start_of(trace, batch, i + 1) and trace.stored_columns[t] < piece.last:
            at = (trace.stored_columns[t] - piece.first) * n
            if x[t] != 0:
                K.axpy(n, x[t], delta + i * n, gradient + at)
            if H != NULL:
                K.axpy(n_shared, turned[t], H + i * n_shared, gradient + at)
            t += 1


cdef void stored_seen_gradient(
    Workspace space, const ae_kernels* K, Piece* piece, Batch* batch, floating* gradient,
) noexcept nogil:
    """Rows of the first layer's weight gradient that belong to whether each feature is seen."""
    cdef Trace* trace = &space.trace
    cdef Layer* layer = &space.plan.layers[0]
    cdef Py_ssize_t n = layer.n_out, i, t
    cdef int32_t first = piece.first - layer.n_in, last = piece.last - layer.n_in
    cdef const floating* seen = <floating*> trace.stored_seen
    cdef const floating* delta = <floating*> trace.delta[1]
    memset(gradient, 0, (last - first) * n * sizeof(floating))
    for i in range(batch.n_rows):
        t = first_from(
            trace.stored_columns, start_of(trace, batch, i), start_of(trace, batch, i + 1), first,
        )
        while t < start_of(trace, batch, i + 1) and trace.stored_columns[t] < last:
            K.axpy(n, seen[t], delta + i * n, gradient + (trace.stored_columns[t] - first) * n)
            t += 1


# --- the output, where all that is not stored is unseen -----------------------------------------------


cdef floating dot(Py_ssize_t n, const floating* x, const floating* y) noexcept nogil:
    """x (n,) @ y (n,), in four sums that need not wait for each other."""
    cdef floating a = 0, b = 0, c = 0, d = 0
    cdef Py_ssize_t i = 0
    while i + 4 <= n:
        a += x[i] * y[i]
        b += x[i + 1] * y[i + 1]
        c += x[i + 2] * y[i + 2]
        d += x[i + 3] * y[i + 3]
        i += 4
    while i < n:
        a += x[i] * y[i]
        i += 1
    return (a + b) + (c + d)


cdef void stored_output_sums(
    Workspace space, const floating* params, Batch* batch, Py_ssize_t first, int n_rows,
) noexcept nogil:
    """The output's sums of the stored elements, with biases, where their delta will stand."""
    cdef Trace* trace = &space.trace
    cdef int last = space.plan.n_layers - 1
    cdef Layer* layer = &space.plan.layers[last]
    cdef const floating* W = params + layer.weights
    cdef const floating* biases = params + layer.biases
    cdef const floating* H = <floating*> trace.H[last] + first * layer.n_in
    cdef const floating* side = <floating*> trace.side + first * space.n_side
    cdef floating* z = <floating*> trace.stored_delta
    cdef const int32_t* columns = trace.stored_columns
    cdef Py_ssize_t i, t, u, n_in = layer.n_in, n_out = layer.n_out
    cdef floating h
    for t in range(start_of(trace, batch, first), start_of(trace, batch, first + n_rows)):
        z[t] = biases[columns[t]] if layer.biases >= 0 else 0
    if layer.tied:  # W is the encoder's, (n_out, n_in): a row of it for each element
        for i in range(n_rows):
            for t in range(
                start_of(trace, batch, first + i), start_of(trace, batch, first + i + 1),
            ):
                z[t] += dot[floating](n_in, H + i * n_in, W + columns[t] * layer.row)
        return
    for u in range(n_in + layer.n_side):
        for i in range(n_rows):
            h = H[i * n_in + u] if u < n_in else side[i * space.n_side + u - n_in]
            for t in range(
                start_of(trace, batch, first + i), start_of(trace, batch, first + i + 1),
            ):
                z[t] += h * W[u * n_out + columns[t]]


cdef double stored_output_delta(
    Workspace space, const ae_kernels* K, const floating* params, Batch* batch, Scratch* scratch,
    Py_ssize_t first, int n_rows,
) noexcept nogil:
    """The delta of the stored elements; returns the losses, times weights, summed."""
    cdef Trace* trace = &space.trace
    cdef Py_ssize_t i, t, low, high, stop
    cdef floating* z = <floating*> trace.stored_delta
    cdef const floating* targets = <floating*> trace.stored_targets
    cdef ae_group group
    cdef ae_output output
    cdef double loss = 0, weight
    cdef int g
    output.groups, output.n_groups, output.n_own = &group, 1, 0
    output.has_holes = space.output.has_holes
    output.weights = NULL if space.output.weights == NULL else scratch.columns
    stored_output_sums[floating](space, params, batch, first, n_rows)
    for i in range(first, first + n_rows):
        weight = trace.weights[i] if trace.weights != NULL else 1
        low, stop = start_of(trace, batch, i), start_of(trace, batch, i + 1)
        for g in range(space.output.n_groups):
            group = space.output.groups[g]
            high = first_from(trace.stored_columns, low, stop, <int32_t> group.stop)
            if high == low:
                continue
            group.start, group.stop = 0, high - low
            if output.weights != NULL:
                for t in range(low, high):
                    scratch.columns[t - low] = space.output.weights[trace.stored_columns[t]]
            loss += weight * K.output_delta(
                &output, 1, high - low, z + low, NULL, targets + low, weight / batch.total,
                NULL,
            )
            low = high
    return loss


cdef void stored_input_delta(
    Workspace space, const ae_kernels* K, const floating* params, Batch* batch,
    Py_ssize_t first, int n_rows, floating* result,
) noexcept nogil:
    """∂loss / ∂H of the last hidden layer, whose rows are as far apart as that layer's sums."""
    cdef Trace* trace = &space.trace
    cdef int last = space.plan.n_layers - 1
    cdef Layer* layer = &space.plan.layers[last]
    cdef Py_ssize_t row = space.plan.layers[last - 1].n_out
    cdef const floating* W = params + layer.weights
    cdef const floating* delta = <floating*> trace.stored_delta
    cdef const int32_t* columns = trace.stored_columns
    cdef Py_ssize_t i, t, u, n_in = layer.n_in, n_out = layer.n_out
    cdef floating total
    if layer.tied:
        for i in range(n_rows):
            memset(result + i * row, 0, n_in * sizeof(floating))
            for t in range(
                start_of(trace, batch, first + i), start_of(trace, batch, first + i + 1),
            ):
                K.axpy(n_in, delta[t], W + columns[t] * layer.row, result + i * row)
        return
    for u in range(n_in):
        for i in range(n_rows):
            total = 0
            for t in range(
                start_of(trace, batch, first + i), start_of(trace, batch, first + i + 1),
            ):
                total += delta[t] * W[u * n_out + columns[t]]
            result[i * row + u] = total


cdef void stored_output_gradient(
    Workspace space, const floating* inputs, Py_ssize_t length, int height, Batch* batch,
    floating* gradient,
) noexcept nogil:
    """Rows of the output layer's weight gradient, one for each column of its inputs.

    Of these are (n_rows, height), in rows that are `length` apart.
    """
    cdef Trace* trace = &space.trace
    cdef const floating* delta = <floating*> trace.stored_delta
    cdef const int32_t* columns = trace.stored_columns
    cdef Py_ssize_t i, t, u, n_out = space.plan.n_features
    cdef floating h
    memset(gradient, 0, height * n_out * sizeof(floating))
    for u in range(height):
        for i in range(batch.n_rows):
            h = inputs[i * length + u]
            for t in range(start_of(trace, batch, i), start_of(trace, batch, i + 1)):
                gradient[columns[t]] += h * delta[t]
        gradient += n_out


cdef void stored_bias_gradient(
    Workspace space, Batch* batch, floating* gradient,
) noexcept nogil:
    """The output layer's bias gradient (n_features,)."""
    cdef Trace* trace = &space.trace
    cdef const floating* delta = <floating*> trace.stored_delta
    cdef Py_ssize_t t, n_out = space.plan.n_features
    memset(gradient, 0, n_out * sizeof(floating))
    for t in range(start_of(trace, batch, 0), start_of(trace, batch, batch.n_rows)):
        gradient[trace.stored_columns[t]] += delta[t]
