"""Checkpoints: a fit that was interrupted goes on, to the same bits as if it had not been."""

import hashlib
import inspect
from dataclasses import dataclass
from os import PathLike, fsdecode, fspath
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import COUNT, check_path, shown
from ..basics.shown import cut, printable
from ..data.checks import is_sparse
from ..data.encoded_blocks import EncodedBlocks
from ..files.model_file import ModelFile, read_file, write_file
from ..formulas.solvers import SolverState
from ..training.progress import Callback, Progress, TrainingState
from .beside import NOTHING, Beside
from .held_out_entries import holds_out_entries
from .parameters import (
    activation_of,
    alpha_of,
    architecture_of,
    scale_of,
    solver_of,
    spoiling_of,
)
from .saved import describe_history, parameters_of, restore_history

KIND = "checkpoint"

MAY_DIFFER = {"verbose", "n_threads", "random_state", "warm_start"}
"""Parameters that do not change what the rest of a fit does."""

ROWS_COMPARED = 1000

LARGEST_COUNT = 2**53


class Checkpoint:
    """A callback that keeps a fit's state in a file, to go on from after an interruption.

    Each time the file is written whole beside the old one, and then takes its place.

    Parameters
    ----------
    path : str or path
        Where the state goes to; what is there is replaced.
    every : int, default=1
        Write after every so many epochs.

    Raises
    ------
    ValueError
        For a path that is no file's name, and an ``every`` below 1.

    Examples
    --------
    >>> from ae_core import Autoencoder, Checkpoint
    >>> model = Autoencoder(n_components=8, max_iter=1000)
    >>> model.fit(X, callbacks=[Checkpoint("fit.ckpt", every=50)])  # doctest: +SKIP
    >>> model.fit(X, resume_from="fit.ckpt")  # doctest: +SKIP
    """

    def __init__(self, path: str | PathLike[str], every: int = 1) -> None:
        self.path, self.every = check_path("path", path), COUNT("every", every)

    def __repr__(self) -> str:
        return f"Checkpoint({fspath(self.path)!r}, every={self.every})"

    def __call__(self, progress: Progress) -> None:
        """Not to be called by itself: `Autoencoder.fit` knows what else belongs in the file."""
        raise ValueError("a Checkpoint works in Autoencoder.fit(callbacks=[…]) only")


@dataclass(frozen=True)
class _BoundCheckpoint:
    """A checkpoint that knows the fit it belongs to."""

    checkpoint: Checkpoint
    description: dict[str, Any]
    arrays: dict[str, Array]

    def __call__(self, progress: Progress) -> None:
        if progress.n_iter % self.checkpoint.every == 0:
            state = progress.state()
            arrays = {**self.arrays, "params": state.params}
            for i, memory in enumerate(state.solver.memory):
                arrays[f"solver_memory_{i}"] = memory
            if state.solver.average is not None:
                arrays["average"] = state.solver.average
            if state.best_params is not None:
                arrays["best_params"] = state.best_params
            description = {
                **self.description,
                "solver_n_steps": state.solver.n_steps,
                "random": state.random,
                "history": describe_history(state.history),
                "best": state.best,
                "n_stale": state.n_stale,
                "n_cuts": state.n_cuts,
                "noise_seed": state.noise_seed,
            }
            write_file(self.checkpoint.path, KIND, description, arrays)


@dataclass(frozen=True)
class SavedFit:
    """What a checkpoint says: the state of the training, and what it was a training of."""

    state: TrainingState
    held_out: Array
    """Rows that nothing was learned from; of entries the seed they are drawn with."""


def bind_checkpoints(
    callbacks: tuple[Callback, ...],
    estimator: Any,
    X: Any,
    sample_weight: Array | None,
    held_out: Array,
    beside: Beside = NOTHING,
) -> tuple[Callback, ...]:
    """The callbacks, with checkpoints told what they are checkpoints of.

    Raises
    ------
    ValueError
        For a checkpoint of 'lbfgs'.
    """
    if not any(isinstance(callback, Checkpoint) for callback in callbacks):
        return callbacks
    if estimator.solver == "lbfgs":
        raise ValueError("solver='lbfgs' can't be checkpointed: its memory is SciPy's own")
    description = {
        "estimator": type(estimator).__name__,
        "parameters": parameters_of(estimator),
        "data": _fingerprint(X, sample_weight, beside),
    }
    arrays = {"held_out": held_out}
    return tuple(
        _BoundCheckpoint(callback, description, arrays)
        if isinstance(callback, Checkpoint)
        else callback
        for callback in callbacks
    )


