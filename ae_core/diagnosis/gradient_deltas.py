"""Where on its way back through the layers a delta goes wrong, and how.

With the layers known (`ae_core.diagnosis.gradient_layers`), each step back is one product,
``δ = (δ_next W_nextᵀ) f′(z)``. The step that the gradient under test has taken is compared with the
right one, and with what people write instead.
"""

import numpy as np

from .._typing import Array
from .gradient_calls import Sample
from .gradient_evidence import Evidence
from .gradient_findings import CaseCheck
from .gradient_layers import (
    LARGEST,
    Layer,
    Step,
    Tolerance,
    activations,
    claims,
    find_layers,
    right_gradients,
)
from .gradient_penalties import penalty_parts

RIGHT = "right"
FIRST = ("softmax", "missing", "sign", "not transposed", "twice")
"""What is named first where more than one mistake fits on all rows."""
ROWS = 3
"""On so many rows the same must be seen: on one alone, chance may have it."""


def about_deltas(evidence: Evidence, case: CaseCheck, sample: Sample) -> list[str] | None:
    """What is said of a gradient whose error comes from one step back, or at the output.

    None unless all that is wrong is explained so: every wrong array belongs to a layer whose delta
    is wrong, and every delta but those of the steps named follows rightly from the next one.
    """
    failed = {k for k, array in enumerate(case.arrays) if not array.passed}
    if any(evidence.structure.sizes[k] > LARGEST for k in failed):
        return None  # its right gradient would take too long
    layers: dict[int, Layer] = {}
    hows: dict[int, list[set[str]]] = {}
    for row in telling_rows(evidence, sample):
        for layer, several in _on_row(evidence, failed, row):
            known = layers.setdefault(layer.weight, layer)
            if [k.weight for k in known.followers] != [k.weight for k in layer.followers]:
                continue  # on a row on which units are dead less can be told
            hows.setdefault(layer.weight, []).append(several)
        if hows and min(map(len, hows.values())) >= ROWS:
            break
    how = {k: set.intersection(*several) for k, several in hows.items()}
    wrong = [(layer, how[k]) for k, layer in layers.items() if RIGHT not in how[k]]
    if not wrong or any(len(hows[layer.weight]) < 2 for layer, _ in wrong):
        return None
    output = [layer for layer, _ in wrong if not layer.followers]
    hidden = [layer for layer, _ in wrong if layer.followers]
    if output and (hidden or sum(not layer.followers for layer in layers.values()) > 1):
        return None  # what follows a layer may not be known, and then it is no output
    known_arrays = {k for layer in layers.values() for k in (layer.weight, layer.bias)}
    if output and any(
        a.passed and a.analytic.any() and k not in known_arrays for k, a in enumerate(case.arrays)
    ):
        return None  # the same: what is right may come after it
    named = [(layer, min(several, key=_rank, default="")) for layer, several in wrong]
    if output:
        return _about_output(case, named[0][1], len(layers))
    return _about_hidden(case, named, evidence.structure.names)


def _rank(how: str) -> tuple[int, str]:
    word = next((i for i, name in enumerate(FIRST) if how.startswith(name)), len(FIRST))
    return word, how


def telling_rows(evidence: Evidence, sample: Sample) -> list[Sample]:
    """That row, and more: of the caller's, mixtures of them, and that row itself changed a little.

    Of the last, in case the units of a layer are all off on the others.
    """
    n = min(evidence.data.n_rows, 4 * ROWS) + 2 * ROWS
    others = evidence.mixtures(n)
    rows = [evidence.part(others, (i,)) for i in range(n)]
    first = next(iter(sample.arrays.values()))
    rows = [r for r in rows if not _same(next(iter(r.arrays.values())), first)]
    if first.dtype.kind == "f":
        rows += [_changed(evidence, sample) for _ in range(2 * ROWS)]
    return [sample, *rows]


def _changed(evidence: Evidence, sample: Sample) -> Sample:
    """A row with each of its numbers changed by up to a tenth."""
    X = sample.arrays["X"]
    X = X * evidence.random.uniform(0.9, 1.1, X.shape)
    return Sample(f"{sample.label}, changed", 1, {**sample.arrays, "X": X})


def _same(a: Array, b: Array) -> bool:
    return bool((a == b).all())


