"""The peers: the same network and solver in each library, as its own users would write it.

To add one: a subclass of `Peer` in a file of its own, and a line in `PEERS`.
"""

from importlib import import_module
from typing import ClassVar

import numpy as np
from problems import Problem

PEERS = {
    "ae_core": ("peers.with_ae_core", "Compiled"),
    "ae_core.Autoencoder": ("peers.with_ae_core", "Estimator"),
    "ae_core.reference": ("peers.with_ae_core", "Reference"),
    "torch": ("peers.with_torch", "Eager"),
    "torch.compile": ("peers.with_torch", "Compiled"),
    "jax": ("peers.with_jax", "Jitted"),
    "jax-scan": ("peers.with_jax", "Scanned"),
    "scikit-learn": ("peers.with_scikit_learn", "Regressor"),
}
OURS = ("ae_core", "ae_core.Autoencoder", "ae_core.reference")
LEARNING_RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-8


class NotExpressible(Exception):
    """A peer is not installed, or cannot do the configuration; the message says why."""


class Peer:
    """A library set up for one problem. Making it imports the library."""

    distributions: ClassVar[tuple[str, ...]]
    """What to name, with versions, in the report."""
    kinds: ClassVar[tuple[str, ...]] = ("train", "forward")
    """The kinds of work that are worth timing."""
    note = ""
    """Which of several ways was taken, or where this peer differs."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.configuration = problem.configuration
        self.random = np.random.default_rng(0)

    def first_losses(self, n_steps: int) -> list[float]:
        """The loss before each of the first steps; batch i is the i-th run of rows."""
        raise NotImplementedError

    def prepare(self, n_steps: int) -> int:
        """Make ready for about so many steps, untimed; returns how many there will be."""
        raise NotImplementedError

    def train(self) -> None:
        """Take the steps prepared, to their end."""
        raise NotImplementedError

    def forward(self, n_calls: int) -> None:
        """Run so many forward passes over one batch, to their end."""
        raise NotImplementedError

    def forward_batch(self) -> np.ndarray:
        """The rows (batch_size, n_features) that `forward` is given."""
        return self.problem.X[: self.configuration.batch_size]

    def batch_at(self, step: int) -> np.ndarray:
        """Which rows (batch_size,) the i-th batch of unshuffled data has."""
        size = self.configuration.batch_size
        return np.arange(step * size, (step + 1) * size) % len(self.problem.X)

    def window(self, n_steps: int) -> slice:
        """The rows a block of steps trains on: a run of the data, each seen once if they suffice.

        As in an epoch, a peer that checks its data then checks each row once per visit.
        """
        size = self.configuration.batch_size
        n_rows = min(n_steps, len(self.problem.X) // size) * size
        start = self.random.integers(len(self.problem.X) - n_rows + 1)
        return slice(start, start + n_rows)

    def shuffled(self, n_steps: int, n_rows: int) -> np.ndarray:
        """The batches (n_steps, batch_size) of epoch after epoch, as indices of n_rows rows."""
        size = self.configuration.batch_size
        n_epochs = -(-n_steps * size // n_rows)
        order = np.concatenate([self.random.permutation(n_rows) for _ in range(n_epochs)])
        return order[: n_steps * size].reshape(n_steps, size)

    @property
    def full_batch(self) -> bool:
        """Whether a batch is all of the data, so that nobody would gather rows."""
        return self.configuration.batch_size == len(self.problem.X)


def make_peer(name: str, problem: Problem) -> Peer:
    """The peer of that name, set up for a problem.

    Raises
    ------
    NotExpressible
        When the library is absent or cannot do it.
    """
    module, class_name = PEERS[name]
    try:
        peer_class = getattr(import_module(module), class_name)
    except ModuleNotFoundError as error:
        raise NotExpressible(f"not installed ({error.name})") from None
    return peer_class(problem)
