"""Training without the GIL, as Python calls it: what is given is checked, and made a job of steps."""

from cython cimport floating
from libc.stdint cimport uint64_t

from ae_core._engine.kernels.table cimport ae_step, kernels_for
from ae_core._engine.plan cimport Plan
from ae_core._engine.rows cimport Rows
from ae_core._engine.steps cimport Steps

from ae_core._engine.kernels.table import SOLVERS


cdef Steps _new_job(
    Plan plan, Py_ssize_t itemsize, Rows rows, Py_ssize_t n_steps, const double[::1] counts,
    int n_threads,
):
    """A job whose data is checked.

    Raises
    ------
    ValueError
        When shapes do not fit.
    """
    cdef Steps job = Steps()
    cdef Py_ssize_t i
    cdef Py_ssize_t n_columns = plan.n_features + plan.family.n_covariates
    if n_threads < 1:
        raise ValueError(f"n_threads={n_threads}: at least 1 is needed")
    if rows.n_rows == 0 or rows.n_columns != n_columns:
        raise ValueError(
            f"X has shape ({rows.n_rows}, {rows.n_columns}): {n_columns} columns and at "
            "least one row are needed"
        )
    if rows.weights != NULL and counts is None:
        raise ValueError("counts are needed for rows with weights")
    if counts is not None:
        if counts.shape[0] != n_steps:
            raise ValueError(f"counts has {counts.shape[0]} entries: {n_steps} are needed")
        for i in range(n_steps):
            if not counts[i] > 0:
                raise ValueError(f"counts has {counts[i]}: each must be positive")
        job.counts = &counts[0]
    job.plan, job.rows, job.n_steps = plan, rows, n_steps
    job.itemsize = itemsize
    job.K = kernels_for(itemsize)
    return job


