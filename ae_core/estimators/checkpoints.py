"""Checkpoints: a fit that was interrupted goes on, to the same bits as if it had not been."""

import hashlib
import inspect
from dataclasses import dataclass
from os import PathLike, fsdecode, fspath
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import COUNT, as_float, check_path, is_number, shown
from ..basics.shown import cut, printable
from ..data.checks import is_sparse
from ..data.encoded_blocks import EncodedBlocks
from ..files.model_file import ModelFile, read_file, write_file
from ..formulas.solvers import SolverState
from ..training.progress import Callback, Progress, TrainingState
from ..training.stream import Stream
from .beside import NOTHING, Beside
from .held_out_entries import holds_out_entries
from .parameters import MEANINGS, architecture_of, solver_of
from .saved import describe_history, parameters_of, restore_history

KIND = "checkpoint"

MAY_DIFFER = {"verbose", "n_threads", "random_state", "warm_start"}
"""Parameters that do not change what the rest of a fit does."""

ROWS_COMPARED = 1000

LARGEST_COUNT = 2**53

PROGRESS = ("random", "noise_seed", "best", "n_stale", "n_cuts")
"""Fields that the state of a fit and that of a stream have in common, as files name them."""


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
            description = {
                **self.description,
                "solver_n_steps": state.solver.n_steps,
                "history": describe_history(state.history),
                **describe_progress(state),
            }
            vectors = {
                "params": state.params,
                "average": state.solver.average,
                "best_params": state.best_params,
                **{f"solver_memory_{i}": memory for i, memory in enumerate(state.solver.memory)},
            }
            arrays = {name: vector for name, vector in vectors.items() if vector is not None}
            write_file(self.checkpoint.path, KIND, description, {**self.arrays, **arrays})


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
        _BoundCheckpoint(each, description, arrays) if isinstance(each, Checkpoint) else each
        for each in callbacks
    )


def open_checkpoint(
    path: Any,
    estimator: Any,
    X: Any,
    sample_weight: Array | None,
    beside: Beside = NOTHING,
    *,
    has_validation: bool | None = None,
) -> tuple[TrainingState | None, Array | None]:
    """Read a checkpoint of a fit of this estimator to this data.

    Parameters
    ----------
    path : path or None
    estimator : Autoencoder or VariationalAutoencoder
    X, sample_weight, beside
        What it is fitted to, checked.
    has_validation : bool, optional
        Whether `X_val` is given; None of blocks, of which the file does not say.

    Returns
    -------
    state : TrainingState or None
        Where training goes on; None without a path.
    held_out : array or None
        Rows that nothing was learned from; of entries the seed they are drawn with.

    Raises
    ------
    ModelFileError
        When the file is not a whole checkpoint.
    ValueError
        When it is of another model or of other data; names what differs.
    """
    if path is None:
        return None, None
    file = read_file(check_path("resume_from", path), KIND)
    called = cut(printable(fsdecode(path)), 80)
    _check_same_parameters(file, called, estimator)
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
    if (
        has_validation is not None
        and estimator.early_stopping
        and has_validation == bool(len(held_out))
    ):
        had, now = ("without", "leave it out") if has_validation else ("with", "give it again")
        raise ValueError(f"X_val: {called} is a checkpoint of a fit {had} it: {now}")
    if estimator.early_stopping and holds_out_entries(estimator, X):  # or X_val is given
        if len(held_out) > 1 or (held_out < 0).any():
            raise file.error("its array 'held_out' is not the seed of the entries held out")
    elif len(np.unique(held_out)) < len(held_out) or not _are_rows(held_out, X.shape[0]):
        raise file.error("its array 'held_out' has other numbers than those of rows")
    has_best = "best_params" in file.arrays
    state = TrainingState(
        params=file.array("params", *vector),
        solver=SolverState(count_in(file, "solver_n_steps"), tuple(memory), average),
        history=restore_history(file, file.value("history", dict)),
        best_params=file.array("best_params", *vector) if has_best else None,
        **restore_progress(file),
    )
    return state, held_out


def _check_same_parameters(file: ModelFile, called: str, estimator: Any) -> None:
    """Refuse a checkpoint of another estimator, or of one with other parameters."""
    if file.value("estimator", str) != type(estimator).__name__:
        raise ValueError(f"{called} is a checkpoint of a fit of {file.description['estimator']}")
    saved, own = file.value("parameters", dict), parameters_of(estimator)
    for name in sorted(saved.keys() | own.keys()):
        # A checkpoint older than a parameter is of a fit with its default.
        default = inspect.signature(type(estimator)).parameters.get(name)
        value = saved.get(name, default.default if default else None)
        if own.get(name) == "auto" and name in MEANINGS and value == MEANINGS[name](estimator):
            continue
        if name not in MAY_DIFFER and value != own.get(name):
            raise ValueError(
                f"{called} is a checkpoint of a fit with {name}={shown(value)}, not "
                f"{shown(own.get(name))}: set it as it was, or fit without resume_from"
            )


def describe_progress(state: TrainingState | Stream) -> dict[str, Any]:
    """Where training has got to, but for vectors and the history."""
    return {name: getattr(state, name) for name in PROGRESS}


def restore_progress(file: ModelFile) -> dict[str, Any]:
    """The fields that `describe_progress` described.

    Raises
    ------
    ModelFileError
        When one of them is missing, or no number as it should be.
    """
    return {
        "random": file.value("random", is_generator_state, "the state of a generator"),
        "noise_seed": count_in(file, "noise_seed") if "noise_seed" in file.description else 0,
        "best": as_float(file.value("best", is_number, "a number")),
        "n_stale": count_in(file, "n_stale"),
        "n_cuts": count_in(file, "n_cuts"),
    }


def count_in(file: ModelFile, name: str) -> int:
    """A count that the file's description has."""
    return int(file.value(name, lambda n: type(n) is int and 0 <= n < LARGEST_COUNT, "a count"))


def is_generator_state(state: Any) -> bool:
    """Whether it is what `ae_core.training.progress.generator_state` gives."""
    np.random.PCG64().state = state  # what this raises, file.value takes for False
    return True


def _are_rows(which: Array, n_rows: int) -> bool:
    return bool(((which >= 0) & (which < n_rows)).all())


def _fingerprint(X: Any, sample_weight: Array | None, beside: Beside) -> str:
    """A digest of the table's shape and of some 1000 rows, with weights and what else is given."""
    step = max(1, X.shape[0] // ROWS_COMPARED)
    digest = hashlib.blake2b(f"{X.shape} {X.dtype}".encode(), digest_size=16)
    if isinstance(X, EncodedBlocks):
        X, step = X.picked(ROWS_COMPARED / X.shape[0] + 1e-3), 1
        if X is None:
            return digest.hexdigest()
    some = X[::step]
    parts = [some]
    if is_sparse(X):
        parts = [some.indptr.astype(np.int64), some.indices.astype(np.int64), some.data]
    parts += [each[::step] for each in (sample_weight, *beside) if each is not None]
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
