"""Ours: the compiled network, the NumPy reference, and the estimator around them."""

import inspect
import warnings

import numpy as np
from problems import Problem

import ae_core
from ae_core import Adam, Architecture, Autoencoder

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


class Estimator(Peer):
    """`ae_core.Autoencoder`: what a user waits for in `fit`, checks of the data included."""

    distributions = ("ae_core", "numpy", "scipy", "scikit-learn")
    kinds = ("train",)
    note = "the whole of fit, divided by its steps"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        c = problem.configuration
        code = next(i for i in range(1, len(c.sizes)) if c.sizes[i] == min(c.sizes[1:-1]))
        self.model = Autoencoder(
            c.sizes[code],
            hidden_layer_sizes=c.sizes[1:code],
            decoder_layer_sizes=c.sizes[code + 1 : -1],
            activation=c.activations[0],
            code_activation=c.activations[code - 1],
            output_activation=c.activations[-1],
            loss=c.loss,
            scale=None,
            alpha=0.0,
            batch_size=c.batch_size,
            learning_rate="constant",
            learning_rate_init=LEARNING_RATE,
            beta_1=BETA_1,
            beta_2=BETA_2,
            epsilon=EPSILON,
            shuffle=not self.full_batch,
            max_iter=1,
            random_state=0,
            n_threads=problem.n_threads,
        )
        if not c.biases:
            self.note += "; with biases"
        warnings.simplefilter("ignore")  # fits of a few steps have learned nothing

    def first_losses(self, n_steps: int) -> list[float]:
        """See `Peer`; by the network that `fit` made, from the common parameters."""
        network = self.model.fit(self.problem.X[self.batch_at(0)]).network_
        weights = network.weights
        solver = Adam(LEARNING_RATE, beta_1=BETA_1, beta_2=BETA_2, epsilon=EPSILON)
        state, losses = solver.start(network.params), []
        for i, (own, biases) in enumerate(self.problem.layers(), start=1):
            weights[f"W{i}"][...] = own
            weights[f"b{i}"][...] = 0 if biases is None else biases
        for step in range(n_steps):
            rows, rates = self.batch_at(step), np.full(1, LEARNING_RATE)
            losses += network.train_steps(
                self.problem.X, rows, len(rows), solver, state, rates
            ).tolist()
            if not self.configuration.biases:
                for name in weights:
                    if name.startswith("b"):
                        weights[name][...] = 0
        return losses

    def prepare(self, n_steps: int) -> int:
        """See `Peer`."""
        self.X = self.problem.X[self.window(n_steps)]
        steps_per_epoch = len(self.X) // self.configuration.batch_size
        self.model.set_params(max_iter=max(1, round(n_steps / steps_per_epoch)))
        return self.model.max_iter * steps_per_epoch

    def train(self) -> None:
        """See `Peer`."""
        self.model.fit(self.X)
