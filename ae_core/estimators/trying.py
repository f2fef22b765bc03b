"""The same fit again on some of the rows, with one setting changed at a time."""

import math
import sys
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing

from .._typing import Array
from ..basics.arguments import is_number
from ..data.rows import Rows
from ..data.scaling import undo_scaling
from ..diagnosis.hidden import FilledIn, fill_hidden
from ..diagnosis.reconstruction import DENSE_ENTRIES, evenly, loss_of
from ..diagnosis.references import References, references
from ..diagnosis.suspects import Change, Fit, all_defaults, beside, suspects, to_fill_in
from ..diagnosis.trials import Trial, Trials, run_trials
from ..diagnosis.words import count
from ..network.output import own_parameters
from ..training.progress import NonFiniteLossError
from .fitting import in_rates
from .parameters import MEANINGS, alpha_of, batch_size_of
from .trial_size import FEWEST_ROWS, left_of, planned, those_that_fit, trial_batch_size

NEARLY = 0.5
"""A trial is as poor as the fit if it falls short of PCA by this share of what the fit does."""


class Table(NamedTuple):
    """What a model was fitted to."""

    X: Any
    """array, DataFrame or scipy.sparse matrix of shape (m, n_features)"""
    sample_weight: Array | None = None
    covariates: Any = None
    """array, DataFrame or Series of shape (m, n_covariates)"""

    @property
    def n_rows(self) -> int:
        """Its length."""
        return int(self.X.shape[0] if hasattr(self.X, "shape") else len(self.X))

    def some(self, at_most: int) -> "Table":
        """At most so many of its rows, evenly spaced."""
        which = evenly(self.n_rows, at_most)
        return Table(*(None if part is None else _safe_indexing(part, which) for part in self))


def try_settings(model: Any, table: Table, *, lost: float | None, budget: float) -> Trials | None:
    """Fit an autoencoder anew to some rows, with one setting changed at a time.

    Parameters
    ----------
    model : fitted Autoencoder or VariationalAutoencoder
    table : Table
    lost : float or None
        The share of what PCA gains that the fit falls short of, where it is poor: then its trial
        should be, too, or nearly as far short of it.
    budget : float
        Seconds. How much is tried follows from the size of the network, so that the same is tried
        each time; the clock only ends what takes longer than any machine should.

    Returns
    -------
    Trials, or None where there is nothing to try
    """
    what = _fit_of(model)
    trial = _Trial(model, table, suspects(what), budget)
    loss, changes = trial.as_it_is(), trial.changes
    if loss is None:
        return None
    judged_by = trial.references(None)
    is_as_poor = lost is None or judged_by.is_poor(loss) or judged_by.lost(loss) > NEARLY * lost
    cut_short = _cut_short(model)
    result = trial.result(loss, judged_by, is_reproduced=is_as_poor, cut_short=cut_short)
    if not is_as_poor:
        return result

    def run(changes: list[Change]) -> tuple[tuple[Trial, ...], int]:
        return run_trials(changes, what.settings, trial.loss, trial.references, budget=budget)

    announce(len(changes), budget)
    tried, left = run(changes)
    result = replace(result, tried=tried, n_left_out=left + trial.n_left_out)
    if result.leaves_much:
        best = result.helped[0]
        first = next(c for c in changes if dict(c.settings) == dict(best.settings))
        left_over = left_of(model, trial.size, changes, budget)
        both = those_that_fit(model, trial.size, list(beside(what, first, changes)), left_over)
        return replace(result, together=run(both)[0])
    together = None if result.helped or result.n_left_out else all_defaults(what)
    return result if together is None else replace(result, tried=(*tried, *run([together])[0]))


def _cut_short(model: Any) -> str:
    """How the fit ended before its epochs were over; '' if it did not."""
    history = model.history_
    why = history.stopped_because
    if not why and history.n_iter:
        return f"It was fitted in parts (partial_fit), {count(history.n_iter, 'epoch')} so far"
    was_stopped = why in ("the callback asked for it", "it was interrupted")
    if was_stopped and history.n_iter < model.max_iter:
        planned = count(model.max_iter, "epoch")
        return f"It was stopped after {history.n_iter} of {planned}, as {why}"
    return ""


