"""Ours: the compiled network, and the NumPy reference."""

import inspect

import numpy as np
from problems import Problem

import ae_core
from ae_core import Adam, Architecture

from . import BETA_1, BETA_2, EPSILON, LEARNING_RATE, NotExpressible, Peer


class Reference(Peer):
    """`ae_core.reference.Network`."""

    distributions = ("ae_core", "numpy", "scipy")

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        network_class = self.network_class()
        options = {}
        if "n_threads" in inspect.signature(network_class).parameters:
            options["n_threads"] = problem.n_threads
        c = problem.configuration
        architecture = Architecture(c.sizes, c.activations, c.loss, biases=c.biases)
        self.network = network_class(architecture, problem.params, dtype=np.float32, **options)
        self.solver = Adam(LEARNING_RATE, beta_1=BETA_1, beta_2=BETA_2, epsilon=EPSILON)
        self.state = self.solver.start(self.network.params)
        self.X_forward = self.forward_batch()

    @staticmethod
    def network_class() -> type:
        """Which of the twins."""
        return ae_core.reference.Network

    def first_losses(self, n_steps: int) -> list[float]:
        """See `Peer`."""
        order = np.concatenate([self.batch_at(step) for step in range(n_steps)])
        return self._steps(self.problem.X, order, n_steps).tolist()

    def prepare(self, n_steps: int) -> int:
        """See `Peer`."""
        self.X = self.problem.X[self.window(n_steps)]
        self.order = self.shuffled(n_steps, len(self.X)).ravel()
        self.n_steps = n_steps
        return n_steps

    def train(self) -> None:
        """See `Peer`."""
        self._steps(self.X, self.order, self.n_steps)

    def forward(self, n_calls: int) -> None:
        """See `Peer`."""
        for _ in range(n_calls):
            self.network.forward(self.X_forward)

    def _steps(self, X: np.ndarray, order: np.ndarray, n_steps: int) -> np.ndarray:
        rates = np.full(n_steps, LEARNING_RATE)
        return self.network.train_steps(
            X, order, self.configuration.batch_size, self.solver, self.state, rates
        )


class Compiled(Reference):
    """`ae_core.Network`."""

    @staticmethod
    def network_class() -> type:
        """Which of the twins."""
        if not hasattr(ae_core, "Network"):
            raise NotExpressible("not built yet: ae_core.Network is absent")
        return ae_core.Network
