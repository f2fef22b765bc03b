"""PyTorch: eager, and with the loss and the forward pass through `torch.compile`."""

import itertools
import time

import numpy as np
import torch
from problems import Problem
from torch import nn
from torch.nn import functional

from . import BETA_1, BETA_2, EPSILON, LEARNING_RATE, NotExpressible, Peer

ACTIVATIONS = {"logistic": nn.Sigmoid, "elu": nn.ELU, "identity": nn.Identity}
ADAMS = ("fused", "foreach")
TRIAL_SECONDS = 0.3


class Eager(Peer):
    """Without compilation, with the faster of two Adams."""

    distributions = ("torch",)
    modes: tuple[str | None, ...] = (None,)

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        torch.set_num_threads(problem.n_threads)
        self.X = torch.from_numpy(problem.X)
        self.X_forward = torch.from_numpy(self.forward_batch())
        self.mode, self.adam = self._fastest()
        self.note = ", ".join(filter(None, (self.mode, f"{self.adam} Adam")))
        self._build(self.mode, self.adam)

    def _fastest(self) -> tuple[str | None, str]:
        """The mode and Adam of the shortest step in a trial of each."""
        seconds, failures = {}, []
        for mode, adam in itertools.product(self.modes, ADAMS):
            try:
                self._build(mode, adam)
                seconds[mode, adam] = self._trial()
            except Exception as error:  # whatever the compiler stack throws, the other ways go on
                failures.append(f"{mode} {adam}: {type(error).__name__}: {str(error)[:200]}")
        if not seconds:
            raise NotExpressible("does not work here: " + "; ".join(failures))
        return min(seconds, key=seconds.get)

    def _trial(self) -> float:
        """Seconds a step takes."""
        self.first_losses(3)  # compiles
        n_steps, seconds = 1, 0.0
        while seconds < TRIAL_SECONDS:
            self.prepare(n_steps)
            start = time.perf_counter()
            self.train()
            seconds = time.perf_counter() - start
            n_done, n_steps = n_steps, 2 * n_steps
        return seconds / n_done

    def _build(self, mode: str | None, adam: str) -> None:
        """A network with the common parameters, and a fresh Adam."""
        modules: list[nn.Module] = []
        layers = self.problem.layers()
        for (W, b), name in zip(layers, self.configuration.activations, strict=True):
            linear = nn.Linear(*W.shape, bias=b is not None)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(W.T))
                if b is not None:
                    linear.bias.copy_(torch.from_numpy(b))
            modules += [linear, ACTIVATIONS[name]()]
        model = nn.Sequential(*modules)
        logits = model[:-1]
        scale = 1 / self.configuration.batch_size

        def squared_error(batch):
            return functional.mse_loss(model(batch), batch, reduction="sum") * (0.5 * scale)

        def cross_entropy(batch):
            return scale * functional.binary_cross_entropy_with_logits(
                logits(batch), batch, reduction="sum"
            )

        loss = squared_error if self.configuration.loss == "squared_error" else cross_entropy
        self.loss, self.model = loss, model
        if mode is not None:
            self.loss = torch.compile(loss, mode=mode, fullgraph=True, dynamic=False)
            self.model = torch.compile(model, mode=mode, fullgraph=True, dynamic=False)
        self.optimizer = torch.optim.Adam(
            model.parameters(), LEARNING_RATE, (BETA_1, BETA_2), EPSILON, **{adam: True}
        )

    def _step(self, batch: torch.Tensor) -> torch.Tensor:
        self.optimizer.zero_grad()
        loss = self.loss(batch)
        loss.backward()
        self.optimizer.step()
        return loss

    def first_losses(self, n_steps: int) -> list[float]:
        """See `Peer`."""
        return [
            self._step(self.X[torch.from_numpy(self.batch_at(step))]).item()
            for step in range(n_steps)
        ]

    def prepare(self, n_steps: int) -> int:
        """See `Peer`."""
        window = self.window(n_steps)
        order = self.shuffled(n_steps, window.stop - window.start) + window.start
        self.batches = torch.from_numpy(order.astype(np.int64))
        return n_steps

    def train(self) -> None:
        """See `Peer`."""
        if self.full_batch:
            for _ in range(len(self.batches)):
                self._step(self.X)
            return
        for rows in self.batches:
            self._step(self.X.index_select(0, rows))

    def forward(self, n_calls: int) -> None:
        """See `Peer`."""
        with torch.inference_mode():
            for _ in range(n_calls):
                self.model(self.X_forward)


class Compiled(Eager):
    """Through `torch.compile`, in the faster of its modes."""

    modes = ("default", "max-autotune")
