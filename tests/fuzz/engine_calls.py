"""The engine's functions with arguments of wrong shapes, strides, dtypes and sizes.

All arrays end at a page that nobody may touch, so that reading beyond one is a crash. A plan is only
ever made of an `Architecture`, which is checked, so plans here are valid.
"""

from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from scipy import sparse

from ae_core import Architecture, Network
from ae_core._engine import for_tests, inference, training
from ae_core._engine.kernels import table as kernels
from ae_core._engine.plan import Plan
from ae_core._engine.rows import Rows as EngineRows
from ae_core.data.rows import Rows
from ae_core.network.engine_terms import plan_of

from . import architectures
from .guarded import guarded

REFUSALS = (ValueError, TypeError, BufferError, OverflowError)
"""What wrong arguments may raise: TypeError and OverflowError are of no array, or no C int."""

INTEGERS = (-(2**63), -(2**31) - 1, -2, -1, 0, 1, 2, 3, 5, 100, 2**31 - 1, 2**31, 2**63 - 1, 2**64)


@cache
def plans() -> tuple[tuple[Architecture, Plan], ...]:
    """Some small networks of every kind."""
    random, found = Random(0), []
    while len(found) < 150:
        try:
            architecture = Architecture(**architectures.valid(random))
        except ValueError:
            continue
        found.append((architecture, plan_of(architecture)))
    return tuple(found)


def spoil(random: Random, value: Any) -> Any:
    """Another argument of that kind, or of none."""
    if isinstance(value, bool):
        return random.choice((True, False, None, 2, "no"))
    if isinstance(value, int):
        return random.choice((*INTEGERS, value + 1, value - 1, None, 1.5))
    if isinstance(value, np.ndarray):
        return _spoil_array(random, value)
    if isinstance(value, list):
        if value and random.random() < 0.6:
            return [spoil(random, value[0]), *value[1:]]
        return random.choice(([], value * 2, value[:1], [None], [3]))
    if isinstance(value, str):
        return random.choice(("", "adam", "sgd", "rmsprop", "nesterov", "nn", "exp", None, "é\0"))
    return random.choice((None, 3, "x", value))


def _spoil_array(random: Random, array: np.ndarray) -> Any:
    kind = random.randrange(9)
    if kind == 0:
        return None
    if kind == 1:
        other = np.result_type(random.choice("bBhiqdfe?FDO" if array.size < 50 else "bBiqdf"))
        with np.errstate(all="ignore"):
            return guarded().copy(np.nan_to_num(array).astype(other, copy=False))
    if kind == 2:
        return guarded().copy(array[..., :-1] if random.random() < 0.5 else array[:-1])
    if kind == 3:
        return guarded().copy(np.concatenate([array, array]))
    if kind == 4:
        return array[..., ::-1] if random.random() < 0.5 else array.T
    if kind == 5:
        return random.choice((array[None], array.ravel(), array[..., None], array[:0], array[:1]))
    if kind == 6:  # of the wrong endianness, or read-only
        if random.random() < 0.5:
            return array.astype(array.dtype.newbyteorder(">"))
        array = array.view()
        array.flags.writeable = False
        return array
    changed = guarded().copy(array)  # hostile content
    if changed.size and changed.flags.writeable:
        place = random.randrange(changed.size)
        if changed.dtype.kind in "iu":
            limits = np.iinfo(changed.dtype)
            hostile = [limits.min, limits.max, 0, 1, changed.size, changed.size + 1]
            changed.reshape(-1)[place] = random.choice(hostile)
        elif changed.dtype.kind == "f":
            changed.reshape(-1)[place] = random.choice((np.nan, np.inf, -np.inf, 1e30, -1.0, 0.0))
    return changed


def _table(random: Random, n_rows: int, n_columns: int) -> dict[str, Any]:
    """Arguments of the engine's Rows that fit."""
    draw = np.random.default_rng(random.randrange(2**32))
    keep = guarded().copy
    dtype = random.choice((np.float32, np.float64, np.uint8))
    X = (draw.random((n_rows, n_columns)) * (255 if dtype == np.uint8 else 1)).astype(dtype)
    arguments: dict[str, Any] = {"X": keep(X)}
    if random.random() < 0.4:
        X[draw.random(X.shape) < 0.5] = 0
        csr = sparse.csr_array(X)
        arguments = {
            "X": keep(csr.data.reshape(1, -1)),
            "starts": keep(csr.indptr.astype(np.intp)),
            "columns": keep(csr.indices.astype(np.int32)),
            "n_columns": n_columns,
            "implicit": random.random() < 0.5,
        }
    if random.random() < 0.4:
        arguments["shift"] = keep(draw.random(n_columns))
    if random.random() < 0.4:
        arguments["factor"] = keep(draw.random(n_columns) + 0.1)
    if random.random() < 0.3:
        arguments["sample_weight"] = keep(draw.random(n_rows) + 0.1)
    if random.random() < 0.3:
        arguments["clip"] = True
    if random.random() < 0.2:
        arguments["has_missing"] = True
    return arguments


def _spoil_some(random: Random, arguments: dict[str, Any], share: float = 0.65) -> dict[str, Any]:
    if random.random() < share:
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            name = random.choice(list(arguments))
            arguments[name] = spoil(random, arguments[name])
    # Threads that are asked for are started, so only few are asked for.
    if isinstance(arguments.get("n_threads"), int):
        arguments["n_threads"] = min(arguments["n_threads"], 4)
    return arguments


