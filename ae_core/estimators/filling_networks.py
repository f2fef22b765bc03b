"""Networks that fill in: given what is seen of a row, they say what all of it would be.

A network is given the entries that are seen, 0 in place of the others, and beside each a 0 or 1
that says which. While it learns, a part of the seen entries is hidden from it, by columns of the
table, so that a category is hidden whole; its loss is of all that is seen. The input differs from
what is to be reconstructed, so it is given as covariates, of the encoder and of the decoder, and of
the features themselves nothing is given at all.
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from threading import Event
from typing import Any

import numpy as np

from .._typing import Array
from ..data.checks import check_n_threads
from ..formulas.losses import LossGroups
from ..formulas.schedules import Schedule
from ..formulas.solvers import AdamW
from ..network.architecture import Architecture
from ..network.compiled import Network
from ..serving.filling import FARTHEST, given
from ..training.epochs import is_finite
from ..training.progress import NonFiniteLossError

EPOCHS = 300
"""Passes over the rows."""
MOST_STEPS = 12_000
"""Steps, at most: of long tables there are fewer passes."""
MOST_WORK = 4e11
"""Multiplications of rows with weights, at most: of wide tables there are fewer steps."""
FEWEST_STEPS = 500
"""Steps, at least, however wide the table is."""
LEARNING_RATE = 3e-3
LEAST_DECAY, MOST_DECAY, ROWS_OF_DECAY_1 = 0.1, 1.0, 100
"""AdamW's weight decay is ROWS_OF_DECAY_1 over the number of rows, within these limits."""
STEPS_PER_EPOCH, SMALLEST_BATCH, LARGEST_BATCH = 40, 16, 200
"""Rows of a step: all over STEPS_PER_EPOCH, within these limits."""
ENTRIES_LEARNED_AT_ONCE = 50_000
"""Of the rows of one call of the engine, so that they stay in cache."""
ALL = 1 - 2.0**-40
"""The share of features to hide from a network that is given them as covariates."""


@dataclass(frozen=True)
class Options:
    """What an imputer's parameters say about its networks."""

    hidden_layer_sizes: tuple[int, ...]
    corruption_level: float
    loss: str | LossGroups
    column_of: Array
    """(n_encoded,): the table's column that each of the network's belongs to."""
    n_threads: int | None


def train_networks(
    tables: list[Array], options: Options, random: np.random.Generator
) -> list[Network]:
    """One network for each table (m, n_encoded), scaled, NaN where missing."""
    generators = random.spawn(len(tables))
    n_threads = min(check_n_threads(options.n_threads), len(tables))

    is_over = Event()

    def trained(i: int) -> Network:
        return train_network(tables[i], options, generators[i], is_over)

    if n_threads == 1:
        return [trained(i) for i in range(len(tables))]
    with ThreadPoolExecutor(n_threads) as pool:
        try:
            return list(pool.map(trained, range(len(tables))))
        except BaseException:  # Ctrl-C, too, which must not wait for the others
            is_over.set()
            raise


def train_network(
    X: Array, options: Options, random: np.random.Generator, is_over: Event | None = None
) -> Network:
    """One network, by a table (m, n_encoded), scaled, NaN where missing; until the event is set."""
    n = X.shape[1]
    sizes = options.hidden_layer_sizes
    code = (len(sizes) + 1) // 2
    hidden = tuple("identity" if layer == code else "relu" for layer in range(1, len(sizes) + 1))
    outputs: dict[Any, str] = {"squared_error": "identity", "softmax_cross_entropy": "softmax"}
    network = Network(
        Architecture(
            (n, *sizes, n),
            (*hidden, outputs.get(options.loss, "mixed")),
            options.loss,
            code_layer=code,
            n_covariates=2 * n,
            corruption="masking",
            corruption_level=ALL,
        ),
        dtype="float32",
        initialization="he",
        random_state=random,
        n_threads=1,
    )
    X = X.clip(-FARTHEST, FARTHEST).astype(np.float32)
    learned = np.flatnonzero((~np.isnan(X)).any(axis=1))
    if not len(learned):
        return network
    batch_size = int(np.clip(len(learned) // STEPS_PER_EPOCH, SMALLEST_BATCH, LARGEST_BATCH))
    n_steps = number_of_steps(len(learned), batch_size, network.params.size)
    decay = min(MOST_DECAY, max(LEAST_DECAY, ROWS_OF_DECAY_1 / len(learned)))
    solver = AdamW(LEARNING_RATE, weight_decay=decay)
    state = solver.start(network.params)
    rates = Schedule("cosine", LEARNING_RATE, n_steps, n_epochs=1).rates(0, n_steps)
    # Several passes in one call, where rows are few; each row is hidden anew in each.
    steps_at_once = max(1, ENTRIES_LEARNED_AT_ONCE // (n * batch_size))
    orders = _orders(learned, random)
    for start in range(0, n_steps, steps_at_once):
        if is_over is not None and is_over.is_set():
            break
        these = slice(start, min(start + steps_at_once, n_steps))
        n_these = these.stop - these.start
        some = X[np.fromiter(islice(orders, n_these * batch_size), np.intp)]
        network.train_steps(
            given(some, _hidden(len(some), options, random)),
            np.arange(len(some)),
            batch_size,
            solver,
            state,
            rates[these],
            random.integers(0, 2**63, n_these, dtype=np.uint64),
        )
    if not is_finite(network):
        raise NonFiniteLossError(
            "the networks of an AutoencoderImputer diverged: look at X for entries that are "
            "thousands of times larger than others of their column"
        )
    return network


def _orders(rows: Array, random: np.random.Generator) -> Iterator[int]:
    """Rows in pass after pass, each in an order of its own."""
    while True:
        yield from random.permutation(rows).tolist()


def _hidden(n_rows: int, options: Options, random: np.random.Generator) -> Array:
    """What to hide of rows, by columns of the table: (n_rows, n_encoded) bool.

    Of each row another share, from none to twice the level, for rows to be filled in differ so.
    """
    level = options.corruption_level
    half = min(level, 1 - level)
    shares = random.uniform(level - half, level + half, (n_rows, 1))
    chances = random.random((n_rows, options.column_of[-1] + 1), np.float32)
    return np.asarray((chances < shares)[:, options.column_of])


def number_of_steps(n_rows: int, batch_size: int, n_params: int) -> int:
    """How many steps a network of so many parameters takes, on so many rows."""
    wanted = EPOCHS * math.ceil(n_rows / batch_size)
    affordable = int(MOST_WORK / (3.0 * batch_size * n_params))
    return min(wanted, MOST_STEPS, max(FEWEST_STEPS, affordable))
