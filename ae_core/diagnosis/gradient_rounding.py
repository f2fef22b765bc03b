"""How exactly a function computes: the rounding of its cost, and what steps follow from it.

References
----------
Moré & Wild 2011, "Estimating computational noise", for the rounding of a cost; Higham 2002,
"Accuracy and stability of numerical algorithms", for what rounding is.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from .._typing import Array
from .gradient_calls import Misreturned, Sample, Subject

EPS = float(np.finfo(np.float64).eps)
STEP = EPS ** (1 / 3)  # balances rounding (EPS / h) and truncation (h²) of a central difference
LARGEST_STEP, LARGEST_TOLERANCE = 0.1, 0.1
SPACINGS = (2.0**-21, 2.0**-8)
"""Distances at which rounding is measured: several of float32's, and of float16's, last digits."""
N_POINTS, N_RAYS = 9, 3
FINE, ROUGH = 1e-11, 1e-5
"""Relative jitter of a cost: below the one it is computed in float64, above the other (and not in
float16) its differences say nothing."""

TYPES: dict[str, Any] = {"float32": np.float32, "float16": np.float16}


class Incomparable(Exception):
    """A cost whose differences tell nothing of its slopes; the argument is what to say of it."""


class NotDeterministic(Exception):
    """Two equal computations came out differently."""


class Rounding(NamedTuple):
    """How exactly a function computes: the rounding of its cost and gradient."""

    cost: float = 0.0
    """Standard deviation of the cost's rounding, absolute."""
    gradient: Array | float = 0.0
    """(n_params,) the same of each element of the gradient."""
    digits: str = "float64"
    """'float64', 'float32', 'float16', or how many digits are right: 'about 7 digits'."""
    relative: float = EPS
    """Of the cost."""

    @property
    def is_coarse(self) -> bool:
        """Whether the function computes in less than float64."""
        return self.digits != "float64"

    def on(self, cost: float, gradient: Array) -> "Rounding":
        """The same precision with another cost and gradient."""
        if not self.is_coarse:
            return Rounding()
        eps = float(np.finfo(TYPES[self.digits]).eps) if self.digits in TYPES else self.relative
        size = float(np.abs(gradient[np.isfinite(gradient)]).max(initial=0.0))
        # A third of eps: the standard deviation of rounding to the nearest number.
        return Rounding(eps / 3 * abs(cost), eps / 3 * size, self.digits, eps)

    @property
    def step(self) -> float:
        """The step, relative to a parameter of size 1, that balances the errors."""
        return float(np.clip(self.relative ** (1 / 3), STEP, LARGEST_STEP))

    def tolerance(self, asked: float) -> float:
        """The relative error that a right gradient may have."""
        least = min(10 * self.relative ** (2 / 3), LARGEST_TOLERANCE)
        return max(asked, least) if self.is_coarse else asked

    @property
    def of_sums(self) -> float:
        """Relative difference up to which two sums are the same, added up in other orders."""
        return max(1e-9, 100 * self.relative)

    def on_grid(self, value: float) -> float:
        """The value as the function will see it, so that its rounding is no error of the step."""
        kind = TYPES.get(self.digits)
        return value if kind is None else float(kind(value))


def measure_rounding(subject: Subject, sample: Sample, vector: Array, random: Any) -> Rounding:
    """How much cost and gradient jitter, from their values at points that are very near.

    A smooth function's fourth and higher differences vanish there; what remains is rounding (Moré &
    Wild 2011, section 4). Three directions are looked at and the calmest one is believed, because
    the others may have met a kink.

    Parameters
    ----------
    subject : Subject
    sample : Sample
    vector : array of shape (n_params,)
    random : Generator
        For the directions.

    Raises
    ------
    Incomparable
        When the cost is no smooth function.
    """
    try:
        ray, is_near = _calmer_ray(subject, sample, vector, random)
    except Misreturned:  # not finite so near: nothing can be told
        return Rounding()
    size, scale = float(np.abs(ray.costs).max()), float(np.abs(ray.gradients).max(initial=0.0))
    of_cost = ray.jitter / size if size > 0 else 0.0
    of_gradient = float(ray.jitters.max(initial=0.0)) / scale if scale > 0 else 0.0
    typed = [n for n, kind in TYPES.items() if n in ray.types and _is_of(ray.costs, kind)]
    if of_cost < FINE and of_gradient < FINE and not typed:
        return Rounding(ray.jitter, ray.jitters)
    for name, kind in TYPES.items():
        eps = float(np.finfo(kind).eps)
        is_cost = eps / 300 < of_cost < 100 * eps and (
            name in ray.types
            or _is_of(ray.costs, kind)
            or (is_near and _is_cast(subject, sample, vector, random))
        )
        # A dtype says how coarse it can be; what was computed in float64 and cast is as exact.
        is_gradient = eps / 300 < of_gradient < 100 * eps and _is_of(ray.gradients, kind)
        if is_cost or is_gradient or name in typed:
            # Jitter may be absent by chance; assume that of rounding to the nearest number.
            cost, jitters = ray.jitter, np.maximum(ray.jitters, eps / 4 * scale)
            cost = max(cost, eps / 4 * size) if is_cost or _is_of(ray.costs, kind) else cost
            return Rounding(cost, jitters, name, max(of_cost, eps))
    if of_cost < FINE or not is_near:
        return Rounding(0.0 if of_cost > FINE else ray.jitter)  # all rays have met a kink
    if of_cost >= ROUGH:
        raise Incomparable(
            f"The cost jumps by about {ray.jitter:.1g} between params that differ by a millionth: "
            "its differences say nothing of its slope. Is something rounded, sorted, counted or "
            "solved only roughly in it?"
        )
    digits = f"about {round(-math.log10(of_cost))} digits"
    return Rounding(ray.jitter, ray.jitters, digits, of_cost)