def _network_call(random: Random) -> str:
    architecture, plan = random.choice(plans())
    draw = np.random.default_rng(random.randrange(2**32))
    keep = guarded().copy
    dtype = random.choice((np.float32, np.float64))
    n_rows, n = random.choice((1, 2, 7, 130)), architecture.n_features
    n_columns = architecture.n_columns
    rows = EngineRows(**_spoil_some(random, _table(random, n_rows, n_columns), 0.4))
    params = keep(draw.normal(0, 0.3, architecture.n_params).astype(dtype))
    arguments: dict[str, Any] = {"plan": plan, "params": params, "rows": rows}
    which = random.randrange(3)
    if which == 0:
        losses = random.random() < 0.4
        width = 1 if losses else n
        arguments |= {
            "result": keep(np.zeros((n_rows, width), dtype)),
            "first_layer": 0,
            "last_layer": architecture.n_layers,
            "wants_losses": losses,
            "n_threads": 1,
        }
        if random.random() < 0.3:
            arguments["table"] = EngineRows(**_table(random, n_rows, n_columns))
        inference.run_layers(**_spoil_some(random, arguments))
        return "run_layers"
    n_steps, batch_size = (1, n_rows) if which == 1 else (3, max(1, (n_rows + 2) // 3))
    if which == 2:
        n_steps = -(-n_rows // batch_size)
    arguments |= {
        "n_threads": random.choice((1, 1, 1, 2)),
        "counts": keep(np.full(n_steps, float(batch_size))),
        "keys": keep(draw.integers(0, 2**63, n_steps).astype(np.uint64)),
    }
    if architecture.corruption == "salt_and_pepper":
        low, high = np.zeros(n, dtype), np.ones(n, dtype)
        arguments |= {"low": keep(low), "high": keep(high)}
    if which == 1:
        arguments["gradient"] = keep(np.zeros_like(params))
        training.loss_and_gradient(**_spoil_some(random, arguments))
        return "loss_and_gradient"
    solver = random.choice(kernels.SOLVERS)
    arguments |= {
        "order": keep(draw.permutation(n_rows).astype(np.intp)),
        "batch_size": batch_size,
        "solver": solver,
        "memory": [keep(np.zeros_like(params)) for _ in range(2 if solver == "adam" else 1)],
        "constants": keep(np.full((n_steps, 7), 0.5)),
        "losses": keep(np.zeros(n_steps)),
        "done": keep(np.zeros(1, np.intp)),
        "annealing": keep(np.ones(n_steps)),
        "clip_norm": random.choice((0.0, 1.0, float("nan"))),
    }
    if random.random() < 0.3:
        arguments["average"] = keep(np.zeros_like(params))
    training.train_steps(**_spoil_some(random, arguments))
    return "train_steps"


def _product_call(random: Random) -> str:
    draw = np.random.default_rng(random.randrange(2**32))
    m, n, k = (random.choice((1, 2, 5, 16, 33)) for _ in range(3))
    dtype = random.choice((np.float32, np.float64))
    keep = guarded().copy
    a, b, c = (keep(draw.random(s).astype(dtype)) for s in ((m, k), (k, n), (m, n)))
    arguments: dict[str, Any] = {"a": a, "b": b, "c": c, "accumulate": False}
    arguments |= {"form": random.choice(for_tests.FORMS), "level": random.choice((-1, 0))}
    for_tests.product(**_spoil_some(random, arguments))
    return "product"


def _elementary_call(random: Random) -> str:
    keep = guarded().copy
    dtype = random.choice((np.float32, np.float64))
    x = keep(np.linspace(-100, 100, random.choice((1, 3, 16, 101))).astype(dtype))
    name = random.choice(for_tests.ELEMENTARY)
    arguments = {"name": name, "x": x, "y": keep(np.zeros_like(x)), "level": 0}
    for_tests.elementary(**_spoil_some(random, arguments))
    return "elementary"


def _csr_call(random: Random) -> str:
    """SciPy's own sparse arrays, whose constructor looks at little, given to a network."""
    architecture, _ = random.choice(plans())
    n_rows, n = random.choice((1, 4, 30)), architecture.n_features
    draw = np.random.default_rng(random.randrange(2**32))
    X = sparse.csr_array(draw.random((n_rows, n)) * (draw.random((n_rows, n)) < 0.5))
    for name in random.sample(("indptr", "indices", "data"), random.choice((0, 1, 1, 2))):
        values = getattr(X, name).copy()
        if not values.size:
            continue
        place = random.randrange(values.size)
        values[place] = random.choice((-1, 0, 1, n, values.size, 1000, 2**31 - 1, -(2**31)))
        setattr(X, name, values)
    network = Network(architecture, random_state=0)
    rows = Rows(X, missing=random.choice((None, "mask", "implicit")))
    network.loss_and_gradient(rows)
    network.reconstruction_errors(rows)
    return "csr"


CALLS = (_network_call,) * 6 + (_product_call, _elementary_call, _csr_call)


def make(random: Random) -> Any:
    """Nothing: a call is made, and made up, in `run`."""
    return random.choice(CALLS)


def run(made: Any, folder: Path, random: Random) -> str:
    """Call it: refused, or done without a touch of other memory."""
    try:
        return made(random)
    except REFUSALS:
        return "refused"
