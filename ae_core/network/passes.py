"""The definition: the passes of a dense autoencoder in NumPy, written to be read.

The compiled `ae_core.Network` must agree with this file to rounding. If you want to learn
backpropagation, read `forward`, then `backward`: they are the same loop, there and back.

Notation, for a batch of m samples and layers 1 … L:

    H[0] = X                                      (m, n_features)
    Z[l] = H[l-1] @ W[l] + b[l]                   (m, n_l)      the sums
    H[l] = f_l(Z[l])                              (m, n_l)      the activations
    X_hat = H[L]                                  (m, n_features)
    loss = sum over samples and features of loss(X, X_hat), divided by m

Where samples have weights w (m,), the mean is a weighted one: each counts by its share w / sum(w).
Where entries are unseen, the loss is summed over the seen ones, and a row counts by the share of it
that is seen.

The gradient needs one more quantity per layer, the *delta*: how the loss changes with the sums.

    delta[l] = ∂loss / ∂Z[l]                      (m, n_l)
    ∂loss / ∂W[l] = H[l-1].T @ delta[l]           (n_{l-1}, n_l)
    ∂loss / ∂b[l] = sum of delta[l] over samples  (n_l,)
    delta[l-1] = (delta[l] @ W[l].T) * f'(Z[l-1])

Rumelhart, Hinton & Williams 1986, "Learning representations by back-propagating errors", eqs 4–7.
Note that every row has a delta of its own: f' is taken of the whole (m, n_l) array. Taking it of
the first row for all is the bug of `examples/column_mean.py`.

Denoising, dropout and the sparse, contractive and drawn codes each change one step of these two
loops: what the input is (`network_input`), which units of a layer are hidden (`mask`), how the code
is drawn (`sample`), and what is asked of it (`code_gradient`, `contraction`). Input and target are
two views of a row, which differ where the input is corrupted, transformed, or has columns beside
the features; of these the covariates also stand beside the code (`beside_code`). What the output is
and how it is compared stands in `ae_core.network.output`.
"""

import numpy as np

from .._typing import Array
from ..formulas import latent as code
from ..formulas import noise
from ..formulas.activations import ACTIVATIONS
from ..formulas.contraction import Contraction, contraction
from ..formulas.corruption import CORRUPTIONS, Limits, dropout_mask, hidden_entries
from ..formulas.inputs import INPUT_TRANSFORMS
from ..formulas.noise import Draw
from .architecture import Architecture
from .output import offsets, output, output_delta, own_gradients, own_parameters, row_losses
from .trace import Trace


def forward(
    architecture: Architecture,
    params: Array,
    X: Array,
    draw: Draw | None = None,
    limits: Limits | None = None,
    *,
    start: tuple[int, Array] | None = None,
    last: int | None = None,
    sizes: Array | None = None,
) -> Trace:
    """Run every layer on rows X (m, n_columns) of a table and keep what each one gave.

    Without a `draw`, as at inference: nothing is spoiled, hidden or drawn. With ``start``, a layer
    and its activations, only those after it, of which X has the targets and, as its last columns,
    the covariates; with ``last``, only those up to it. With ``sizes`` (m,), how much was counted of
    each row, the input is divided by it, and log(size) is added to the sums of outputs that are exp
    of them (the offset of McCullagh & Nelder 1989, section 6.2; Lopez, Regier, Cole, Jordan & Yosef
    2018, "Deep generative modeling for single-cell transcriptomics").
    """
    targets, covariates = views(architecture, X)
    if start is None:
        start = 0, network_input(architecture, targets, covariates, draw, limits, sizes)
    nothing = np.empty((0, 0))
    H, A = [*[nothing] * start[0], start[1]], [nothing] * (start[0] + 1)
    masks: list[Array | None] = [None] * (start[0] + 1)
    log_variance = epsilon = None
    layers = architecture.layers(params)
    for layer in range(start[0] + 1, (last or architecture.n_layers) + 1):
        W, b = layers[layer - 1]
        Z = beside_code(architecture, layer, H[-1], covariates) @ W  # (m, n_l)
        if b is not None:
            Z = Z + b
        if layer == architecture.n_layers:
            if sizes is not None:
                Z = Z + offsets(architecture, sizes).astype(Z.dtype)
            A.append(output(architecture, Z))  # (m, n_features)
        elif architecture.variational and layer == architecture.code_layer:
            mean, log_variance = np.split(Z, 2, axis=1)  # (m, k) each
            A.append(np.ascontiguousarray(mean))
        else:
            A.append(ACTIVATIONS[architecture.activations[layer - 1]].function(Z))  # (m, n_l)
        masks.append(mask(architecture, layer, A[-1], draw))
        H.append(A[-1] if masks[-1] is None else A[-1] * masks[-1])
        if log_variance is not None and layer == architecture.code_layer and draw is not None:
            epsilon = noise.normals(draw, noise.SAMPLE, architecture.n_components)
            epsilon = epsilon.astype(X.dtype)  # (m, k)
            H[-1] = code.sample(A[-1], log_variance, epsilon)
    own = own_parameters(architecture, params)
    return Trace(targets, H, Z, A, masks, log_variance, epsilon, own, covariates)


