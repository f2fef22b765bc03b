"""What is asked of the code: the same mathematics as ae_core/formulas/latent.py, row by row of a tile."""

from cython cimport floating
from libc.math cimport INFINITY, fabs, log
from libc.string cimport memmove

from ae_core._engine.kernels.table cimport ae_kernels
from ae_core._engine.plan cimport Family, Plan
from ae_core._engine.workspace cimport Batch, Scratch, Trace, Workspace, row_number

cdef extern from "noise.h" nogil:
    enum:
        AE_SAMPLE_STREAM


cdef void draw_code(
    Workspace space, const ae_kernels* K, Batch* batch, Scratch* scratch,
    Py_ssize_t first, int n_rows, floating* of_this_type,
) noexcept nogil:
    """The code (n_rows, k) from what the layer gave: cut off, drawn, and summed up."""
    cdef Family* family = &space.plan.family
    cdef Trace* trace = &space.trace
    cdef Py_ssize_t k = family.n_code, i
    cdef floating* H = <floating*> trace.H[family.code] + first * k
    if family.variational:
        for i in range(n_rows):
            K.noise(
                batch.key, AE_SAMPLE_STREAM, row_number(batch, first + i), k, scratch.numbers,
            )
            K.sample(
                k, <floating*> trace.posterior + (first + i) * 2 * k, scratch.numbers,
                space.plan.quantiles(sizeof(floating), False),
                <floating*> trace.epsilon + (first + i) * k, H + i * k,
            )
    elif family.k_sparse > 0:
        for i in range(n_rows):
            K.keep_largest(
                k, family.k_sparse, <floating*> trace.masks[family.code] + (first + i) * k,
                H + i * k,
            )
    if family.sparsity != 0:
        sum_code[floating](space, first, n_rows, NULL)


cdef void infer_code(
    Plan plan, const ae_kernels* K, int n_rows, floating* code, floating* to, floating* mask,
) noexcept nogil:
    """The code as inference goes on with it: cut off in place, or the mean of its distribution.

    The mean is written to `to` (n_rows, k), which may be where the code is; `mask` is room for k.
    """
    cdef Py_ssize_t k = plan.family.n_code, i
    if plan.family.k_sparse > 0:
        for i in range(n_rows):
            K.keep_largest(k, plan.family.k_sparse, mask, code + i * k)
    if plan.family.variational:
        for i in range(n_rows):
            memmove(to + i * k, code + i * 2 * k, k * sizeof(floating))


cdef inline double weight_of(Trace* trace, Py_ssize_t row) noexcept nogil:
    return trace.weights[row] if trace.weights != NULL else 1


cdef double code_losses(
    Workspace space, const ae_kernels* K, Batch* batch, Py_ssize_t first, int n_rows,
    floating* of_this_type,
) noexcept nogil:
    """What the codes of these rows cost, each times its weight, but for their mean activation."""
    cdef Family* family = &space.plan.family
    cdef Trace* trace = &space.trace
    cdef Py_ssize_t k = family.n_code, i, j
    cdef floating* H
    cdef double total = 0, loss, size
    if family.code_l1 == 0 and not family.variational:
        return 0
    for i in range(first, first + n_rows):
        loss = 0
        if family.code_l1 != 0:
            H, size = <floating*> trace.H[family.code] + i * k, 0
            for j in range(k):
                size += fabs(H[j])
            loss += family.code_l1 * size
        if family.variational:
            loss += batch.pull * K.divergence(k, <floating*> trace.posterior + i * 2 * k)
        total += weight_of(trace, i) * loss
    return total


cdef void sum_code(
    Workspace space, Py_ssize_t first, int n_rows, floating* of_this_type,
) noexcept nogil:
    """This tile's part of the mean activations."""
    cdef Trace* trace = &space.trace
    cdef Py_ssize_t k = space.plan.family.n_code, i, j
    cdef double* sums = trace.code_sums + first // space.tile_rows * k
    cdef const floating* H = <floating*> trace.H[space.plan.family.code]
    for j in range(k):
        sums[j] = 0
    for i in range(first, first + n_rows):
        for j in range(k):
            sums[j] += weight_of(trace, i) * H[i * k + j]


cdef double sparsity(Workspace space, Batch* batch, double* mean) noexcept nogil:
    """Σ KL(ρ ‖ ρ̂), times its strength; leaves the means ρ̂ (k,) of the batch."""
    cdef Family* family = &space.plan.family
    cdef Py_ssize_t k = family.n_code, j, tile
    cdef Py_ssize_t n_tiles = (batch.n_rows + space.tile_rows - 1) // space.tile_rows
    cdef double rho = family.sparsity_target, total = 0
    for j in range(k):
        mean[j] = 0
        for tile in range(n_tiles):  # always in this order, whoever made them
            mean[j] += space.trace.code_sums[tile * k + j]
        mean[j] /= batch.weight_sum
        if not 0 < mean[j] < 1:
            total = INFINITY
        else:
            total += rho * log(rho / mean[j]) + (1 - rho) * log((1 - rho) / (1 - mean[j]))
    return family.sparsity * total


cdef void add_code_gradient(
    Workspace space, Batch* batch, Scratch* scratch, Py_ssize_t first, int n_rows,
    floating* delta,
) noexcept nogil:
    """Add to delta, ∂loss / ∂H of the code so far, what is asked of the code but its divergence.

    Its rows (n_rows, …) are as far apart as the sums of the code's layer.
    """
    cdef Family* family = &space.plan.family
    cdef Trace* trace = &space.trace
    cdef Py_ssize_t k = family.n_code, i, j
    cdef Py_ssize_t row = space.plan.layers[family.code - 1].n_out
    cdef const floating* H = <floating*> trace.H[family.code] + first * k
    cdef double* slope = scratch.code
    cdef double rho = family.sparsity_target
    cdef floating pull
    if family.code_l1 != 0:
        for i in range(n_rows):
            pull = <floating> (family.code_l1 * weight_of(trace, first + i) / batch.total)
            for j in range(k):
                if H[i * k + j] > 0:
                    delta[i * row + j] += pull
                elif H[i * k + j] < 0:
                    delta[i * row + j] -= pull
    if family.sparsity != 0:
        sparsity(space, batch, slope)
        for j in range(k):
            slope[j] = -rho / slope[j] + (1 - rho) / (1 - slope[j])
        for i in range(n_rows):
            pull = <floating> (family.sparsity * weight_of(trace, first + i) / batch.weight_sum)
            for j in range(k):
                delta[i * row + j] += pull * <floating> slope[j]


cdef void through_draw(
    Workspace space, const ae_kernels* K, Batch* batch, Py_ssize_t first, int n_rows,
    floating* delta,
) noexcept nogil:
    """delta (n_rows, 2k), whose first k are ∂loss / ∂H, becomes that of mean and log-variance."""
    cdef Trace* trace = &space.trace
    cdef Py_ssize_t k = space.plan.family.n_code, i
    for i in range(n_rows):
        K.through_sample(
            k, <floating*> trace.posterior + (first + i) * 2 * k,
            <floating*> trace.epsilon + (first + i) * k,
            batch.pull * weight_of(trace, first + i) / batch.total, delta + i * 2 * k,
        )