def _is_of(values: Array, kind: Any) -> bool:
    """Whether all values can be represented in that type."""
    return bool((values == values.astype(kind)).all() and values.any())


def _is_cast(subject: Subject, sample: Sample, vector: Array, random: Any) -> bool:
    """Whether changes far below float32's last digit make no difference at all.

    Not where they would make none in float64 either, as larger ones show.
    """
    here = subject.cost(vector, sample)
    changes = random.uniform(-1, 1, (4, *vector.shape))
    larger = max(abs(subject.cost(vector * (1 + 2.0**-12 * c), sample) - here) for c in changes)
    if larger * 2.0**-28 < 8 * EPS * abs(here):
        return False
    return all(subject.cost(vector * (1 + 2.0**-40 * c), sample) == here for c in changes)


class Ray(NamedTuple):
    """Costs and gradients at points in a row."""

    costs: Array
    """(N_POINTS,)"""
    gradients: Array
    """(N_POINTS, n_params)"""
    jitter: float
    """Of the costs: a standard deviation."""
    jitters: Array
    """(n_params,) of the gradients."""
    types: frozenset[str]
    """Names of the dtypes that they came in."""


def _calmer_ray(subject: Subject, sample: Sample, vector: Array, random: Any) -> tuple[Ray, bool]:
    """The calmest of several rays, and whether it has float32's spacing, if costs vary there."""
    for spacing in SPACINGS:
        rays = [_ray(subject, sample, vector, spacing, random) for _ in range(N_RAYS)]
        changing = [ray for ray in rays if ray.costs.min() != ray.costs.max()]
        if changing:
            return min(changing, key=lambda ray: ray.jitter), spacing == SPACINGS[0]
    return rays[0], False


def _ray(subject: Subject, sample: Sample, vector: Array, spacing: float, random: Any) -> Ray:
    direction = random.uniform(0.5, 1, vector.shape) * random.choice([-1, 1], vector.shape)
    size = np.abs(vector)
    typical = float(size[size > 0].mean()) if size.any() else 1.0
    direction *= spacing * np.where(size > 0, size, typical)
    # Not from the point itself, where a kink may be.
    results = [subject(vector + k * direction, sample) for k in range(1, N_POINTS + 1)]
    costs = np.array([r.cost for r in results])
    if _jitter(costs) > FINE * np.abs(costs).max():
        again = [subject.cost(vector + k * direction, sample) for k in range(1, N_POINTS + 1)]
        if (np.abs(costs - again) > FINE * np.abs(costs)).any():
            raise NotDeterministic
    gradients = np.array([np.where(np.isfinite(r.gradient), r.gradient, 0) for r in results])
    types = frozenset().union(*(r.types for r in results))
    return Ray(costs, gradients, float(_jitter(costs)), _jitter(gradients), types)


def _jitter(values: Array) -> Array:
    """Standard deviation of what is not smooth in a sequence (n, …) of values."""
    estimates = []
    for order in range(1, 7):
        values = np.diff(values, axis=0)
        if order >= 4:
            scale = math.factorial(order) ** 2 / math.factorial(2 * order)
            estimates.append(np.sqrt(scale * np.mean(values**2, axis=0)))
    return np.max(estimates, axis=0)
