"""A fitted autoencoder as a module of PyTorch, and back."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from .._typing import Array
from ..formulas.activations import LEAKY_RELU_SLOPE
from ..formulas.losses import HUBER_DELTA, LOSSES
from ..network.architecture import Architecture

Tensor = Any  # torch.Tensor: those who check types may not have it

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda z: z,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": lambda z: functional.leaky_relu(z, LEAKY_RELU_SLOPE),
    "elu": functional.elu,
    "selu": torch.selu,
    "softplus": lambda z: torch.clamp(z, min=0) + torch.log1p(torch.exp(-torch.abs(z))),
    "softsign": functional.softsign,
    "softmax": lambda z: torch.softmax(z, dim=1),
    "exp": torch.exp,
}


def _poisson(x: Tensor, z: Tensor) -> Tensor:
    r = z - torch.log(torch.where(x > 0, x, torch.ones_like(x)))
    return torch.where(x > 0, x * (torch.expm1(r) - r), torch.exp(z))


def _negative_binomial(x: Tensor, z: Tensor, own: Tensor) -> Tensor:
    theta, u = torch.exp(own), z - own
    constant = torch.lgamma(theta) + torch.lgamma(x + 1) - torch.lgamma(x + theta)
    of_mean = theta * functional.softplus(u, threshold=50)
    return constant + of_mean + x * functional.softplus(-u, threshold=50)


LOSS_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "squared_error": lambda x, x_hat: (x_hat - x) ** 2 / 2,
    "absolute_error": lambda x, x_hat: torch.abs(x_hat - x),
    "huber": lambda x, x_hat: functional.huber_loss(x_hat, x, reduction="none", delta=HUBER_DELTA),
    "binary_cross_entropy": lambda x, z: functional.binary_cross_entropy_with_logits(
        z, x, reduction="none"
    ),
    "softmax_cross_entropy": lambda x, z: -x * torch.log_softmax(z, dim=1),
    "multinomial": lambda x, z: -x * torch.log_softmax(z, dim=1),
    "poisson": _poisson,
    "negative_binomial": _negative_binomial,
}


class AutoencoderModule(torch.nn.Module):
    """A fitted autoencoder, with its parameters under the names of its network.

    Parameters are ``W1`` (n_in, n_out), ``b1``, ``W2``, … as in ``estimator.network_.weights``;
    ``shift`` and ``factor`` are buffers. Tied weights are there once. `forward` is `reconstruct`.
    Nothing is spoiled, hidden or drawn: to train on, add what noise you want.

    Parameters
    ----------
    description : dict
        Of the estimator, as its `save` writes it.
    arrays : dict of str to array
        With ``params`` and, where columns are scaled, ``shift`` and ``factor``.
    clip : bool
        Whether scaled rows are clipped to 0 … 1.
    """

    def __init__(
        self, description: dict[str, Any], arrays: dict[str, Array], *, clip: bool = False
    ) -> None:
        super().__init__()
        self.description, self.clip = description, clip
        self.architecture = Architecture(**description["architecture"])
        params = np.array(arrays["params"])
        for name, values in self.architecture.views(params).items():
            self.register_parameter(name, torch.nn.Parameter(torch.from_numpy(values.copy())))
        for name in ("shift", "factor"):
            has = name in arrays
            self.register_buffer(name, torch.from_numpy(np.array(arrays[name])) if has else None)

    # --- what it computes ------------------------------------------------------------

    def forward(self, X: Tensor) -> Tensor:
        """The reconstruction of X, as `reconstruct`."""
        return self.reconstruct(X)

    def transform(self, X: Tensor) -> Tensor:
        """The code (m, n_components) of X (m, n_features); of a variational one, the mean."""
        return self.encode(self.scaled(X))

    def reconstruct(self, X: Tensor) -> Tensor:
        """X (m, n_features) through the code and back, in the data's units."""
        return self.unscaled(self.output(self.decode(self.encode(self.scaled(X)))))

    def inverse_transform(self, code: Tensor) -> Tensor:
        """The rows (m, n_features) that codes (m, n_components) stand for."""
        return self.unscaled(self.output(self.decode(code)))

    def score_samples(self, X: Tensor) -> Tensor:
        """Minus the reconstruction error of each row, (m,), as of an `Autoencoder`."""
        X = self.scaled(X)
        return -self.row_losses(X, self.decode(self.encode(X)))

    # --- of scaled rows ------------------------------------------------------------

    def scaled(self, X: Tensor) -> Tensor:
        """X as the network sees it; NaN stays."""
        X = X.to(torch.float64)
        if self.shift is not None:
            X = X - self.shift
        if self.factor is not None:
            X = X * self.factor
        return (X.clamp(0, 1) if self.clip else X).to(self.W1.dtype)

    def unscaled(self, X: Tensor) -> Tensor:
        """Scaled rows in the units of the data."""
        if self.factor is not None:
            X = (X / self.factor).to(X.dtype)
        return X if self.shift is None else (X + self.shift).to(X.dtype)

    def encode(self, X: Tensor) -> Tensor:
        """The code (m, n_components) of scaled rows X (m, n_features), NaN where unseen."""
        a, unseen = self.architecture, torch.isnan(X)
        H = torch.where(unseen, torch.zeros_like(X), X)
        if a.input_transform is not None:  # log1p, the only one
            H = torch.log1p(H)
        if a.input_mask:
            H = torch.cat([H, (~unseen).to(X.dtype)], dim=1)
        for layer in range(1, a.code_layer + 1):
            Z = self._sums(layer, H)
            if layer == a.code_layer and a.variational:
                H = Z[:, : a.n_components]
            else:
                H = ACTIVATIONS[a.activations[layer - 1]](Z)
        if a.k_sparse is None:
            return H
        order = torch.sort(H, dim=1, descending=True, stable=True).indices[:, : a.k_sparse]
        return H * torch.zeros_like(H).scatter(1, order, 1.0)

    def decode(self, code: Tensor) -> Tensor:
        """The last layer's sums (m, n_features) that codes stand for: see `output`."""
        a, H = self.architecture, code
        for layer in range(a.code_layer + 1, a.n_layers):
            H = ACTIVATIONS[a.activations[layer - 1]](self._sums(layer, H))
        return self._sums(a.n_layers, H)

    def output(self, Z: Tensor) -> Tensor:
        """The scaled reconstruction (m, n_features) of the last layer's sums."""
        groups = self.architecture.output_groups
        return torch.cat([ACTIVATIONS[g.activation](Z[:, g.columns]) for g in groups], dim=1)

    def row_losses(self, X: Tensor, Z: Tensor) -> Tensor:
        """The loss of scaled rows X, NaN where unseen, beside the last layer's sums: (m,).

        The mean over what is seen times the number of features.
        """
        a, unseen = self.architecture, torch.isnan(X)
        targets, X_hat = torch.where(unseen, torch.zeros_like(X), X), self.output(Z)
        parts = []
        for group in a.output_groups:
            loss, columns = LOSSES[group.loss], group.columns
            own = [] if loss.own_gradient is None else [self.own[group.own_columns]]
            given = (Z if loss.from_logits else X_hat)[:, columns]
            part = LOSS_FUNCTIONS[group.loss](targets[:, columns], given, *own)
            parts.append(torch.where(unseen[:, columns], torch.zeros_like(part), part))
        losses = torch.cat(parts, dim=1)
        if a.feature_weights is not None:
            losses = losses * torch.tensor(a.feature_weights, dtype=losses.dtype)
        seen = (~unseen).to(losses.dtype).mean(dim=1)
        return losses.sum(dim=1) / torch.where(seen > 0, seen, torch.ones_like(seen))

    def _sums(self, layer: int, H: Tensor) -> Tensor:
        a = self.architecture
        W = getattr(self, f"W{a.weight_owner(layer)}")
        if a.is_tied_decoder(layer):
            W = W[:, : a.layer_sizes[layer - 1]].T
        Z = H @ W
        return Z + getattr(self, f"b{layer}") if a.biases else Z

    # --- back ------------------------------------------------------------

    def arrays(self) -> dict[str, Array]:
        """The parameters as one vector, and the scaling: what the estimator's file has."""
        values = {name: each.detach().cpu().numpy() for name, each in self.named_parameters()}
        blocks = [values[block.name].ravel() for block in self.architecture.blocks]
        arrays = {"params": np.concatenate(blocks)}
        for name in ("shift", "factor"):
            buffer = getattr(self, name)
            if buffer is not None:
                arrays[name] = buffer.cpu().numpy().astype(np.float64)
        return arrays