def backward(
    architecture: Architecture,
    params: Array,
    trace: Trace,
    share: Array,
    annealing: float = 1.0,
    contracted: Contraction | None = None,
) -> Array:
    """The gradient (n_params,) of Σ share · loss, from what `forward` kept.

    Parameters
    ----------
    share : array of shape (m,)
        What each row's loss is multiplied with: its weight over the sum of counts.
    annealing : float
        What the weight of a variational code's divergence is multiplied with.
    contracted : Contraction, optional
        With the gradients of the contractive penalty.
    """
    H, c = trace.H, architecture.code_layer
    gradient = np.zeros_like(params)
    gradients = architecture.layers(gradient)
    layers = architecture.layers(params)
    delta = output_delta(architecture, trace) * share[:, None]  # (m, n_features)
    for layer in range(architecture.n_layers, 0, -1):
        W_gradient, b_gradient = gradients[layer - 1]
        # += because a tied weight is used twice and its gradient is the sum of both; for the
        # decoder W_gradient is the encoder's array transposed, so each part lands where it belongs.
        W_gradient += beside_code(architecture, layer, H[layer - 1], trace.covariates).T @ delta
        if b_gradient is not None:
            b_gradient += delta.sum(axis=0)  # (n_out,)
        if layer == 1:
            break
        W = layers[layer - 1].weights[: architecture.layer_sizes[layer - 1]]  # without covariates'
        delta = delta @ W.T  # (m, n_{layer-1}), so far ∂loss / ∂H[layer-1]
        if layer - 1 == c:
            delta = delta + code_gradient(architecture, H[c], share)
        if layer - 1 == c and architecture.variational:
            delta = through_sample(architecture, trace, delta, share, annealing)  # (m, 2k)
        else:
            delta = delta * slope(architecture, trace, layer - 1)
        if contracted is not None and layer - 1 <= c:
            k = contracted.sums[layer - 2].shape[1]
            delta[:, :k] += contracted.sums[layer - 2]
    if contracted is not None:
        for (W_gradient, _), addition in zip(gradients[:c], contracted.weights, strict=True):
            W_gradient[: addition.shape[0], : addition.shape[1]] += addition
    if architecture.n_own:
        own_parameters(architecture, gradient)[...] = share @ own_gradients(architecture, trace)
    return gradient


# --- the two views of a row, and what training does to the input and the units ----------------


def views(architecture: Architecture, X: Array) -> tuple[Array, Array]:
    """Of rows X (m, n_columns) what the loss compares with (m, n_features), and the covariates.

    Where X has fewer columns it has the covariates alone, which are its last ones either way.
    """
    n = X.shape[1] - architecture.n_covariates
    covariates = X[:, n:]  # (m, n_covariates)
    return X[:, :n], np.where(np.isnan(covariates), X.dtype.type(0), covariates)


