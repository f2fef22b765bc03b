"""Advice that was tried: the same fit again, with one setting changed at a time.

A fit of a thousand rows takes milliseconds, so there is no need to guess. What is compared is the
plain loss of the reconstruction, without penalties and noise, on the same rows in the same units.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .references import References
from .suspects import Change, shown
from .words import as_json, count, number, share_of

HELPED = 0.05
"""Share of what PCA gains by which a change has to lower the loss to have helped, …"""
HELPED_MUCH = 0.2
"""… and the same as a share of what the fit falls short of PCA."""
AS_GOOD = 0.1
"""Changes that end less than this share apart are as good as each other: what was more suspected
comes first."""
SAID, WORTH_NAMING = 3, 0.5
"""Changes that the advice names, if each has helped by this share of what the best one has."""
STILL_POOR = 0.1
"""Share of what PCA gains that the best change may fall short of, before a second is looked for."""
SHOWN = 8
"""Changes that the table shows."""


@dataclass(frozen=True)
class Trial:
    """One setting changed, and the loss that the same fit then has."""

    settings: Mapping[str, Any]
    was: Mapping[str, Any]
    loss: float
    """Infinite where the fit went beyond all numbers."""
    cost: str
    suspicion: int
    references: References
    """On the same rows; with another code, those of its size."""
    label: str = ""

    @property
    def instead(self) -> str:
        """Such as "alpha=0 instead of 1000"."""
        if self.label:
            return self.label
        new = ", ".join(f"{name}={shown(value)}" for name, value in self.settings.items())
        values = [value for name, value in self.was.items() if value != self.settings[name]]
        return f"{new} instead of {shown([*values, *self.was.values()][0])}"

    @property
    def at_a_cost(self) -> str:
        """What is lost by it, in brackets, to end a sentence with."""
        return f" ({self.cost})" if self.cost else ""

    def to_dict(self) -> dict[str, Any]:
        """What was changed and what came of it, as JSON can hold it."""
        return {
            "settings": as_json(dict(self.settings)),
            "instead_of": as_json(dict(self.was)),
            "loss": as_json(self.loss),
            "cost": self.cost,
        }


@dataclass(frozen=True)
class Trials:
    """What was tried, and what came of it."""

    n_rows: int
    n_epochs: int
    loss: float
    """Of the fit as it is, on those rows; infinite where it goes beyond all numbers."""
    references: References
    budget: float
    """Seconds."""
    is_reproduced: bool
    """Whether the fit as it is was as poor again."""
    tried: tuple[Trial, ...] = ()
    n_left_out: int = 0
    """Changes for which the budget was too small."""
    seed: int | None = None
    measure: str = "loss"
    """What is compared."""
    cut_short: str = ""
    """How a fit ended before its epochs were over, to start a sentence with; else ''."""
    together: tuple[Trial, ...] = ()
    """What helped most, with one more setting changed."""
    is_where_it_ended: bool = False
    """Whether the fit ended at about the loss that it has on these rows: then they are its own."""

    @property
    def helped(self) -> tuple[Trial, ...]:
        """The changes that helped, the best first."""
        before = self._lost(self)
        good = [t for t in self.tried if self._lost(t) < min(_enough(before), 1 - HELPED)]
        if not good:
            return ()
        near = _near(min(map(self._lost, good)), before)
        level = [t for t in good if self._lost(t) <= near]
        # Stable, so that what was suspected comes first; what takes longer, last.
        level.sort(
            key=lambda t: (t.suspicion, "max_iter" in t.settings, round(self._lost(t) / HELPED))
        )
        rest = sorted((t for t in good if self._lost(t) > near), key=self._lost)
        return _one_of_each([*level, *rest])

    def _lost(self, fit: "Trial | Trials") -> float:
        """The share of what PCA gains that a fit falls short of.

        As good as PCA is good enough, unless the fit was that good without any change.
        """
        if not math.isfinite(fit.loss):
            return math.inf
        is_short = not self.is_finite or self.references.lost(self.loss) > HELPED
        lost = fit.references.lost(fit.loss)
        return max(lost, 0.0) if is_short else lost

    @property
    def leaves_much(self) -> bool:
        """Whether the best change alone leaves so much that another setting may be wrong, too."""
        return self.is_finite and bool(self.helped) and self._lost(self.helped[0]) > STILL_POOR

    @property
    def helped_together(self) -> Trial | None:
        """The second change that helped beside the first, or many; None where none did."""
        if not self.together or not self.helped:
            return None
        before, best = self._lost(self.helped[0]), min(map(self._lost, self.together))
        if not best < _enough(before):
            return None
        return next(t for t in self.together if self._lost(t) <= _near(best, before))

    @property
    def is_finite(self) -> bool:
        """Whether the fit as it is stays within all numbers."""
        return math.isfinite(self.loss)

    @property
    def advice(self) -> str:
        """What helped, best first, with its figures; or that nothing did."""
        if not self.is_reproduced:
            return self._where_it_is_not_poor()
        helped = self.helped
        if not helped:
            return (
                f"None of {count(len(self.tried), 'change')} of a setting that were tried, one at "
                "a time, made it better."
            )
        best = min(map(self._lost, helped))
        before = self._lost(self) if self.is_finite else 1.0
        enough = WORTH_NAMING * (before - best)
        said = [t for t in helped[:SAID] if before - self._lost(t) >= enough]
        both = self.helped_together
        if both is not None:  # then the others are no more than half the way
            said = said[:1]
        now = number(self.loss)
        sentences: list[str] = []
        for trial in said:
            after = number(trial.loss)
            if sentences:
                what = f"{now} to {after}" if self.is_finite else f"a loss of {after}"
            elif self.is_finite:
                what = f"the {self.measure} fell from {now} to {after} when tried"
            else:
                what = f"the {self.measure}, which was no finite number, is {after} when tried"
            or_ = "Or " * bool(sentences)
            sentences.append(f"{or_}{trial.instead}: {what}{trial.at_a_cost}.")
        if both is not None:
            label = f"{both.label[0].upper()}{both.label[1:]}"
            sentences.append(f"{label}: {number(both.loss)}{both.at_a_cost}.")
        return " ".join(sentences)

    def _where_it_is_not_poor(self) -> str:
        """What to do where the same settings, fitted again, learn these rows well."""
        share = share_of(self.loss, self.references.constant)
        of_constant = f", {share} of the {self.references.constant_name}'s" if share else ""
        reached = f"reach a loss of {number(self.loss)}{of_constant}"
        epochs = f"for {count(self.n_epochs, 'epoch')} " * bool(self.n_epochs)
        fitted = f"same settings, fitted {epochs}to {count(self.n_rows, 'row')}"
        if self.cut_short:
            return f"{self.cut_short}; the {fitted}, {reached}: train on."
        how = f"The {fitted} of this data from random_state={self.seed}, {reached}"
        if self.is_where_it_ended:
            return (
                f"{how}, so this fit ended at a worse place by chance: fit again with another "
                "random_state."
            )
        return (
            f"{how}: is this the data that it was fitted to? If so, fit again with another "
            "random_state."
        )

    def rows(self) -> list[tuple[str, str, str]]:
        """The table: what was changed, the loss, and its share of the constant's."""
        lines = [("as it is", self.loss)]
        lines += [(trial.instead, trial.loss) for trial in self.helped[:SHOWN]]
        both = self.helped_together
        if both is not None:
            lines.insert(2, (both.label, both.loss))
        lines += reversed(self.references.table().items())
        constant = self.references.constant
        return [
            (name, number(loss) if math.isfinite(loss) else "not finite", share_of(loss, constant))
            for name, loss in lines
        ]

    @property
    def heading(self) -> str:
        """What the table is of."""
        return (
            f"{self.measure} when tried, one setting at a time ({count(self.n_rows, 'row')}, "
            f"{count(self.n_epochs, 'epoch') + ', ' if self.n_epochs else ''}the same seed)"
        )

    @property
    def ending(self) -> str:
        """How many changes there were of which the table says nothing."""
        n_others = len(self.tried) - len(self.helped[:SHOWN])
        parts = []
        if n_others:
            parts.append(f"{count(n_others, 'other change')} helped less or not at all")
        if self.n_left_out:
            parts.append(
                f"{count(self.n_left_out, 'change')} not tried: the budget of {self.budget:g} s "
                "was too small"
            )
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON can hold it, also what did not help."""
        of_trials = {"helped": self.helped, "tried": self.tried, "together": self.together}
        return {
            "n_rows": self.n_rows,
            "n_epochs": self.n_epochs,
            "loss": as_json(self.loss),
            "references": as_json(self.references.table()),
            "is_reproduced": self.is_reproduced,
            **{name: [trial.to_dict() for trial in trials] for name, trials in of_trials.items()},
            "n_left_out": self.n_left_out,
        }


def run_trials(
    changes: Sequence[Change],
    settings: Mapping[str, Any],
    fit: Callable[[Change], float | None],
    references: Callable[[int | None], References],
    *,
    budget: float,
) -> tuple[tuple[Trial, ...], int]:
    """Fit with each change in turn, until the budget is used up.

    Parameters
    ----------
    changes : sequence of Change
        The most suspected first.
    settings : mapping
        Of the fit as it is.
    fit : callable
        Gives the loss with that change; None where the settings do not go together.
    references : callable
        Of a code size, or None for that of the fit.
    budget : float
        Seconds. What fits into it is planned before; the clock is a last resort, looked at between
        two trials. It is the clock of this process's work, if the machine has other things to do.

    Returns
    -------
    tried : tuple of Trial
    n_left_out : int
    """
    wall, work = time.monotonic(), time.process_time()
    tried: list[Trial] = []
    for done, change in enumerate(changes):
        if min(time.monotonic() - wall, time.process_time() - work) > budget:
            return tuple(tried), len(changes) - done
        loss = fit(change)
        if loss is None:
            continue
        tried.append(
            Trial(
                settings=dict(change.settings),
                was={name: settings[name] for name in change.settings},
                loss=loss,
                cost=change.cost,
                suspicion=change.suspicion,
                references=references(change.n_components),
                label=change.label,
            )
        )
    return tuple(tried), 0


def _enough(before: float) -> float:
    """Below what share of PCA's gain a change has to come to have helped."""
    return before - max(HELPED, HELPED_MUCH * before) if math.isfinite(before) else before


def _near(best: float, before: float) -> float:
    """Up to what share of PCA's gain a change is as good as the best one."""
    return best + min(AS_GOOD, WORTH_NAMING * (min(before, 1.0) - best))


def _one_of_each(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Of several values of one setting the first, which is the best; the others lie beside it."""
    kept: list[Trial] = []
    for trial in trials:
        if all(set(trial.settings) != set(other.settings) for other in kept):
            kept.append(trial)
    return tuple(kept)
