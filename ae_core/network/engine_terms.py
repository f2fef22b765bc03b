"""What the engine is told: rows, an architecture and a solver in its own terms."""

from typing import TYPE_CHECKING, Any

import numpy as np

from .._engine.plan import Plan
from .._engine.rows import Rows as EngineRows
from .._typing import Array
from ..data.rows import Rows
from ..formulas import noise
from ..formulas.corruption import corruption_of
from ..formulas.losses import LOSSES
from .architecture import Architecture

if TYPE_CHECKING:
    from ..formulas.solvers import Solver


def engine_rows(rows: Rows) -> EngineRows:
    """The same rows in the engine's terms."""
    seen = (rows.shift, rows.factor, rows.sample_weight, rows.clip, rows.may_have_missing)
    if not rows.is_sparse:
        return EngineRows(rows.X, *seen, sizes=rows.row_size)
    X = rows.X
    return EngineRows(
        X.data.reshape(1, -1),
        *seen,
        np.ascontiguousarray(X.indptr, dtype=np.intp),
        np.ascontiguousarray(X.indices, dtype=np.int32),
        rows.n_columns,
        rows.missing == "implicit",
        rows.row_size,
    )


def plan_of(architecture: Architecture) -> Plan:
    """The engine's plan for an architecture."""
    starts = {block.name: block.start for block in architecture.blocks}
    layers = []
    for layer in range(1, architecture.n_layers + 1):
        owner = architecture.weight_owner(layer)
        is_tied = architecture.is_tied_decoder(layer)
        shares = architecture.tied and not is_tied
        layers.append(
            (
                architecture.layer_sizes[layer - 1],
                architecture.n_given(layer) - architecture.layer_sizes[layer - 1],
                architecture.n_sums(layer),
                architecture.activations[layer - 1],
                is_tied,
                architecture.n_sums(owner),
                architecture.n_layers - layer if shares else -1,
                starts[f"W{owner}"],
                starts.get(f"b{layer}", -1),
            )
        )
    weights = architecture.feature_weights
    return Plan(
        layers,
        [
            (g.loss, g.activation, g.start, g.stop, *LOSSES[g.loss].domain[:2], g.own)
            for g in architecture.output_groups
        ],
        architecture.n_params - architecture.n_own,
        architecture.n_own,
        None if weights is None else np.array(weights),
        family_of(architecture),
        noise_tables(architecture),
    )


def family_of(architecture: Architecture) -> dict[str, Any]:
    """What is beyond a plain autoencoder, as plan.pxd has it."""
    a = architecture
    return {
        "code": a.code_layer,
        "n_code": a.n_components,
        "k_sparse": a.k_sparse or 0,
        "variational": a.variational,
        "asks_of_code": bool(a.variational or a.k_sparse or a.code_l1 or a.sparsity),
        "corruption": a.corruption,
        "hides": corruption_of(a.corruption).hides,
        "needs_limits": corruption_of(a.corruption).needs_limits,
        "spoiled": noise.threshold(min(a.corruption_level, 1.0)),
        "spoiled_low": noise.threshold(min(a.corruption_level, 1.0) / 2),
        "hidden": noise.threshold(a.dropout),
        "kept_scale": 1 / (1 - a.dropout),
        "beta": a.beta,
        "code_l1": a.code_l1,
        "sparsity": a.sparsity,
        "sparsity_target": a.sparsity_target,
        "contraction": a.contraction,
        "alpha": a.alpha,
        "alpha_l1": a.alpha_l1,
        "is_decayed": a.has_penalty,
        "input_mask": a.input_mask,
        "n_covariates": a.n_covariates,
        "log_input": a.input_transform == "log1p",
    }


def noise_tables(architecture: Architecture) -> list[Array]:
    """The normal numbers of the noise, for networks that have any, by type; and scaled."""
    if not architecture.variational and not corruption_of(architecture.corruption).needs_normals:
        return []
    normal = noise.normal_quantiles()
    scaled = architecture.corruption_level * noise.normal_quantiles(noise.COARSE_LEVELS)
    return [np.array(a, dtype=t) for a in (normal, scaled) for t in (np.float32, np.float64)]


def step_constants(solver: "Solver", n_before: int, rates: Array) -> tuple[str, Array] | None:
    """The engine's name for a solver, and what its formula needs at each step: (n_steps, 7).

    The columns are those of ``ae_step`` in kernels.h. None for a solver the engine does not know.
    """
    from ..formulas.solvers import SGD, Adam, AdamW, RMSprop, one_less_power

    rates = np.asarray(rates, dtype=np.float64)
    columns: list[Any]
    n = n_before + np.arange(1, len(rates) + 1)
    if type(solver) is SGD:
        name = "nesterov" if solver.nesterovs_momentum else "sgd"
        columns = [rates, 1, 1, solver.momentum, 1, 1]
    elif type(solver) is RMSprop:
        name, columns = "rmsprop", [rates, 1, 1, solver.rho, 1, solver.epsilon]
    elif type(solver) in (Adam, AdamW):
        name = "adam"
        assert isinstance(solver, Adam)
        weight_decay = solver.weight_decay if isinstance(solver, AdamW) else 0.0
        columns = [
            rates / one_less_power(solver.beta_1, n),
            1 / np.sqrt(one_less_power(solver.beta_2, n)),
            1 - rates * weight_decay,
            solver.beta_1,
            solver.beta_2,
            solver.epsilon,
        ]
    else:
        return None
    columns.append(1 if solver.averaging is None else solver.share_of_newest(n))
    numbers = np.empty((len(rates), len(columns)))
    for i, column in enumerate(columns):
        numbers[:, i] = column
    return name, numbers