def network_input(
    architecture: Architecture,
    X: Array,
    covariates: Array,
    draw: Draw | None = None,
    limits: Limits | None = None,
    sizes: Array | None = None,
) -> Array:
    """What the first layer is given of X (m, n_features): (m, n_inputs).

    The numbers, over the row's size if there are `sizes` (m,), transformed, 0 for what is unseen
    and the rest corrupted; with `input_mask` 1 or 0 for whether each is seen; covariates.
    """
    unseen, zero = np.isnan(X), X.dtype.type(0)
    numbers, seen = np.where(unseen, zero, X), ~unseen
    if sizes is not None:
        numbers = (numbers / sizes[:, None]).astype(X.dtype)
    if architecture.input_transform is not None:
        numbers = INPUT_TRANSFORMS[architecture.input_transform].function(numbers)
    if architecture.corruption is not None and draw is not None:
        assert limits is not None
        corrupt = CORRUPTIONS[architecture.corruption].function
        ends = given_limits(architecture, limits)
        changed = corrupt(numbers, draw, architecture.corruption_level, ends)
        numbers = np.where(unseen, numbers, changed)
        if CORRUPTIONS[architecture.corruption].hides:
            seen &= ~hidden_entries(draw, architecture.corruption_level, X.shape[1])
    parts = [numbers]
    if architecture.input_mask:
        parts.append(seen.astype(X.dtype))
    if architecture.n_covariates:
        parts.append(covariates)
    return numbers if len(parts) == 1 else np.concatenate(parts, axis=1)


def given_limits(architecture: Architecture, limits: Limits) -> Limits:
    """Each feature's limits as the network is given them, from those of all columns."""
    low, high = (ends[: architecture.n_features] for ends in limits)
    if architecture.input_transform is not None:
        function = INPUT_TRANSFORMS[architecture.input_transform].function
        low, high = function(low), function(high)
    return low, high


def beside_code(
    architecture: Architecture, layer: int, H: Array, covariates: Array | None
) -> Array:
    """What a layer's weights are multiplied with: H (m, n_in), after a code the covariates too."""
    if layer == architecture.code_layer + 1 and architecture.n_covariates:
        assert covariates is not None
        return np.concatenate([H, covariates], axis=1)
    return H


def mask(architecture: Architecture, layer: int, A: Array, draw: Draw | None) -> Array | None:
    """What to multiply the activations A (m, n_l) of a layer with; None for nothing."""
    if layer == architecture.code_layer:
        k = architecture.k_sparse
        return None if k is None else code.k_largest(A, k)
    if layer == architecture.n_layers or architecture.dropout == 0 or draw is None:
        return None
    return dropout_mask(draw, layer, A.shape[1], architecture.dropout, A.dtype)


def slope(architecture: Architecture, trace: Trace, layer: int) -> Array:
    """∂H[layer] / ∂Z[layer], unit by unit: (m, n_l)."""
    derivative = ACTIVATIONS[architecture.activations[layer - 1]].derivative(trace.A[layer])
    hidden = trace.masks[layer]
    return derivative if hidden is None else derivative * hidden


# --- the code ---------------------------------------------------------------------------------


def code_losses(architecture: Architecture, trace: Trace, annealing: float) -> Array:
    """What is asked of the code of each row, row by row: (m,)."""
    H = trace.H[architecture.code_layer]
    losses = np.zeros(len(H))
    if architecture.code_l1:
        losses = losses + architecture.code_l1 * code.absolute(H)
    if trace.log_variance is not None:
        mean = trace.A[architecture.code_layer]
        divergence = code.divergence(mean, trace.log_variance)
        losses = losses + architecture.beta * annealing * divergence
    return losses


def mean_activation(H: Array, weight_share: Array) -> Array:
    """The code's mean activation ρ̂ (k,) over a batch, in float64; weight_share sums to 1."""
    return np.asarray(weight_share @ H.astype(np.float64))


def code_gradient(architecture: Architecture, H: Array, share: Array) -> Array:
    """∂/∂H of what is asked of the code (m, k), but of its divergence."""
    gradient = np.zeros_like(H)
    if architecture.code_l1:
        gradient += architecture.code_l1 * share[:, None] * code.absolute_gradient(H)
    if architecture.sparsity:
        weight_share = share / share.sum()  # (m,)
        mean = mean_activation(H, weight_share)
        slopes = code.sparsity_gradient(mean, architecture.sparsity_target).astype(H.dtype)
        gradient += architecture.sparsity * weight_share[:, None] * slopes
    return gradient