def open_checkpoint(
    path: Any,
    estimator: Any,
    X: Any,
    sample_weight: Array | None,
    beside: Beside = NOTHING,
) -> SavedFit:
    """Read a checkpoint of a fit of this estimator to this data.

    Raises
    ------
    ModelFileError
        When the file is not a whole checkpoint.
    ValueError
        When it is of another model or of other data; names what differs.
    """
    file = read_file(path, KIND)
    called = cut(printable(fsdecode(path)), 80)
    described = file.description
    if file.value("estimator", str) != type(estimator).__name__:
        raise ValueError(f"{called} is a checkpoint of a fit of {described['estimator']}")
    saved, own = file.value("parameters", dict), parameters_of(estimator)
    meant = {
        "activation": activation_of(estimator),
        "alpha": alpha_of(estimator),
        "corruption": spoiling_of(estimator),
        "scale": scale_of(estimator),
    }
    for name in sorted(saved.keys() | own.keys()):
        # A checkpoint of before there was a parameter is of a fit with its default.
        default = inspect.signature(type(estimator)).parameters.get(name)
        value = saved.get(name, default.default if default else None)
        if own.get(name) == "auto" and value == meant.get(name, "auto"):
            continue
        if name not in MAY_DIFFER and value != own.get(name):
            raise ValueError(
                f"{called} is a checkpoint of a fit with {name}={shown(value)}, not "
                f"{shown(own.get(name))}: set it as it was, or fit without resume_from"
            )
    if file.value("data", str) != _fingerprint(X, sample_weight, beside):
        raise ValueError(
            f"{called} is a checkpoint of a fit to other data: another X, sample_weight or what "
            "else is given of rows"
        )
    solver, n_params = solver_of(estimator), architecture_of(estimator, X.shape[1]).n_params
    assert not isinstance(solver, str)  # 'lbfgs' has no checkpoints
    vector = ((np.float32, np.float64), (n_params,), True)
    memory = [file.array(f"solver_memory_{i}", *vector) for i in range(len(solver.remembers))]
    average = None if solver.averaging is None else file.array("average", *vector)
    held_out = file.array("held_out", np.int64, (None,))
    if estimator.early_stopping and holds_out_entries(estimator, X):  # or X_val is given
        if len(held_out) > 1 or (held_out < 0).any():
            raise file.error("its array 'held_out' is not the seed of the entries held out")
    elif len(held_out) and (len(np.unique(held_out)) < len(held_out) or not _are_rows(held_out, X)):
        raise file.error("its array 'held_out' has other numbers than those of rows")
    return SavedFit(
        TrainingState(
            params=file.array("params", *vector),
            solver=SolverState(count_in(file, "solver_n_steps"), tuple(memory), average),
            random=file.value("random", is_generator_state, "the state of a generator"),
            history=restore_history(file, file.value("history", dict)),
            best=float(file.value("best", float)),
            best_params=file.array("best_params", *vector)
            if "best_params" in file.arrays
            else None,
            n_stale=count_in(file, "n_stale"),
            n_cuts=count_in(file, "n_cuts"),
            noise_seed=count_in(file, "noise_seed") if "noise_seed" in described else 0,
        ),
        held_out,
    )


def count_in(file: ModelFile, name: str) -> int:
    """A count that the file's description has."""
    return int(file.value(name, lambda n: type(n) is int and 0 <= n < LARGEST_COUNT, "a count"))


def _are_rows(which: Array, X: Any) -> bool:
    return bool(which.min() >= 0 and which.max() < X.shape[0])


def is_generator_state(state: Any) -> bool:
    """Whether it is what `ae_core.training.progress.generator_state` gives."""
    np.random.PCG64().state = state  # raises what file.value takes for a no
    return True


def _fingerprint(X: Any, sample_weight: Array | None, beside: Beside = NOTHING) -> str:
    """A digest of the shape and of some thousand rows, evenly spaced; and of their weights."""
    step = max(1, X.shape[0] // ROWS_COMPARED)
    digest = hashlib.blake2b(f"{X.shape} {X.dtype}".encode(), digest_size=16)
    if isinstance(X, EncodedBlocks):
        X, step = X.picked(ROWS_COMPARED / X.shape[0] + 1e-3), 1
        if X is None:
            return digest.hexdigest()
    some = X[::step]
    if is_sparse(X):
        parts = [some.indptr.astype(np.int64), some.indices.astype(np.int64), some.data]
    else:
        parts = [some]
    parts += [each[::step] for each in (sample_weight, *beside) if each is not None]
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
