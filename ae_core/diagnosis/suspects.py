"""Which settings of a poor fit to change, one at a time, and in which order.

A setting that differs from its default is suspected first, and what holds training back (penalties,
noise, clipping) before what shapes it. `trials` tries them; being suspected says nothing yet.
"""

import math
import numbers
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..basics.arguments import is_number

MORE_EPOCHS = (5, 25)
"""Times as many; the second only where there were very few."""
DECADES_DOWN = (1e1, 1e2, 1e3, 1e4, 1e6, 1e8)
"""What a rate is divided by if the loss overflowed; unscaled data may need that much."""
USUAL_RATES = {"sgd": 1e-2}
"""Where one starts with a solver; with the others here:"""
USUAL_RATE = 3e-3
NEAR = 3.0
"""Two rates less than this factor apart are one."""
FAR_FROM_USUAL = 10.0
"""Times the usual rate, or a fraction of it: from there on it is suspected first."""
STRONG_ALPHA = 0.99
"""A penalty from which it may keep a network from learning, even where it is the default."""
FEW_EPOCHS, VERY_FEW_EPOCHS = 30, 10

OFF: tuple[tuple[str, Any, str], ...] = (
    ("dropout", 0.0, "units may come to rely on each other"),
    ("alpha", 0.0, "nothing keeps the weights small"),
    ("alpha_l1", 0.0, "no weight is driven to 0"),
    ("code_l1", 0.0, "the code is not sparse any more"),
    ("sparsity", 0.0, "the code is not sparse any more"),
    ("contraction", 0.0, "the code follows small changes of a row"),
    ("k_sparse", None, "every row uses all units of the code"),
)
"""Setting, its value when switched off, and what is lost then."""

NOT_SUSPECTED = {
    "n_components",
    "random_state",
    "n_threads",
    "dtype",
    "verbose",
    "warm_start",
    "columns",
    "missing_values",
    "loss",
    "feature_weights",
    "validation_fraction",
    "sparsity_target",
    "early_stopping",
}
"""What a fit is about, and what changes no fit."""
TREATED_BY_THEMSELVES = {
    *(name for name, _, _ in OFF),
    "learning_rate_init",
    "max_iter",
    "solver",
    "beta",
    "corruption",
    "corruption_level",
    "clip_norm",
    "batch_size",
    "scale",
    "output_activation",
    "code_activation",
    "activation",
    "hidden_layer_sizes",
}
"""Of these more than the default is tried, or only under conditions."""


@dataclass(frozen=True)
class Change:
    """One setting, changed; or what has to change with it."""

    settings: Mapping[str, Any]
    """Name → new value."""
    cost: str = ""
    """What is lost by it, to end a sentence with."""
    suspicion: int = 1
    """0: the setting is unusual; 1: it may be the reason; 2: only if nothing else is."""
    work: float = 1.0
    """Times the work of the fit as it is."""
    n_components: int | None = None
    """Where the code has another size, and so PCA that it is compared with."""
    label: str = ""
    """What to call it; by default the settings."""


@dataclass(frozen=True)
class Fit:
    """What is known of a fit whose settings are suspected."""

    settings: Mapping[str, Any]
    defaults: Mapping[str, Any]
    n_columns: int
    has_hidden_layers: bool = True
    """Beside the code."""
    diverged: bool = False
    """Whether the loss went beyond all numbers."""

    def has(self, name: str) -> bool:
        """Whether the estimator has that setting, at another value than its default."""
        return name in self.settings and self.settings[name] != self.defaults[name]

    def defaults_but_for(self, others: set[str]) -> dict[str, Any]:
        """Name → default of the settings that have another value, but for some."""
        names = [name for name in self.settings if name not in others and self.has(name)]
        return {name: self.defaults[name] for name in names}


def suspects(fit: Fit) -> list[Change]:
    """The changes to try, the most suspected first."""
    found = [
        *_what_holds_back(fit),
        *_rates(fit),
        *_to_defaults(fit, NOT_SUSPECTED | TREATED_BY_THEMSELVES),
        *_training(fit),
        *_shape(fit),
        *_another_start(fit),
    ]
    return sorted(found, key=lambda change: change.suspicion)  # stable: the order above decides