def through_sample(
    architecture: Architecture, trace: Trace, gradient: Array, share: Array, annealing: float
) -> Array:
    """∂/∂(mean, log-variance), (m, 2k), from ∂loss / ∂H of the drawn code (m, k)."""
    mean, log_variance = trace.A[architecture.code_layer], trace.log_variance
    assert log_variance is not None
    assert trace.epsilon is not None
    drawn = code.sample_gradient(gradient, log_variance, trace.epsilon)
    pull = code.divergence_gradient(mean, log_variance)
    scale = (architecture.beta * annealing * share)[:, None]
    return np.concatenate([d + scale * p for d, p in zip(drawn, pull, strict=True)], axis=1)


def contract(architecture: Architecture, params: Array, trace: Trace, share: Array) -> Contraction:
    """The contractive penalty of some rows, and the gradients of its share-weighted sum."""
    layers = range(1, architecture.code_layer + 1)
    weights = [W for W, _ in architecture.layers(params)[: architecture.code_layer]]
    weights[0] = weights[0][: architecture.n_features]  # of the numbers, not of what is beside them
    weights[-1] = weights[-1][:, : architecture.n_components]  # of a variational code the mean's
    slopes = [slope(architecture, trace, layer) for layer in layers]
    curvatures = []
    for layer in layers:
        curvature = ACTIVATIONS[architecture.activations[layer - 1]].curvature(trace.A[layer])
        hidden = trace.masks[layer]
        curvatures.append(curvature if hidden is None else curvature * hidden)
    return contraction(weights, slopes, curvatures, architecture.contraction * share)


# --- the weights ------------------------------------------------------------------------------


def penalty(architecture: Architecture, params: Array, count: float) -> tuple[float, Array]:
    """The penalties on the weights, (½ α Σ W² + α₁ Σ |W|) / count, and their gradient (n_params,).

    As in scikit-learn's `MLPRegressor`: the more samples, the less they count. Biases go free.
    """
    alpha, alpha_l1 = architecture.alpha / count, architecture.alpha_l1 / count
    gradient = np.zeros_like(params)
    total = 0.0
    for name, W in architecture.views(params).items():
        if name.startswith("W"):
            total += 0.5 * alpha * float(np.square(W, dtype=np.float64).sum())
            total += alpha_l1 * float(np.abs(W).sum(dtype=np.float64))
            architecture.views(gradient)[name][...] = alpha * W + alpha_l1 * np.sign(W)
    return total, gradient


def objective(
    architecture: Architecture,
    params: Array,
    trace: Trace,
    weights: Array,
    count: float,
    annealing: float = 1.0,
    wants_gradient: bool = True,
) -> tuple[float, Array]:
    """What training makes small, and its gradient (n_params,) or nothing.

    Parameters
    ----------
    weights : array of shape (m,)
        Of the rows.
    count : float
        How many whole rows they count as: `Rows.counts`, summed.
    """
    losses = row_losses(architecture, trace) + code_losses(architecture, trace, annealing)
    share = weights / count
    loss = float(share @ losses.astype(np.float64))
    share = share.astype(params.dtype)
    contracted = None
    if architecture.contraction:
        contracted = contract(architecture, params, trace, share)
        loss += architecture.contraction * float(share @ contracted.row_norms)
    if architecture.sparsity:
        mean = mean_activation(trace.H[architecture.code_layer], weights / weights.sum())
        loss += architecture.sparsity * code.sparsity(mean, architecture.sparsity_target)
    gradient = np.empty(0, params.dtype)
    if wants_gradient:
        gradient = backward(architecture, params, trace, share, annealing, contracted)
    if architecture.has_penalty:
        extra, extra_gradient = penalty(architecture, params, count)
        loss += extra
        if wants_gradient:
            gradient += extra_gradient
    return loss, gradient
