"""The contractive penalty: how strongly the code answers to small changes of the input.

Rifai, Vincent, Muller, Glorot & Bengio 2011, "Contractive auto-encoders: explicit invariance
during feature extraction": λ ‖J‖², the squared Frobenius norm of J = ∂code/∂input (k, n_features),
averaged over rows. For one layer it is Σ_j f'(z_j)² Σ_i W_ij²; for several J is a product, by the
chain rule:

    J = diag(S[c]) W[c].T … diag(S[2]) W[2].T diag(S[1]) W[1].T

with the slopes S[l] = f'(Z[l]) of the encoder's layers 1 … c. From the left, row by row:

    U[c] = diag(S[c]),   P[l] = U[l+1] @ W[l+1].T,   U[l] = P[l] * S[l],   J = U[1] @ W[1].T

Its gradient goes the same way back, and enters the ordinary backward pass at every Z[l] by
∂S[l]/∂Z[l] = f''(Z[l]).
"""

from typing import NamedTuple

import numpy as np

from .._typing import Array


class Contraction(NamedTuple):
    """The penalty and its gradients."""

    row_norms: Array
    """‖J‖² of each row, (m,)."""
    weights: list[Array]
    """∂/∂W of the encoder's layers 1 … c: (n_in, n_out) each."""
    sums: list[Array]
    """∂/∂Z of the same layers: (m, n_out) each."""


def contraction(
    weights: list[Array], slopes: list[Array], curvatures: list[Array], share: Array
) -> Contraction:
    """The penalty of some rows, and the gradients of Σ share · ‖J‖².

    Parameters
    ----------
    weights : list of arrays (n_in, n_out)
        Of the encoder's layers.
    slopes, curvatures : lists of arrays (m, n_out)
        f' and f'' of its units, 0 for those that are hidden.
    share : array of shape (m,)
        What each row counts, the penalty's strength included.
    """
    n_layers = len(weights)
    k = slopes[-1].shape[1]
    P = [np.empty(0)] * n_layers
    U = [np.empty(0)] * n_layers
    P[-1] = np.broadcast_to(np.eye(k, dtype=share.dtype), (len(share), k, k))
    U[-1] = P[-1] * slopes[-1][:, None, :]
    for layer in range(n_layers - 2, -1, -1):
        P[layer] = U[layer + 1] @ weights[layer + 1].T  # (m, k, n_layer)
        U[layer] = P[layer] * slopes[layer][:, None, :]
    J = U[0] @ weights[0].T  # (m, k, n_features)

    to_J = 2 * share[:, None, None] * J
    to_weights = [np.einsum("mji,mjo->io", to_J, U[0])]
    to_sums = []
    to_U = to_J @ weights[0]  # (m, k, n_1)
    for layer in range(n_layers):
        to_sums.append((to_U * P[layer]).sum(axis=1) * curvatures[layer])
        if layer < n_layers - 1:
            to_P = to_U * slopes[layer][:, None, :]
            to_weights.append(np.einsum("mji,mjo->io", to_P, U[layer + 1]))
            to_U = to_P @ weights[layer + 1]
    return Contraction((J**2).sum(axis=(1, 2)), to_weights, to_sums)