def _what_holds_back(fit: Fit) -> Iterator[Change]:
    s = fit.settings
    # beta=1 is what makes the loss a bound; a smaller one is no fault of the fit.
    if _more(s.get("beta"), 1):
        yield Change({"beta": 1.0}, "codes stray further from a normal distribution", 0)
    if _more(s.get("beta"), 0.1):
        yield Change({"beta": 0.1}, "the loss is no bound on a likelihood then", 1)
    for name, off, cost in OFF:
        if fit.has(name) and s[name] and (name != "alpha" or s[name] > fit.defaults["alpha"]):
            yield Change({name: off}, cost, 0)
        elif name == "alpha" and _more(s.get(name), STRONG_ALPHA):  # of ratings and counts usual
            yield Change({name: off}, cost, 1)
    if s.get("corruption") is not None:
        level = fit.defaults["corruption_level"]
        cost = "it no longer learns to undo noise"
        if _more(s["corruption_level"], level):
            # The level is what is unusual, so it is what is changed, also to none at all.
            yield Change({"corruption_level": level}, "there is less noise to undo", 0)
            yield Change({"corruption_level": level / 10}, "hardly any noise to undo", 0)
            yield Change({"corruption_level": 0.0}, cost, 0)
        else:  # what a fit has by default is suspected less
            yield Change({"corruption": None}, cost, 0 if fit.has("corruption") else 1)
    if s.get("clip_norm") is not None:
        yield Change({"clip_norm": None}, "one bad batch can throw the weights far", 0)
        if _more(1.0, s["clip_norm"]):
            yield Change({"clip_norm": 1.0}, "steps may be that much longer", 0)


def _rates(fit: Fit, usual: float | None = None) -> list[Change]:
    s = fit.settings
    rate: Any = s.get("learning_rate_init")
    solver = s.get("solver", "adam")
    if solver == "lbfgs" or not is_number(rate) or not rate > 0:
        return []
    usual = USUAL_RATES.get(solver, USUAL_RATE) if usual is None else usual
    if fit.diverged:
        wanted = [rate / decade for decade in DECADES_DOWN]
    else:
        wanted = [usual, usual / 10, usual * 10, rate * 10, rate / 10, usual / 100, usual * 100]
    chosen: list[float] = []
    for value in wanted:
        if all(_factor(value, other) >= NEAR for other in (rate, *chosen)):
            chosen.append(float(f"{value:.3g}"))
    suspicion = 0 if fit.diverged or _factor(rate, usual) > FAR_FROM_USUAL else 1
    return [Change({"learning_rate_init": value}, "", suspicion) for value in chosen]


def _training(fit: Fit) -> Iterator[Change]:
    epochs: Any = fit.settings.get("max_iter")
    if is_number(epochs) and epochs >= 1:
        suspicion = 0 if epochs < FEW_EPOCHS else 1
        several = MORE_EPOCHS if epochs < VERY_FEW_EPOCHS else MORE_EPOCHS[:1]
        yield from (_longer("max_iter", int(epochs) * n, n, suspicion) for n in several)
    if fit.has("batch_size"):
        yield Change({"batch_size": fit.defaults["batch_size"]}, "", 0)
    if fit.settings.get("early_stopping"):
        yield Change({"early_stopping": False, "tol": None}, "no rows are held out to stop by", 1)


def _longer(name: str, steps: int, times: float, suspicion: int) -> Change:
    """More epochs or steps, which take so many times as long."""
    return Change({name: steps}, f"{times:.3g} times the time", suspicion, float(times))


def _shape(fit: Fit) -> Iterator[Change]:
    s = fit.settings
    if fit.has("scale") and s["scale"] not in ("standard", "biases"):
        yield Change({"scale": "standard"}, "training then goes by the loss of scaled columns", 0)
    for name in ("output_activation", "code_activation"):
        if fit.has(name):
            yield Change({name: fit.defaults[name]}, "", 0)
    if "activation" in s and fit.has_hidden_layers:
        others = [a for a in ("elu", "tanh", "leaky_relu") if a != s["activation"]]
        suspicion = 0 if fit.has("activation") else 2
        yield from (Change({"activation": other}, "", suspicion) for other in others[:2])
    k: Any = s.get("n_components")
    if fit.has("hidden_layer_sizes"):
        settings = {"hidden_layer_sizes": fit.defaults["hidden_layer_sizes"]}
        if fit.has("decoder_layer_sizes"):
            settings["decoder_layer_sizes"] = None
        is_narrow = _narrowest(s["hidden_layer_sizes"]) < 2 * (k if is_number(k) else 1)
        yield Change(settings, "another number of weights", 0 if is_narrow else 1)
    if is_number(k) and 2 * k <= fit.n_columns:
        longer = int(2 * k)
        yield Change({"n_components": longer}, "a longer code", 2, n_components=longer)