def _on_row(evidence: Evidence, failed: set[int], sample: Sample) -> list[tuple[Layer, set[str]]]:
    """The layers, and how each one's delta may have come about; none if not all is explained."""
    tolerance = Tolerance(evidence)
    x = next(iter(sample.arrays.values())).ravel().astype(np.float64)
    right = right_gradients(evidence, failed, sample)
    gradient = evidence.call(sample).gradient
    for parts in penalty_parts(evidence, right, tolerance.rank):
        data = [None if g is None else g - p for g, p in zip(right, parts, strict=True)]
        layers = find_layers(evidence, data, x, tolerance)
        tested = [
            gradient[part].reshape(shape) - p
            for part, shape, p in zip(
                evidence.structure.slices, evidence.structure.shapes, parts, strict=True
            )
        ]
        claims(tested, layers, tolerance)
        covered = {k for layer in layers for k in (layer.weight, layer.bias)}
        covered |= {
            k for k, (a, b) in enumerate(zip(data, tested, strict=True)) if _are_nothing(a, b)
        }
        if not failed <= covered or any(layer.claimed is None for layer in layers):
            continue
        found = []
        for layer in layers:
            how = (
                _hidden_step(evidence, layer, tolerance)
                if layer.followers
                else _output_step(layer, tolerance)
            )
            if how is None:
                return []
            found.append((layer, how))
        return found
    return []


def _are_nothing(a: Array | None, b: Array) -> bool:
    """Whether an array's gradient is zero and should be: behind units that are dead on a row."""
    return a is not None and float(np.abs(a).max(initial=0.0) + np.abs(b).max(initial=0.0)) < 1e-9


# --- a step back through hidden layers -----------------------------------------------------------


def _hidden_step(evidence: Evidence, layer: Layer, tolerance: Tolerance) -> set[str] | None:
    """How the claimed delta of a layer may come from those of the layers that follow it.

    None when the right one does not come from them either: then more follows than is known.
    """
    step = layer.step
    assert step is not None
    assert layer.claimed is not None
    true = sum(_back(evidence, k, k.delta) for k in layer.followers) * step.slope
    if not tolerance.equal(true, layer.delta):
        return {RIGHT} if tolerance.equal(layer.claimed, layer.delta) else None
    back = np.asarray(sum(_back(evidence, k, k.claimed) for k in layer.followers))
    mistakes = [(RIGHT, back * step.slope), *_mistakes(evidence, layer, step, back)]
    return {how for how, delta in mistakes if tolerance.equal(layer.claimed, delta)}


def _back(evidence: Evidence, layer: Layer, delta: Array | None, *, plain: bool = False) -> Array:
    """δ Wᵀ; or δ W, as when the transpose is forgotten."""
    W = evidence.values(layer.weight).reshape(evidence.structure.shapes[layer.weight])
    matrix = W.T if layer.is_columns != plain else W
    assert delta is not None
    return matrix @ delta


def _mistakes(evidence: Evidence, layer: Layer, step: Step, back: Array) -> list[tuple[str, Array]]:
    """What people write instead of the right step, and the delta that comes of it."""
    z, a = layer.sums, step.output
    found = [("missing", back), ("sign", -back * step.slope), ("twice", back * step.slope**2)]
    if len(layer.followers) == 1 and layer.followers[0].claimed is not None:
        after = layer.followers[0].claimed
        if after.shape == z.shape:
            found += [("skipped", after), ("skipped, but for the slope", after * step.slope)]
    if all(k.sums.size == k.inputs.size for k in layer.followers):
        plain = sum(_back(evidence, k, k.claimed, plain=True) for k in layer.followers)
        found.append(("not transposed", plain * step.slope))
        found.append(("not transposed, missing", plain))
    right = back * step.slope
    if z.size > 1 and layer.claimed is not None and right.any():
        c = float(layer.claimed @ right) / float(right @ right)
        found.append((f"times {c:.4g}", c * right))
    of_sums = {s.name: s.slope for s in activations(z)}
    of_output = {s.name: s.slope for s in activations(a)}
    in_terms_of_a = {"logistic": z * (1 - z), "tanh": 1 - z**2, "softplus": 1 - np.exp(-z)}
    if step.name in in_terms_of_a:
        found.append(("of sums", back * in_terms_of_a[step.name]))
    if step.name in of_output:
        found.append(("of output", back * of_output[step.name]))
    for name, slope in of_sums.items():
        if name not in (step.name, "identity"):
            found.append((f"of {name}", back * slope))
    for name, slope in {"logistic": a * (1 - a), "tanh": 1 - a**2}.items():
        if name != step.name:
            found.append((f"of {name}", back * slope))
    return found


def _about_hidden(case: CaseCheck, wrong: list[tuple[Layer, str]], names: list[str]) -> list[str]:
    failed = ", ".join(a.name for a in case.failed)
    right = ", ".join(a.name for a in case.arrays if a.passed)
    head = f"Wrong: {failed}; right: {right}. " if right else "Every array is wrong. "
    sentences: list[str] = []
    for how in dict.fromkeys(how for _, how in wrong):
        layers = [layer for layer, other in wrong if other == how]
        through = ", ".join(
            dict.fromkeys(names[k.weight] for layer in layers for k in layer.followers)
        )
        of = {layer.step.name for layer in layers if layer.step is not None}
        kind = f" (of {of.pop()})" if len(of) == 1 else ""
        start = "So the delta" if not sentences else "And it"
        sentences.append(
            f"{start} goes wrong on its way back through {through}: {_hidden(how, through, kind)}"
        )
    return [head + " ".join(sentences)]