def try_filling(model: Any, table: Table, *, budget: float) -> Trials | None:
    """Fit an autoencoder anew to some rows, with what may make it fill in entries better.

    What is compared is the root mean squared error of entries that were seen and are hidden.

    Parameters
    ----------
    model : fitted Autoencoder
    table : Table
    budget : float
        Seconds.

    Returns
    -------
    Trials, or None where there is nothing to try
    """
    trial = _Trial(model, table, list(to_fill_in(_fit_of(model))), budget)
    changes = trial.changes
    of_base = None if trial.as_it_is() is None else trial.filled_in(trial.base)
    if of_base is None:
        return None
    judged_by = References(
        "column mean", of_base.column_mean, of_base.column_mean, of_base.pca, 0, 0.0
    )
    announce(len(changes), budget)

    def error(change: Change) -> float | None:
        fitted, is_finite = trial.fitted(change.settings)
        f = None if fitted is None or not is_finite else trial.filled_in(fitted)
        return None if f is None else f.network

    tried, left = run_trials(changes, trial.settings, error, lambda _: judged_by, budget=budget)
    return trial.result(
        of_base.network,
        judged_by,
        is_reproduced=True,
        tried=tried,
        n_left_out=left + trial.n_left_out,
        measure="error on hidden entries",
    )


def _fit_of(model: Any) -> Fit:
    architecture = model.network_.architecture
    settings, defaults = model.get_params(deep=False), type(model)().get_params(deep=False)
    as_default = clone(model).set_params(**dict.fromkeys(MEANINGS, "auto"))
    for name, meaning in MEANINGS.items():
        settings[name], defaults[name] = meaning(model), meaning(as_default)
    return Fit(
        settings,
        defaults,
        architecture.n_features,
        has_hidden_layers=architecture.n_layers > 2,
        diverged=model.history_.stopped_because.startswith("the loss is "),
    )


def seed_of(model: Any) -> int:
    """The seed of a model's trials: its own where that is a number, else 0."""
    seed = model.random_state
    return int(seed) if isinstance(seed, int | np.integer) else 0


def check_budget(budget: Any) -> None:
    """Refuse what is no time.

    Raises
    ------
    ValueError
        For anything but a number above 0.
    """
    if not is_number(budget) or not budget > 0:
        raise ValueError(f"budget={budget!r}: must be a number above 0, of seconds")


def announce(n_changes: int, budget: float) -> None:
    """Say what takes so long."""
    print(
        f"diagnose tries {n_changes} changed settings, for at most {budget:g} s "
        "(budget and trials set that)",
        file=sys.stderr,
        flush=True,
    )