def _to_defaults(fit: Fit, others: set[str]) -> list[Change]:
    """Each setting that differs from its default, but for some."""
    return [Change({name: was}, "", 0) for name, was in fit.defaults_but_for(others).items()]


def _another_start(fit: Fit) -> Iterator[Change]:
    if fit.settings.get("solver", "adam") not in ("adam", "adamw"):
        # Tried last: a rate that suits one solver says nothing about another.
        yield Change({"solver": "adam", "learning_rate_init": USUAL_RATE}, "", 0)
    seed: Any = fit.settings["random_state"]
    yield Change({"random_state": int(seed) + 1 if is_number(seed) else 1}, "", 2)


USUAL_RATE_OF_A_DETECTOR = 0.01
"""Its networks take few steps."""


def detector_suspects(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[Change]:
    """The changes to try where a detector's networks have not learned, the most suspected first."""
    fit = Fit(settings, defaults, 0)
    found = _rates(fit, USUAL_RATE_OF_A_DETECTOR)
    steps, usual = int(settings["n_steps"]), defaults["n_steps"]
    suspicion = 0 if steps < usual else 1
    if steps < usual:
        found.append(_longer("n_steps", usual, usual / steps, suspicion))
    found += [_longer("n_steps", steps * times, times, suspicion) for times in MORE_EPOCHS]
    told = {"contamination", "n_threads", "random_state", "learning_rate_init", "n_steps"}
    found += _to_defaults(fit, told)
    return sorted(found, key=lambda change: change.suspicion)


def all_defaults(fit: Fit) -> Change | None:
    """The defaults of all settings that may be suspected, if these are several."""
    others = fit.defaults_but_for(NOT_SUSPECTED)
    if fit.settings.get("max_iter", 0) > fit.defaults.get("max_iter", 0):
        others.pop("max_iter", None)  # fewer epochs are nothing to try
    if len(others) < 2:
        return None
    return Change(others, "", 2, label=f"the defaults of {', '.join(others)}")


def beside(fit: Fit, first: Change, changes: list[Change]) -> Iterator[Change]:
    """What to try with a change that helped and left much: each other setting that is unusual.

    At last the defaults of all, as two that hide each other's gain may both have to go.
    """
    unusual = [change for change in changes if change.suspicion == 0 and not change.n_components]
    for change in unusual:
        if change.settings.keys() & first.settings.keys():
            continue
        names = ", ".join(f"{name}={shown(value)}" for name, value in change.settings.items())
        yield Change(
            {**first.settings, **change.settings},
            change.cost,
            0,
            max(first.work, change.work),
            first.n_components,
            label=f"with {names} as well",
        )
    together = all_defaults(fit)
    if together is not None:
        yield together


def to_fill_in(fit: Fit) -> Iterator[Change]:
    """The changes to try where hidden entries are filled in badly: what makes copying harder."""
    if fit.settings.get("corruption") != "masking":
        settings = {"corruption": "masking"}
        if fit.settings["corruption_level"] >= 1:  # a standard deviation, and no share
            settings["corruption_level"] = fit.defaults["corruption_level"]
        yield Change(settings, "seen entries come back less exactly", 0)
    k = fit.settings["n_components"]
    for smaller in (fit.n_columns // 2, fit.n_columns // 4):
        if 1 <= smaller < k:
            yield Change({"n_components": smaller}, "a shorter code", 1)


def _narrowest(sizes: Any) -> float:
    """Units of the narrowest hidden layer; no limit where the sizes are no list of numbers."""
    widths = sizes if isinstance(sizes, list | tuple) else [sizes]
    return min((float(width) for width in widths if is_number(width)), default=math.inf)


def _factor(a: float, b: float) -> float:
    return max(a / b, b / a)


def shown(value: Any) -> str:
    """A setting's value as messages write it."""
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return f"{value:g}" if not isinstance(value, numbers.Integral) else str(int(value))
    return repr(value)


def _more(a: Any, b: Any) -> bool:
    return is_number(a) and is_number(b) and float(a) > float(b)