def _hidden(how: str, through: str, kind: str) -> str:
    slope = f"the derivative of the activation before it{kind}"
    if how.startswith("times "):
        return f"there it becomes {how[6:]} times what it should be."
    if how == "skipped":
        return "the delta of what comes after is taken as it is, not carried back at all."
    if how == "skipped, but for the slope":
        return f"the delta after it is only multiplied by {slope}, not by {through}, transposed."
    if how == "missing":
        return f"there it is not multiplied by {slope}."
    if how == "sign":
        return f"is {through} used transposed there, and nothing else? Its sign is wrong there."
    if how == "twice":
        return f"it is multiplied by {slope} twice."
    if how == "not transposed":
        return (
            f"is {through} used transposed there? What comes out is what {through} itself, not "
            "transposed, makes of it."
        )
    if how == "not transposed, missing":
        return (
            f"is {through} used transposed there? What comes out is what {through} itself makes of "
            f"it, and it is not multiplied by {slope}."
        )
    if how == "of sums":
        return f"{slope} is written in terms of its output, a formula of a = f(z), but is given z."
    if how == "of output":
        return f"{slope} is taken at the activation's output, a = f(z), not at z."
    if how.startswith("of "):
        return f"it is multiplied by the derivative of {how[3:]}, not by {slope}."
    return f"is {through} used transposed there, and is the result multiplied by {slope}?"


# --- the output -----------------------------------------------------------------------------------


def _output_step(layer: Layer, tolerance: Tolerance) -> set[str]:
    """How the claimed delta of the output may differ from the right one."""
    assert layer.claimed is not None
    delta, claimed, z = layer.delta, layer.claimed, layer.sums
    found = (
        {RIGHT} if tolerance.equal(claimed, delta) or not (claimed.any() or delta.any()) else set()
    )
    for step in activations(z):
        if tolerance.equal(claimed * step.slope, delta):
            found.add(f"missing {step.name}")
        if tolerance.equal(claimed, delta * step.slope):
            found.add(f"superfluous {step.name}")
    # δ = f′(z) · dC/da, with another quantity in place of z.
    for name, slope in (("logistic", z * (1 - z)), ("tanh", 1 - z**2)):
        right = next(s for s in activations(z) if s.name == name)
        again = next(s.slope for s in activations(right.output) if s.name == name)
        if tolerance.equal(claimed * right.slope, delta * slope):
            found.add(f"of sums {name}")
        if tolerance.equal(claimed * right.slope, delta * again):
            found.add(f"of output {name}")
        if tolerance.equal(claimed, delta * slope):
            found.add(f"superfluous {name}")
    if _is_elementwise_softmax(delta, claimed, z, tolerance):
        found.add("softmax")
    return found


def _is_elementwise_softmax(delta: Array, claimed: Array, z: Array, tolerance: Tolerance) -> bool:
    """Whether p (1 - p) was taken for the derivative of p = softmax(z).

    The right delta is p (u - p·u), where u = dC/dp, so δ / p is u but for a constant; and its sum
    is zero. Taken elementwise it is p (1 - p) u.
    """
    if z.size < 2 or abs(delta.sum()) > tolerance.same * np.abs(delta).max(initial=0.0):
        return False
    e = np.exp(z - z.max())
    p = e / e.sum()
    if p.min() < 1e-12:
        return False
    slope = p * (1 - p)
    v = delta / p
    c = float(slope @ (claimed - slope * v)) / float(slope @ slope)
    return tolerance.equal(claimed, slope * (v + c))


def _about_output(case: CaseCheck, how: str, n_layers: int) -> list[str]:
    failed = ", ".join(a.name for a in case.failed)
    which = "Every array is wrong" if len(case.failed) == len(case.arrays) else f"Wrong: {failed}"
    found = (
        f"{which}: start at the output, with the derivative of the cost and of the last activation"
    )
    if n_layers > 1:
        found += "; all other deltas are made from that one"
    return [f"{found}. {_output(how)}" if how else f"{found}."]


def _output(how: str) -> str:
    if how == "softmax":
        return (
            "The softmax is taken as if it were elementwise: its derivative is used as p (1 - p), "
            "but each output depends on all sums, -p_i p_j beside the diagonal."
        )
    what, _, name = how.rpartition(" ")
    if what == "missing":
        return f"The derivative of the output's activation ({name}) is missing there."
    if what == "superfluous":
        return (
            f"It is multiplied by the derivative of {name} there, which has no place in it: the "
            "output is linear, or its activation's derivative cancels against the cost's or is "
            "there already."
        )
    if what == "of sums":
        return (
            f"The derivative of {name} is written in terms of its output there, a formula of "
            "a = f(z), but is given z."
        )
    return f"The derivative of {name} is taken at the activation's output there, not at z."
