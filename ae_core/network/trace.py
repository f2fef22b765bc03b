"""What a forward pass leaves for a backward pass."""

from typing import NamedTuple

from .._typing import Array


class Trace(NamedTuple):
    """The activations of a batch, and what else its gradient needs."""

    X: Array
    """What the loss compares the output with, NaN where unseen: (m, n_features)."""
    H: list[Array]
    """Activations: H[0] is the input (m, n_inputs), H[l] the output of layer l (m, n_l)."""
    Z: Array
    """The last layer's sums (m, n_features): the logits, which some losses are taken of."""
    A: list[Array]
    """The same as H before units are hidden; with a variational code, its mean."""
    masks: list[Array | None]
    """What each layer's activations were multiplied with, (m, n_l), or None."""
    log_variance: Array | None = None
    """Of a variational code, (m, k)."""
    epsilon: Array | None = None
    """The noise of its draw, (m, k); None at inference, where the code is the mean."""
    own: Array | None = None
    """The losses' own parameters (n_own,), if they have any."""
    covariates: Array | None = None
    """What the decoder is given beside the code: (m, n_covariates)."""
