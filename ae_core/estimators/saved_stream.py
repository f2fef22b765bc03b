"""The state of `partial_fit` in a model file: a loaded model goes on to the same bits."""

from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import as_float, is_number
from ..data.running_scaling import ENOUGH, RunningScaling
from ..files.model_file import ModelFile
from ..formulas.solvers import SolverState
from ..training.stream import Stream
from .checkpoints import count_in, describe_progress, restore_progress


def describe_stream(model: Any) -> tuple[dict[str, Any], dict[str, Array]]:
    """The stream of an estimator as a description and arrays; empty where there is nothing."""
    description: dict[str, Any] = {}
    arrays: dict[str, Array] = {}
    running, stream = model._running, model._stream
    if running is not None and running.is_open.any():
        arrays["running_scaling"] = running.table
    if stream is not None:
        description["stream"] = {
            "remembers": stream.remembers,
            "n_steps": stream.solver.n_steps,
            "n_counted": stream.n_counted,
            **describe_progress(stream),
        }
        vectors = {f"stream_memory_{i}": memory for i, memory in enumerate(stream.solver.memory)}
        vectors |= {"stream_average": stream.solver.average, "stream_params": stream.params}
        arrays |= {name: vector for name, vector in vectors.items() if vector is not None}
    return description, arrays


def restore_stream(model: Any, file: ModelFile) -> None:
    """Give an estimator, which has its network, what `describe_stream` described.

    Raises
    ------
    ModelFileError
        When it is not a stream of that network.
    """
    if "running_scaling" in file.arrays:
        n_features = model.network_.architecture.n_features
        table = file.array("running_scaling", np.float64, (6, n_features), finite=True)
        running = RunningScaling(table)
        if not _is_possible(running):
            raise file.error("its array 'running_scaling' has numbers that no columns have")
        model._running = running
    if "stream" not in file.description:
        return
    described = ModelFile(
        file.kind, file.value("stream", dict), file.arrays, f"{file.path} (stream)"
    )
    vector = (model.network_.dtype, model.network_.params.shape, True)
    remembers = described.value(
        "remembers", lambda found: all(isinstance(each, str) for each in found), "names"
    )
    memory = [file.array(f"stream_memory_{i}", *vector) for i in range(len(remembers))]
    average, params = (
        file.array(name, *vector) if name in file.arrays else None
        for name in ("stream_average", "stream_params")
    )
    if (average is None) != (params is None):
        raise file.error("it has one of 'stream_average' and 'stream_params' without the other")
    n_counted = described.value("n_counted", lambda n: is_number(n) and n >= 0, "a number")
    model._stream = Stream(
        solver=SolverState(count_in(described, "n_steps"), tuple(memory), average),
        remembers=tuple(remembers),
        params=params,
        n_counted=as_float(n_counted),
        **restore_progress(described),
    )


def _is_possible(running: RunningScaling) -> bool:
    is_measured = (running.n_rows > 0) & (running.n_rows < ENOUGH)
    return bool(
        (running.table[[0, 1, 3]] >= 0).all()
        and (running.low <= running.high).all()
        and (running.weight[is_measured] > 0).all()
    )
