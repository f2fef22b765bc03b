"""scikit-learn: `MLPRegressor` with the data as its own target.

Steps are timed in `fit`, many epochs a call: `partial_fit` would check its data anew each epoch.
"""

import warnings

import numpy as np
from problems import Problem
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from . import BETA_1, BETA_2, EPSILON, LEARNING_RATE, NotExpressible, Peer


class WithoutBiases(MLPRegressor):
    """Biases stay at their 0: the nearest to having none."""

    def _backprop(self, *arguments):
        loss, coef_grads, intercept_grads = super()._backprop(*arguments)
        for gradient in intercept_grads:
            gradient.fill(0)
        return loss, coef_grads, intercept_grads


class Regressor(Peer):
    """`MLPRegressor`."""

    distributions = ("scikit-learn", "numpy", "scipy")

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        c = problem.configuration
        hidden = set(c.activations[:-1])
        if c.loss != "squared_error" or c.activations[-1] != "identity":
            raise NotExpressible("MLPRegressor has neither this loss nor this output")
        if len(hidden) > 1 or not hidden <= {"identity", "logistic", "tanh", "relu"}:
            raise NotExpressible("MLPRegressor has not these hidden activations")
        warnings.simplefilter("ignore", ConvergenceWarning)
        regressor = MLPRegressor if c.biases else WithoutBiases
        self.model = regressor(
            hidden_layer_sizes=c.sizes[1:-1],
            activation=hidden.pop(),
            solver="adam",
            alpha=0,
            batch_size=c.batch_size,
            learning_rate_init=LEARNING_RATE,
            beta_1=BETA_1,
            beta_2=BETA_2,
            epsilon=EPSILON,
            shuffle=False,
            random_state=0,
            warm_start=True,
            n_iter_no_change=np.inf,
        )
        # NumPy's rules decide in what Adam's last term is computed: its learning rate is a scalar
        # array, which float32 does not outrank.
        self.note = f"passes in float32, Adam's update in {self._start()}"
        if not c.biases:
            self.note += ", biases held at 0"
        self.X_forward = self.forward_batch()

    def _start(self) -> np.dtype:
        """The common parameters and a fresh Adam, in a model made by one step.

        Returns the dtype that Adam's update has before it is added to the parameters.
        """
        model, rows = self.model, self.batch_at(0)
        model.partial_fit(self.problem.X[rows], self.problem.X[rows])
        for i, (weights, biases) in enumerate(self.problem.layers()):
            model.coefs_[i][...] = weights
            model.intercepts_[i][...] = 0 if biases is None else biases
        update_dtype = (model._optimizer.learning_rate * model.coefs_[0]).dtype
        del model._optimizer  # the next step makes another
        for array in (*model.coefs_, *model.intercepts_):
            assert array.dtype == np.float32, "scikit-learn left float32"
        return update_dtype

    def first_losses(self, n_steps: int) -> list[float]:
        """See `Peer`."""
        losses = []
        for step in range(n_steps):
            X = self.problem.X[self.batch_at(step)]
            self.model.partial_fit(X, X)
            # scikit-learn averages over features where we add, in the reported loss only.
            losses.append(float(self.model.loss_) * X.shape[1])
        self.model.shuffle = not self.full_batch
        return losses

    def prepare(self, n_steps: int) -> int:
        """See `Peer`."""
        self.X = self.problem.X[self.window(n_steps)]
        steps_per_epoch = len(self.X) // self.configuration.batch_size
        self.model.max_iter = max(1, round(n_steps / steps_per_epoch))
        return self.model.max_iter * steps_per_epoch

    def train(self) -> None:
        """See `Peer`."""
        self.model.fit(self.X, self.X)

    def forward(self, n_calls: int) -> None:
        """See `Peer`."""
        for _ in range(n_calls):
            self.model.predict(self.X_forward)