class _Trial:
    """Fits of one model's settings to the same rows, and their loss by one measure."""

    def __init__(self, model: Any, table: Table, changes: list[Change], budget: float) -> None:
        most = max(FEWEST_ROWS, DENSE_ENTRIES // model.network_.architecture.n_features)
        n_rows = min(table.n_rows, most)  # so many may be made dense
        size, self.changes, self.n_left_out = planned(model, changes, n_rows, budget)
        self.model, self.size, self.budget = model, size, budget
        self._references: dict[int, References] = {}
        self.X, self.weights, covariates = table.some(size.n_rows)
        self.beside = {} if covariates is None else {"covariates": covariates}
        settings = self.settings = model.get_params(deep=False)
        self.seed = seed_of(model)
        self.common: dict[str, Any] = {
            "max_iter": size.n_epochs,
            "verbose": False,
            "warm_start": False,
            "random_state": self.seed,
        }
        if settings["scale"] is not None:
            self.common["dtype"] = "float32"  # twice as fast, and scaled columns fit into it
        if model.solver != "lbfgs":
            batch_size = trial_batch_size(model, size, table.n_rows)
            real = batch_size_of(model.batch_size, table.n_rows)
            if batch_size != real:  # penalties on weights are divided by the rows of a step
                self.common["batch_size"] = batch_size
                self.common["alpha_l1"] = settings["alpha_l1"] * batch_size / real
                if model.solver != "adamw":
                    self.common["alpha"] = alpha_of(model) * batch_size / real

    def result(self, loss: float, judged_by: References, **more: Any) -> Trials:
        """These trials, with the loss of the fit as it is and what came of them."""
        return Trials(
            n_rows=self.size.n_rows,
            n_epochs=self.size.n_epochs,
            loss=loss,
            references=judged_by,
            budget=self.budget,
            seed=self.seed,
            **more,
        )

    def as_it_is(self) -> float | None:
        """The loss without any change, by which the others are measured; None if it can't be."""
        self.base, is_finite = self.fitted({})
        if self.base is not None and not is_finite and not self._has_diverged():
            # It did not go beyond float64, so it is judged by what it did.
            self.common.pop("dtype", None)
            self.base, is_finite = self.fitted({})
        if self.base is None:
            return None
        rows = self._seen(self.base)
        whole, n = rows.take(slice(None), np.float64), rows.n_features
        self.rows = whole[:, :n]  # (m, n)
        self.given = whole[:, n:] if rows.n_covariates else None
        weighs = rows.sample_weight is not None
        self.row_weights = rows.weights(slice(None)) if weighs else None
        return self._loss_of(self.base) if is_finite else math.inf

    def _has_diverged(self) -> bool:
        """Whether the loss of the fit as it was is no finite number."""
        return not np.isfinite(self.model.history_.loss_curve).all() or (
            self.model.history_.stopped_because.startswith("the loss is ")
        )

    def _seen(self, model: Any) -> Rows:
        """The rows as a report judges them: as its network sees them, counts as rates, weighted."""
        rows = model._rows(self.X, **self.beside)
        if self.weights is not None:  # counts that were divided weigh as much as what they were
            rows = rows.reweighted(self.weights * rows.weights(slice(None)))
        return in_rates(rows)

    def loss(self, change: Change) -> float | None:
        """The loss with a change; infinite beyond all numbers, None where it can't be made."""
        settings = dict(change.settings)
        if "max_iter" in settings:
            settings["max_iter"] = round(
                settings["max_iter"] * self.size.n_epochs / self.model.max_iter
            )
        if settings.get("scale", "standard") is None:
            settings["dtype"] = None
        model, is_finite = self.fitted(settings)
        if model is None:
            return None
        return self._loss_of(model) if is_finite else math.inf

    def references(self, n_components: int | None) -> References:
        """Of the same rows: the same for every change that leaves the code as long as it is."""
        a, own = self.base.network_.architecture, self._own(self.base)
        k = a.n_components if n_components is None else n_components
        if k not in self._references:
            found = references(a, self.rows, k, self.row_weights, own, given=self.given)
            self._references[k] = found
        return self._references[k]

    def filled_in(self, model: Any) -> FilledIn | None:
        """How well a model fills in entries that are hidden."""
        rows = model._rows(self.X, **self.beside).take(slice(None), np.float64)
        return fill_hidden(model.network_, rows[:, : self.rows.shape[1]], self.given)

    def fitted(self, settings: Mapping[str, Any]) -> tuple[Any, bool]:
        """A fit with these settings, if they go together, and whether its loss stayed finite."""
        model = clone(self.model)
        try:
            model.set_params(**{**self.common, **settings})
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(self.X, sample_weight=self.weights, **self.beside)
        except NonFiniteLossError:
            return model, False
        except (ValueError, TypeError):  # the settings do not go together
            return None, False
        return model, True

    def _loss_of(self, model: Any) -> float:
        """The plain loss, without penalties and noise, in the units of the fit as it is."""
        with np.errstate(over="ignore", invalid="ignore"):
            # Of counts as they are divided by sizes, and of ratings without biases: as it is seen.
            X_hat = model.network_.forward(in_rates(model._rows(self.X, **self.beside)))
            X_hat = undo_scaling(X_hat, model.shift_, model.factor_).astype(np.float64)
            if self.base.shift_ is not None:
                X_hat = X_hat - self.base.shift_
            if self.base.factor_ is not None:
                X_hat = X_hat * self.base.factor_
            architecture, own = self.base.network_.architecture, self._own(model)
            if not np.isfinite(X_hat).all() or len(own) != architecture.n_own:
                return math.inf
            loss = loss_of(architecture, self.rows, X_hat, weights=self.row_weights, own=own)
        return loss if math.isfinite(loss) else math.inf

    @staticmethod
    def _own(model: Any) -> Array:
        """The parameters of its loss, if that has any."""
        own = own_parameters(model.network_.architecture, model.network_.params)
        return np.asarray(own, dtype=np.float64)