def train_steps(
    Plan plan not None, floating[::1] params not None, Rows rows not None,
    const Py_ssize_t[::1] order not None, Py_ssize_t batch_size, str solver not None,
    list memory not None, const double[:, ::1] constants not None, double[::1] losses not None,
    Py_ssize_t[::1] done not None, int n_threads, const double[::1] counts=None,
    const uint64_t[::1] keys=None, const double[::1] annealing=None,
    object low=None, object high=None, floating[::1] average=None, double clip_norm=0,
):
    """Take one step per row of `constants`.

    Parameters
    ----------
    plan : Plan
    params : array of shape (n_params,)
        Changed in place.
    rows : n_samples rows of n_features
    order : array of shape (n_order,)
        Row numbers, batch after batch; checked.
    batch_size : int
    solver : one of `ae_core._engine.kernels.SOLVERS`
    memory : list of 1 or 2 arrays of shape (n_params,)
        Changed in place.
    constants : array of shape (n_steps, 7)
        What kernels.h calls a step.
    losses : array of shape (n_steps,)
        Receives the loss of each batch before its step.
    done : array of shape (1,)
        Receives the number of steps completed, also when Ctrl-C ends the call.
    n_threads : int
    counts : array of shape (n_steps,), optional
        How many whole rows each batch counts as, where that is not their number.
    keys, annealing : arrays of shape (n_steps,), optional
        Of the noise, and of a variational code's divergence.
    low, high : arrays of shape (n_features,), of the network's type
        For the corruption that asks for them.
    average : array of shape (n_params,), optional
        Changed in place: the mean of the parameters.
    clip_norm : float
        Longest gradient; 0 for any.

    Raises
    ------
    ValueError
        When lengths or row numbers do not fit.
    MemoryError
        When there is no room for the activations of a batch; nothing is changed then.
    KeyboardInterrupt
        On Ctrl-C; parameters are those of a whole step.
    """
    if len(memory) != (2 if solver == "adam" else 1):
        raise ValueError(f"{solver} does not remember {len(memory)} vectors")
    cdef floating[::1] memory_0 = memory[0]
    cdef floating[::1] memory_1 = memory[len(memory) - 1]
    cdef Py_ssize_t row, n_steps = constants.shape[0]
    for name, length, needed in (
        ("params", params.shape[0], plan.n_params), ("memory", memory_0.shape[0], plan.n_params),
        ("memory", memory_1.shape[0], plan.n_params),
        ("average", plan.n_params if average is None else average.shape[0], plan.n_params),
        ("keys", n_steps if keys is None else keys.shape[0], n_steps),
        ("annealing", n_steps if annealing is None else annealing.shape[0], n_steps),
    ):
        if length != needed:
            raise ValueError(f"{name} has {length} entries: {needed} are needed")
    if constants.shape[1] * sizeof(double) != sizeof(ae_step) or losses.shape[0] != n_steps:
        raise ValueError(f"constants ({n_steps}, {constants.shape[1]}), losses {losses.shape[0]}")
    if batch_size < 1 or (order.shape[0] + batch_size - 1) // batch_size != n_steps:
        raise ValueError(
            f"{order.shape[0]} rows in batches of {batch_size} do not make {n_steps} steps"
        )
    if batch_size > 2**31 - 1 or done.shape[0] != 1:
        raise ValueError(f"batch_size={batch_size} or done, of {done.shape[0]}, does not fit")
    with nogil:
        for row in order:
            if row < 0 or row >= rows.n_rows:
                with gil:
                    raise ValueError(f"order has row {row}: X has rows 0 to {rows.n_rows - 1}")
    if n_steps == 0:
        return
    cdef Steps job = _new_job(plan, sizeof(floating), rows, n_steps, counts, n_threads)
    job.keep_alive = (params, order, memory, constants, losses, counts, keys, annealing, average)
    job.order = &order[0]
    job.n_order = order.shape[0]
    job.batch_size = batch_size
    job.params = <char*> &params[0]
    job.memory_0 = <char*> &memory_0[0]
    job.memory_1 = <char*> &memory_1[0]
    if average is not None:
        job.average = <char*> &average[0]
    job.clip_norm = clip_norm
    if keys is not None:
        job.keys = &keys[0]
    if annealing is not None:
        job.annealing = &annealing[0]
    job.solver = SOLVERS.index(solver)
    job.steps = <const ae_step*> &constants[0, 0]
    job.losses = &losses[0]
    job.allocate(order, n_threads, low, high)
    try:
        job.run(n_threads)
    finally:
        done[0] = job.steps_done


def loss_and_gradient(
    Plan plan not None, const floating[::1] params not None, Rows rows not None,
    floating[::1] gradient not None, int n_threads, const double[::1] counts=None,
    const uint64_t[::1] keys=None, object low=None, object high=None,
):
    """The loss of all rows; its gradient is written to `gradient`. As one of `train_steps`.

    Raises
    ------
    ValueError
        When shapes do not fit.
    MemoryError
        When there is no room for the activations of all rows.
    KeyboardInterrupt
        On Ctrl-C.
    """
    cdef double loss = 0
    for name, length in (("params", params.shape[0]), ("gradient", gradient.shape[0])):
        if length != plan.n_params:
            raise ValueError(f"{name} has {length} entries: {plan.n_params} are needed")
    if rows.n_rows > 2**31 - 1:
        raise ValueError(f"X has {rows.n_rows} rows: at most {2**31 - 1} fit a batch")
    if keys is not None and keys.shape[0] != 1:
        raise ValueError(f"keys has {keys.shape[0]} entries: 1 is needed")
    cdef Steps job = _new_job(plan, sizeof(floating), rows, 1, counts, n_threads)
    job.keep_alive = (params, gradient, counts, keys)
    job.n_order = job.batch_size = rows.n_rows
    job.params = <char*> &params[0]
    job.gradient = <char*> &gradient[0]
    if keys is not None:
        job.keys = &keys[0]
    job.losses = &loss
    job.allocate(None, n_threads, low, high)
    job.run(n_threads)
    return loss
