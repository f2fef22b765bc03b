"""Every member of the family: architectures with any valid combination, and data to give them.

Hypothesis draws a `Family`; what it prints of one says all there is to know about a failure.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from conftest import output_activations
from hypothesis import assume
from hypothesis import strategies as st
from scipy import sparse

from ae_core import Architecture, reference
from ae_core.data.rows import Rows
from ae_core.formulas.activations import ACTIVATIONS
from ae_core.formulas.corruption import CORRUPTIONS
from ae_core.formulas.inputs import INPUT_TRANSFORMS
from ae_core.formulas.losses import LOSSES
from ae_core.formulas.noise import Draw
from ae_core.network.passes import beside_code, forward

KINDS = ("dense", "holes", "csr", "thin csr", "csr with holes", "implicit")
"""What a table may be: with NaN in it, sparse, and sparse with what is not stored unseen.

Of a thin one so little is stored that the engine can do without an output (low_rank_output.pyx)."""

SMOOTH = ("identity", "logistic", "tanh", "softplus")
"""Activations with as many derivatives as anybody may ask for."""


class Table(NamedTuple):
    """Data in (0, 1), once it is scaled, so that every loss can be taken of it."""

    kind: str = "dense"
    n_samples: int = 4
    source: str = "float64"
    is_scaled: bool = False
    clip: bool = False
    weights: str | None = None
    seed: int = 0
    has_sizes: bool = False

    def rows(self, n_features, n_covariates=0):
        """The table with so many columns; its first entry is seen, and its first row counts."""
        random = np.random.default_rng(self.seed)
        n_columns = n_features + n_covariates
        shape = self.n_samples, n_columns
        is_bytes = self.source == "uint8"
        low, high = (0, 255) if is_bytes else (-2, 3) if self.is_scaled else (0.05, 0.95)
        X = random.integers(0, 256, shape) if is_bytes else random.uniform(low, high, shape)
        X = X.astype(self.source)
        shift = factor = None
        if self.is_scaled or is_bytes:
            # With clip, some numbers lie outside of 0 … 1 until they are clipped.
            beyond = random.uniform(0.02, 0.1, n_columns) * (-1 if self.clip else 1)
            shift = low - (high - low) * beyond
            factor = 1 / ((high - low) * (1 + 2 * beyond))
        is_hidden = random.random(shape) < 0.3
        is_hidden[0, 0] = False
        missing = None
        if self.kind in ("csr", "csr with holes"):
            X[random.random(shape) < 0.5] = 0
        if self.kind == "thin csr":
            X[random.random(shape) < 0.95] = 0
        if self.kind in ("holes", "csr with holes"):
            X[is_hidden], missing = np.nan, "mask"
        if "csr" in self.kind:
            X = [sparse.csr_array, sparse.csr_matrix][self.seed % 2](X)
        if self.kind == "implicit":
            X[random.random(shape) < 0.1] = 0  # stored nevertheless, and so seen
            row, column = np.nonzero(~is_hidden)
            X, missing = sparse.csr_array((X[row, column], (row, column)), shape), "implicit"
        weights = None
        if self.weights is not None:
            integers, reals = random.integers(0, 4, shape[0]), random.uniform(0, 2, shape[0])
            weights = {"integers": integers, "reals": reals}[self.weights]
            weights[0] = 1
        return Rows(
            X,
            shift,
            factor,
            weights,
            clip=self.clip,
            missing=missing,
            n_covariates=n_covariates,
            row_size=random.uniform(0.7, 1.4, shape[0]) if self.has_sizes else None,
        )


class Family(NamedTuple):
    """An architecture, what it is given, and the key of its noise."""

    architecture: Architecture
    table: Table = Table()
    noise_key: int = 7

    def rows(self):
        """The data."""
        return self.table.rows(self.architecture.n_features, self.architecture.n_covariates)

    def network(self, network_class, dtype=np.float64):
        """A network with parameters that are none of them near 0: |W| has a kink there."""
        params = reference.Network(self.architecture, random_state=self.table.seed).params
        random = np.random.default_rng(self.table.seed)
        spread = 0.5 / np.sqrt(max(self.architecture.layer_sizes))
        params += random.normal(0, spread, params.shape)
        params = np.where(params < 0, -1, 1) * np.maximum(np.abs(params), 0.01)
        n_threads = 1 + self.table.seed % 3
        return network_class(
            self.architecture, params.astype(dtype), dtype=dtype, n_threads=n_threads
        )

    def reseeded(self, i):
        """The same kind of table and parameters with other numbers."""
        return self._replace(table=self.table._replace(seed=self.table.seed + i))

    def distance_to_kinks(self):
        """How far the nearest sum, error or code unit is from where the gradient jumps.

        What is 0 exactly, and not by chance, as of a row whose every input is hidden, stays so when
        parameters change.
        """
        a, network, rows = self.architecture, self.network(reference.Network), self.rows()
        X, found = rows.take(slice(None), np.float64), [np.inf]
        for draw in (None, Draw(self.noise_key, np.arange(len(rows)))):
            trace = forward(a, network.params, X, draw, rows.input_limits, sizes=rows.row_size)
            layers = zip(a.layers(network.params), a.activations, trace.H[:-1], strict=True)
            for layer, ((W, b), name, H) in enumerate(layers, start=1):
                if name not in (*SMOOTH, "softmax", "mixed"):
                    Z = beside_code(a, layer, H, trace.covariates) @ W
                    found.append(_nearest(Z if b is None else Z + b))
            for group in a.output_groups:
                if LOSSES[group.loss].from_logits is None and group.loss != "squared_error":
                    columns = slice(group.start, group.stop)
                    d = np.abs(trace.H[-1][:, columns] - trace.X[:, columns])
                    found += [_nearest(d), _nearest(d - 1)]
            if a.code_l1:
                found.append(_nearest(trace.H[a.code_layer]))
            if a.k_sparse is not None and a.k_sparse < a.n_components:
                A = -np.sort(-trace.A[a.code_layer], axis=1)
                found.append(_nearest(A[:, a.k_sparse - 1] - A[:, a.k_sparse]))
        return min(found)


def _nearest(values):
    """The smallest distance from 0 that is not 0, and is known."""
    distances = np.abs(values[(values != 0) & ~np.isnan(values)])
    return distances.min() if distances.size else np.inf


def _or_nothing(strategy, nothing=0.0):
    return st.one_of(st.just(nothing), strategy)


_STRENGTHS = _or_nothing(st.sampled_from([0.05, 0.3, 1.0]))


@st.composite
def _losses(draw, n_features):
    """One loss, or several side by side."""
    cuts = draw(_or_nothing(st.sets(st.integers(1, n_features), max_size=4), set()))
    edges = sorted({0, n_features, *cuts})
    groups = [(draw(st.sampled_from(list(LOSSES))), b - a) for a, b in pairwise(edges)]
    return groups if len(groups) > 1 else groups[0][0]


@st.composite
def architectures(draw, n_units=5, n_features=6):
    """Any architecture whose layers are at most so wide, with any combination that is allowed."""
    n_features = draw(st.integers(1, n_features))
    units = st.integers(1, n_units)
    half = draw(st.lists(units, min_size=1, max_size=3))
    # What may be asked of the code is one of these, for mathematics' sake.
    kind = draw(st.sampled_from(["any", "sparse", "k-sparse", "variational"]))
    tied = draw(st.booleans())
    sizes = [n_features, *half, *half[-2::-1], n_features]
    if not tied:
        sizes[1:-1] = draw(st.lists(units, min_size=1, max_size=4))
    code_layer = len(half) if tied else draw(st.integers(1, len(sizes) - 2))
    loss = draw(_losses(n_features))
    activations = [draw(st.sampled_from(list(ACTIVATIONS))) for _ in sizes[2:]]
    code_activation = {"sparse": "logistic", "variational": "identity"}.get(kind)
    activations[code_layer - 1] = code_activation or activations[code_layer - 1]
    output = draw(st.sampled_from(output_activations(loss))) if isinstance(loss, str) else "mixed"
    weights = st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.5]), min_size=n_features)
    feature_weights = draw(_or_nothing(weights, None))
    if feature_weights is not None:
        feature_weights = [1.0, *feature_weights[1:n_features]]
    k_sparse = None
    if kind == "k-sparse":
        k_sparse = draw(st.integers(1, sizes[code_layer]))
    return Architecture(
        sizes,
        (*activations, output),
        loss=loss,
        code_layer=code_layer,
        biases=draw(st.booleans()),
        tied=tied,
        alpha=draw(_STRENGTHS),
        alpha_l1=draw(_STRENGTHS),
        feature_weights=feature_weights,
        corruption=draw(_or_nothing(st.sampled_from(list(CORRUPTIONS)), None)),
        corruption_level=draw(st.sampled_from([0.1, 0.3, 0.8])),
        dropout=draw(_or_nothing(st.sampled_from([0.2, 0.5]))),
        k_sparse=k_sparse,
        code_l1=draw(_STRENGTHS),
        sparsity=draw(st.sampled_from([0.3, 1.0])) if kind == "sparse" else 0.0,
        sparsity_target=draw(st.sampled_from([0.05, 0.2])),
        contraction=draw(_STRENGTHS),
        variational=kind == "variational",
        beta=draw(st.sampled_from([0.0, 0.3, 1.0, 4.0])),
        input_mask=not tied and draw(st.booleans()),
        n_covariates=0 if tied else draw(st.sampled_from([0, 0, 1, 3])),
        input_transform=draw(_or_nothing(st.sampled_from(list(INPUT_TRANSFORMS)), None)),
    )


@st.composite
def tables(draw, n_samples=5):
    """Any table of at most so many rows."""
    kind = draw(st.sampled_from(KINDS))
    sources = ["float64", "float32"] if "holes" in kind else ["float64", "float32", "uint8"]
    return Table(
        kind,
        draw(st.integers(1, n_samples)),
        draw(st.sampled_from(sources)),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.sampled_from([None, "integers", "reals"])),
        draw(st.integers(0, 10_000)),
        draw(st.booleans()),
    )


@st.composite
def families(draw, n_units=5, n_features=6, n_samples=5, distance=0.0):
    """Any architecture with any table, no nearer to a kink than this."""
    family = Family(
        draw(architectures(n_units, n_features)),
        draw(tables(n_samples)),
        draw(st.integers(0, 2**64 - 1)),
    )
    family = away_from_kinks(family, distance)
    assume(family is not None)  # deep networks of single relu units are never far from one
    return family


def away_from_kinks(family, distance):
    """The family, with other numbers where these are too near to a kink; None if all are."""
    return next(
        (f for f in map(family.reseeded, range(50)) if f.distance_to_kinks() > distance), None
    )
