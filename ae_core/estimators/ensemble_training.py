"""How the networks of a detector are trained, and what they take for usual."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import as_float
from ..data.robust_scaling import LINEAR_UNTIL, RobustScaling, learn_robust_scaling
from ..data.rows import Rows
from ..detection.ensemble import Ensemble
from ..detection.thresholds import weighted_quantile
from ..formulas.solvers import Adam
from ..network.architecture import Architecture
from ..network.compiled import Network
from ..training.epochs import all_finite
from ..training.progress import NonFiniteLossError
from .detector_parameters import CODES
from .ensemble_sample import Sample, member_among, oddness_of, usual_residuals

CODE_SHARES = (0, 1 / 8, 1 / 4, 1 / 2)
"""Sizes of the codes, as shares of the number of columns; at least 1."""
LARGEST_CODE = 16
"""Largest code: larger ones took longer, and were not better."""
N_NETWORKS = 4
"""Networks, with codes of these sizes in turn."""
FEW_COLUMNS = 8
"""Below so many columns there are twice as many networks, as sizes of codes coincide."""
N_FOLDS = 4
"""Parts that rows are divided into; each network is trained without some of them."""
N_JUDGES = 2
"""Networks that leave out a part, and judge it."""
FEWEST_ROWS_TO_LEAVE_OUT = 16
"""Of fewer rows, none is left out."""
FEW_ROWS = 64
"""Up to so many different rows every step takes all of them, in float64; more are sampled."""
ENTRIES_LEARNED_FROM = 4_000_000
"""Entries that are learned from, at most."""
ROWS_LEARNED_FROM = 20_000
"""Rows that are learned from at most, evenly spaced: steps would not visit many more."""
GROSS = 50.0
"""Spreads from the median beyond which an entry is a gross error; nothing is learned of its row."""
LARGEST_GROSS_SHARE = 0.25
"""If more of the rows have such entries, they are no errors."""


@dataclass(frozen=True)
class Trained:
    """An ensemble, and the distances of the rows that it was trained on."""

    ensemble: Ensemble
    distances: Array
    """(m, n_members): of the rows of the sample."""
    held_out: Array
    """(m, n_members) bool: whether a member was trained without a row that others had."""
    sample: Sample
    is_learned: Array
    """(m,) bool: whether there was anything to learn from the row."""

    def scores(self, rows: Rows) -> Array:
        """Scores of the rows of the table that was learned from: (n_samples,)."""
        if self.sample.is_exact or len(self.distances) < len(rows):
            return self.ensemble.scores(rows)
        return np.asarray(sum(self.distances.T) / self.distances.shape[1])

    def held_out_scores(self) -> tuple[Array, Array]:
        """Scores of the rows of the sample by members that left them out, and weights: (m,) each.

        The weight is 0 of a row of which nothing is seen, or that is grossly wrong.
        """
        # Rows that no member left out (few rows, gross errors) are judged by all.
        judges = self.held_out | ~self.held_out.any(axis=1, keepdims=True)
        scores = (self.distances * judges).sum(axis=1) / judges.sum(axis=1)
        return scores, self.sample.weights * self.is_learned


def code_sizes(n_features: int) -> tuple[int, ...]:
    """The code of each network, for a table of so many columns that vary."""
    sizes = {min(LARGEST_CODE, max(1, round(share * n_features))) for share in CODE_SHARES}
    if n_features == 2:  # shares of two are all 1, and one number follows no ring
        sizes = {1, 2}
    n_networks = 2 * N_NETWORKS if n_features < FEW_COLUMNS else N_NETWORKS
    return tuple((sorted(sizes) * n_networks)[:n_networks])


def train_ensemble(
    rows: Rows, detector: Any, random: np.random.Generator, *, is_spread: bool = False
) -> Trained:
    """Train networks on rows, then again without the oddest, and learn what is usual to them.

    Parameters
    ----------
    rows : Rows
        Of the table as it is, not scaled, of positive weight.
    detector : AutoencoderOutlierDetector
        Whose parameters, checked, say how.
    random : Generator
    is_spread : bool
        Whether these are evenly spaced rows of a table already, with the limits of all.

    Returns
    -------
    Trained
        Of which ``ensemble.changed`` is still to be set: it is 0.
    """
    if rows.seen is not None and not rows.seen.any():
        raise ValueError("X has no entry that is seen: there is nothing to learn")
    step = 1 if is_spread else step_between(len(rows), rows.n_features)
    sample, scaling = _sample(rows, step, is_spread)
    n_rows, n_features = len(sample.rows), rows.n_features
    dtype = np.dtype(np.float64 if sample.is_exact else np.float32)
    n_varying = int(scaling.varies.sum())
    codes = code_sizes(n_varying)
    if not isinstance(detector.n_components, str):
        codes = CODES("n_components", detector.n_components)
    networks = [
        Network(
            Architecture((n_features, code, n_features), (detector.activation, "identity")),
            dtype=dtype,
            random_state=random,
            n_threads=detector.n_threads,
        )
        for code in codes
    ]
    usual = [np.empty(0)] * len(networks)  # of each the usual residuals: (n_features,)
    block = sample.rows.take(slice(None), dtype)
    is_learned = (sample.rows.counts(slice(None)) > 0) & ~_is_gross(block, sample.weights)
    held_out = _held_out(is_learned, len(codes), random)
    kept = is_learned
    for _ in range(2):
        oddness = np.zeros(n_rows)
        for i, (network, left_out) in enumerate(zip(networks, held_out.T, strict=True)):
            _train(network, sample, _own(kept, left_out), detector, random)
            _silence(network, ~scaling.varies)
            usual[i] = usual_residuals(network, sample, is_learned)
            _check_learned(network, usual[i], detector)
            oddness += oddness_of(network, usual[i], sample)
        share = 1 - as_float(detector.trim)
        line = weighted_quantile(oddness[is_learned], sample.weights[is_learned], share)
        kept = is_learned & (oddness <= line)
    members = [
        member_among(network, usual, sample, block, _own(kept, left_out), random, n_varying)
        for network, usual, left_out in zip(networks, usual, held_out.T, strict=True)
    ]
    has_missing = rows.missing is not None
    distances = np.stack([member.distances(block, has_missing) for member in members], axis=1)
    for i, left_out in enumerate(held_out.T):
        which = left_out if left_out.any() else is_learned
        own, weights = distances[which, i], sample.weights[which]
        # Where most rows are equal to others, the median is 0; where all are, the mean, too.
        unit = weighted_quantile(own, weights, 0.5) or np.average(own, weights=weights) or 1.0
        members[i] = replace(members[i], unit=float(unit))
        distances[:, i] /= unit
    ensemble = Ensemble(tuple(members), scaling, changed=0.0)
    return Trained(ensemble, distances, held_out, sample, is_learned)


def _sample(rows: Rows, step: int, is_spread: bool) -> tuple[Sample, RobustScaling]:
    which = slice(None, None, step)
    raw = rows.take(which, np.float64)
    weights = rows.weights(which)
    few = _different_rows(raw, FEW_ROWS) if step == 1 and not is_spread else None
    if few is not None:
        first, group = few
        raw, weights = raw[first], np.bincount(group, weights)
        weights = ratios(weights)
    scaling = learn_robust_scaling(rows, raw, weights)
    dtype = np.dtype(np.float32 if few is None else np.float64)
    scaled = scaling.scaled(Rows(raw, missing=rows.missing), slice(None), dtype)[0]
    is_weighted = (weights != 1).any()
    sample = Rows(scaled, sample_weight=weights if is_weighted else None, missing=rows.missing)
    return Sample(sample, weights, few is not None), scaling


def step_between(n_rows: int, n_features: int) -> int:
    """The step between rows that are learned from, so that they are not too many."""
    at_most = max(1, min(ROWS_LEARNED_FROM, ENTRIES_LEARNED_FROM // n_features))
    return -(-n_rows // at_most)


def ratios(weights: Array) -> Array:
    """Weights (m,) over the largest, rounded to 40 bits: a common factor changes none of these."""
    mantissas, exponents = np.frexp(weights / weights.max())
    return np.ldexp(np.rint(mantissas * 2.0**40) / 2.0**40, exponents)


def _different_rows(X: Array, at_most: int) -> tuple[Array, Array] | None:
    """The first of each group of equal rows, and the group of each row; None for too many groups.

    Whether a table is small must depend neither on how often rows are repeated nor on what weights
    they have instead: so it is different rows that count. Their order is that of their bytes.
    """
    first = X[: 2 * at_most]
    if len(np.unique(_as_bytes(first))) > at_most:
        return None
    _, places, groups = np.unique(_as_bytes(X), return_index=True, return_inverse=True)
    return (places, groups.ravel()) if len(places) <= at_most else None


def _as_bytes(X: Array) -> Array:
    X = np.ascontiguousarray(X) + 0.0  # one zero, not two
    X[np.isnan(X)] = np.nan  # and one NaN
    return X.view(np.dtype((np.void, X.itemsize * X.shape[1]))).ravel()


def _held_out(is_learned: Array, n_members: int, random: np.random.Generator) -> Array:
    """Which of the rows to learn from (m,) each member leaves out: (m, n_members) bool."""
    n_rows = int(is_learned.sum())
    result = np.zeros((len(is_learned), n_members), dtype=bool)
    if n_rows < FEWEST_ROWS_TO_LEAVE_OUT or n_members < 2:
        return result
    n_folds = min(N_FOLDS, n_members)
    fold = random.permutation(n_rows) % n_folds  # (n_rows,)
    # Each member leaves out n_parts neighbouring folds, so that two members judge every row.
    # Members with the same size of code leave out different folds.
    n_parts = max(1, min(n_folds - 1, round(N_JUDGES * n_folds / n_members)))
    members = np.arange(n_members)
    first = (members + members // n_folds) % n_folds  # (n_members,)
    result[is_learned] = (fold[:, None] - first) % n_folds < n_parts
    return result


def _own(kept: Array, left_out: Array) -> Array:
    """Indices of the rows (m,) that a member learns from: kept, and if possible not left out."""
    which = np.flatnonzero(kept & ~left_out)
    return which if len(which) else np.flatnonzero(kept)


def _train(
    network: Network, sample: Sample, which: Array, detector: Any, random: np.random.Generator
) -> None:
    n_steps, rate = detector.n_steps, as_float(detector.learning_rate_init)
    batch_size = len(which) if sample.is_exact else min(detector.batch_size, len(which))
    n_epochs = -(-n_steps * batch_size // len(which))
    # Epoch after epoch, each in an order of its own.
    order = np.concatenate([random.permutation(which) for _ in range(n_epochs)])
    order = order[: n_steps * batch_size]
    solver = Adam(rate)
    network.train_steps(
        sample.rows, order, batch_size, solver, solver.start(network.params), np.full(n_steps, rate)
    )


def _check_learned(network: Network, usual: Array, detector: Any) -> None:
    if all_finite(network.params) and all_finite(usual):
        return
    rate = as_float(detector.learning_rate_init)
    raise NonFiniteLossError(
        f"learning_rate_init={rate:g}: after {detector.n_steps} steps the parameters or the "
        f"residuals are beyond the range of {network.dtype}; try a smaller rate, or the default"
    )


def _is_gross(block: Array, weights: Array) -> Array:
    """Which rows have a gross error, so that nothing is to be learned from them: (m,) bool.

    None, where they are so many that they are no errors.
    """
    line = LINEAR_UNTIL + np.log1p(GROSS - LINEAR_UNTIL)  # as `RobustScaling` bends it
    found: Array = (np.abs(block) > line).any(axis=1)  # NaN is not
    return found & (weights[found].sum() <= LARGEST_GROSS_SHARE * weights.sum())


def _silence(network: Network, columns: Array) -> None:
    """Make a network return 0 in some columns (n_features,): the constant ones, which are 0."""
    layer = network.architecture.layers(network.params)[-1]
    layer.weights[:, columns] = 0
    if layer.biases is not None:
        layer.biases[columns] = 0
