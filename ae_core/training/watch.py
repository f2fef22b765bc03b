"""What happens between epochs: the record, validation, callbacks, the stopping rule."""

import copy
import math
from typing import Any

import numpy as np

from .._typing import Array
from ..data.held_out import HeldOutEntries
from ..data.rows import Rows
from ..formulas.schedules import Schedule
from ..network.reference import Network
from .progress import Callback, History, Progress


class Watch:
    """What happens between epochs: the record, validation, the callback, the stopping rule."""

    def __init__(
        self,
        network: Network,
        X_val: Rows | HeldOutEntries | None,
        tol: float | None,
        n_iter_no_change: float,
        callback: Callback | None,
        keep_best: bool,
    ) -> None:
        self.history = History()
        self.network, self.X_val, self.callback = network, X_val, callback
        self.tol, self.patience, self.keep_best = tol, n_iter_no_change, keep_best
        self.best, self.n_stale, self.n_cuts = math.inf, 0, 0
        self.best_params: Array | None = None
        self.average: Array | None = None
        self.snapshot: Any = None

    @property
    def looks(self) -> bool:
        """Whether validation, a callback or keep_best must run after each epoch."""
        return self.X_val is not None or self.callback is not None or self.keep_best

    def changes_within(self, losses: Array) -> bool:
        """Whether training would end, or its rate be cut, before the last of these epochs."""
        if not np.isfinite(losses).all():
            return True
        if self.tol is None:
            return False
        n_stale, _ = self._stale_after(losses[:-1])
        return bool((n_stale >= self.patience).any())

    def record(self, losses: Array) -> None:
        """Note the losses of the epochs just finished, and tell the callback."""
        history = self.history
        self._note(losses[:-1])  # epochs after which nothing was checked
        history.loss_curve.append(float(losses[-1]))
        validation = None
        if self.X_val is not None:
            validation = self.validation_loss()
            history.validation_loss_curve.append(validation)
        watched = history.watched[-1]
        if self.keep_best and watched < self.best:
            self.best_params = self.judged.params.copy()
        self._judge(watched)
        if self.callback is not None:
            progress = Progress(
                history.n_iter,
                history.loss_curve[-1],
                validation,
                self.judged,
                history,
                self.snapshot,
            )
            if self.callback(progress):
                history.stopped_because = "the callback asked for it"

    def validation_loss(self) -> float:
        """The mean loss of what is held out, without penalty."""
        assert self.X_val is not None
        if isinstance(self.X_val, HeldOutEntries):
            errors = self.X_val.errors(self.judged)
        else:
            errors = self.judged.validation_errors(self.X_val).astype(np.float64)
        return float(np.average(errors, weights=self.X_val.counts(slice(None))))

    def _note(self, losses: Array) -> None:
        """Losses of epochs where there is nothing else to do: as `_judge` of each in turn."""
        if len(losses):
            self.history.loss_curve += losses.tolist()
            n_stale, self.best = self._stale_after(losses)
            self.n_stale = int(n_stale[-1])

    def _stale_after(self, losses: Array) -> tuple[Array, float]:
        """For how many epochs there was no progress, after each of these; and the best loss."""
        best = np.fmin.accumulate(np.concatenate(([self.best], losses)))  # before each, and after
        epochs = np.arange(len(losses))
        improved = np.where(losses < best[:-1] - (self.tol or 0), epochs, -1 - self.n_stale)
        return epochs - np.maximum.accumulate(improved), float(best[-1])

    def _judge(self, watched: float) -> None:
        self.n_stale = 0 if watched < self.best - (self.tol or 0) else self.n_stale + 1
        self.best = min(self.best, watched)

    def should_stop(self, schedule: Schedule | None = None) -> bool:
        """Whether to end here; 'adaptive' learning rates are cut first, until they are tiny."""
        if self.history.stopped_because:
            return True
        if self.tol is None or self.n_stale < self.patience:
            return False
        if schedule is not None and schedule.can_cut(self.n_cuts):
            self.n_cuts, self.n_stale = self.n_cuts + 1, 0
            return False
        self.history.stopped_because = (
            f"the loss did not improve by more than tol={self.tol:g} in {self.patience} epochs"
        )
        return True

    @property
    def judged(self) -> Network:
        """The network as it would be used now: with averaged parameters, where there are any."""
        if self.average is None:
            return self.network
        twin = copy.copy(self.network)
        twin.params = self.average
        return twin

    def finish(self) -> None:
        """Give the network its best parameters, if they were kept, or the averaged ones."""
        self.network.params[...] = (
            self.judged.params if self.best_params is None else self.best_params
        )
