"""Where on its way back through the layers a delta goes wrong, and how.

With the layers known (`ae_core.diagnosis.gradient_layers`), each step back is one product,
``δ = (δ_next W_nextᵀ) f′(z)``. The step that the gradient under test has taken is compared with the
right one, and with what people write instead. A mistake goes by the sentence that says it.
"""

from collections.abc import Iterator

import numpy as np

from .._typing import Array
from ..formulas.activations import ACTIVATIONS
from .gradient_calls import Sample
from .gradient_evidence import Evidence
from .gradient_findings import CaseCheck
from .gradient_layers import (
    LARGEST,
    ROWS,
    Layer,
    Tolerance,
    activations,
    claims,
    find_layers,
    right_gradients,
    telling_rows,
)
from .gradient_penalties import penalty_parts

RIGHT = "right"
UNKNOWN = "is {through} used transposed there, and is the result multiplied by {slope}?"
"""Said of a step back that is wrong in no known way."""


def about_deltas(evidence: Evidence, case: CaseCheck, sample: Sample) -> list[str] | None:
    """Explain an error that comes from one step of backpropagation, or from the output.

    None unless that explains everything: every wrong array must belong to a layer whose delta is
    wrong, and every delta other than those named must follow correctly from the next one.
    """
    failed = {k for k, array in enumerate(case.arrays) if not array.passed}
    if any(evidence.structure.sizes[k] > LARGEST for k in failed):
        return None  # its right gradient would take too long
    layers: dict[int, Layer] = {}
    seen: dict[int, list[list[str]]] = {}
    for row in telling_rows(evidence, sample):
        for layer, mistakes in _on_row(evidence, failed, row):
            known = layers.setdefault(layer.weight, layer)
            if [k.weight for k in known.followers] != [k.weight for k in layer.followers]:
                continue  # a row on which units are dead shows fewer layers
            seen.setdefault(layer.weight, []).append(mistakes)
        if seen and min(map(len, seen.values())) >= ROWS:
            break
    wrong: list[tuple[Layer, str]] = []
    for k, layer in layers.items():
        common = [one for one in seen[k][0] if all(one in others for others in seen[k])]
        if RIGHT in common:
            continue
        if len(seen[k]) < 2:
            return None
        wrong.append((layer, common[0] if common else ""))
    n_outputs = sum(not layer.followers for layer in layers.values())
    is_output = any(not layer.followers for layer, _ in wrong)
    if not wrong or (is_output and max(len(wrong), n_outputs) > 1):
        return None  # a layer that was not found may follow, so this may be no output
    if not is_output:
        return _about_hidden(case, wrong, evidence.structure.names)
    known_arrays = {k for layer in layers.values() for k in (layer.weight, layer.bias)}
    if any(
        a.passed and a.analytic.any() and k not in known_arrays for k, a in enumerate(case.arrays)
    ):
        return None  # likewise: an array that is right may belong to a layer that follows
    return _about_output(case, wrong[0][1], len(layers))


def _on_row(evidence: Evidence, failed: set[int], sample: Sample) -> list[tuple[Layer, list[str]]]:
    """The layers, each with the mistakes that give its delta; empty if not all is explained."""
    tolerance = Tolerance(evidence)
    right, gradient = right_gradients(evidence, failed, sample), evidence.gradients(sample)
    for parts in penalty_parts(evidence, right, tolerance.rank):
        data = [g - part for g, part in zip(right, parts, strict=True)]
        tested = [g - part for g, part in zip(gradient, parts, strict=True)]
        layers = find_layers(evidence, data, sample.row, tolerance)
        claims(tested, layers, tolerance)
        covered = {k for layer in layers for k in (layer.weight, layer.bias)}
        # Behind units that are dead on a row a gradient is zero, and should be.
        sizes = [np.abs([a, b]).max(initial=0.0) for a, b in zip(data, tested, strict=True)]
        covered |= {k for k, size in enumerate(sizes) if size < 1e-9}
        if not failed <= covered or any(not layer.claimed.size for layer in layers):
            continue
        found = []
        for layer in layers:
            step = _hidden_step if layer.followers else _output_step
            mistakes = step(layer, tolerance)
            if mistakes is None:
                return []
            found.append((layer, mistakes))
        return found
    return []


# --- a step back through hidden layers -----------------------------------------------------------


def _hidden_step(layer: Layer, tolerance: Tolerance) -> list[str] | None:
    """How the claimed delta of a layer may come from those of the layers that follow it.

    None when the right one does not come from them either: then more follows than is known.
    """
    assert layer.step is not None
    true = sum(k.W @ k.delta for k in layer.followers) * layer.step.slope
    if not tolerance.equal(true, layer.delta):
        return [RIGHT] if tolerance.equal(layer.claimed, layer.delta) else None
    return [said for said, delta in _hidden(layer) if tolerance.equal(layer.claimed, delta)]


def _hidden(layer: Layer) -> Iterator[tuple[str, Array]]:
    """What people write instead of the right step, and the delta that comes of it.

    The mistake to name first comes first, where more than one fits.
    """
    assert layer.step is not None
    z, a, slope = layer.sums, layer.step.output, layer.step.slope
    back = np.asarray(sum(k.W @ k.claimed for k in layer.followers))
    right = back * slope
    yield RIGHT, right
    yield "there it is not multiplied by {slope}.", back
    yield "is {through} used transposed there, and nothing else? Its sign is wrong there.", -right
    if all(k.sums.size == k.inputs.size for k in layer.followers):
        plain = np.asarray(sum(k.W.T @ k.claimed for k in layer.followers))
        question = "is {through} used transposed there? What comes out is what {through} itself"
        yield f"{question}, not transposed, makes of it.", plain * slope
        yield f"{question} makes of it, and it is not multiplied by {{slope}}.", plain
    yield "it is multiplied by {slope} twice.", right * slope
    if layer.step.name in ACTIVATIONS:
        yield (
            "{slope} is written in terms of its output, a formula of a = f(z), but is given z.",
            back * ACTIVATIONS[layer.step.name].derivative(z),
        )
    for step in activations(a):
        if step.name == layer.step.name:
            yield (
                "{slope} is taken at the activation's output, a = f(z), not at z.",
                back * step.slope,
            )
    others = [(step.name, step.slope) for step in activations(z)]
    others += [(name, ACTIVATIONS[name].derivative(a)) for name in ("logistic", "tanh")]
    for name, other in sorted(others, key=lambda pair: pair[0]):
        if name not in (layer.step.name, "identity"):
            yield (f"it is multiplied by the derivative of {name}, not by {{slope}}.", back * other)
    if len(layer.followers) == 1 and layer.followers[0].claimed.shape == z.shape:
        after = layer.followers[0].claimed
        yield "the delta of what comes after is taken as it is, not carried back at all.", after
        yield (
            "the delta after it is only multiplied by {slope}, not by {through}, transposed.",
            after * slope,
        )
    if z.size > 1 and right.any():
        c = float(layer.claimed @ right) / float(right @ right)
        yield f"there it becomes {c:.4g} times what it should be.", c * right


def _about_hidden(case: CaseCheck, wrong: list[tuple[Layer, str]], names: list[str]) -> list[str]:
    failed = ", ".join(a.name for a in case.failed)
    right = ", ".join(a.name for a in case.arrays if a.passed)
    head = f"Wrong: {failed}; right: {right}. " if right else "Every array is wrong. "
    sentences: list[str] = []
    for mistake in dict.fromkeys(mistake for _, mistake in wrong):
        layers = [layer for layer, other in wrong if other == mistake]
        weights = [names[k.weight] for layer in layers for k in layer.followers]
        through = ", ".join(dict.fromkeys(weights))
        of = {layer.step.name for layer in layers if layer.step is not None}
        kind = f" (of {of.pop()})" if len(of) == 1 else ""
        slope = f"the derivative of the activation before it{kind}"
        start = "So the delta" if not sentences else "And it"
        said = (mistake or UNKNOWN).format(through=through, slope=slope)
        sentences.append(f"{start} goes wrong on its way back through {through}: {said}")
    return [head + " ".join(sentences)]


# --- the output -----------------------------------------------------------------------------------


def _output_step(layer: Layer, tolerance: Tolerance) -> list[str]:
    """How the claimed delta of the output may differ from the right one."""
    delta, claimed, z = layer.delta, layer.claimed, layer.sums
    found = [said for said, a, b in _output(delta, claimed, z) if tolerance.equal(a, b)]
    if not (claimed.any() or delta.any()):
        found.append(RIGHT)
    if _is_elementwise_softmax(delta, claimed, z, tolerance):
        found.insert(
            0,
            "The softmax is taken as if it were elementwise: its derivative is used as p (1 - p), "
            "but each output depends on all sums, -p_i p_j beside the diagonal.",
        )
    return found


def _output(delta: Array, claimed: Array, z: Array) -> Iterator[tuple[str, Array, Array]]:
    """What people write instead of the right delta, and two vectors that are equal if they did.

    As in `_hidden`, the mistake to name first comes first.
    """
    yield RIGHT, claimed, delta
    steps = sorted(activations(z), key=lambda step: step.name)
    for step in steps:
        yield (
            f"The derivative of the output's activation ({step.name}) is missing there.",
            claimed * step.slope,
            delta,
        )
    # δ = f′(z) · dC/da, with another quantity in place of z.
    superfluous = [(step.name, step.slope) for step in steps]
    for step in steps:
        if step.name not in ("logistic", "tanh"):
            continue
        derivative = ACTIVATIONS[step.name].derivative
        again = derivative(ACTIVATIONS[step.name].function(step.output))
        yield (
            f"The derivative of {step.name} is taken at the activation's output there, not at z.",
            claimed * step.slope,
            delta * again,
        )
        yield (
            f"The derivative of {step.name} is written in terms of its output there, a formula of "
            "a = f(z), but is given z.",
            claimed * step.slope,
            delta * derivative(z),
        )
        superfluous.append((step.name, derivative(z)))
    for name, slope in sorted(superfluous, key=lambda pair: pair[0]):
        yield (
            f"It is multiplied by the derivative of {name} there, which has no place in it: the "
            "output is linear, or its activation's derivative cancels against the cost's or is "
            "there already.",
            claimed,
            delta * slope,
        )


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


def _about_output(case: CaseCheck, mistake: str, n_layers: int) -> list[str]:
    failed = ", ".join(a.name for a in case.failed)
    which = "Every array is wrong" if len(case.failed) == len(case.arrays) else f"Wrong: {failed}"
    found = (
        f"{which}: start at the output, with the derivative of the cost and of the last activation"
    )
    if n_layers > 1:
        found += "; all other deltas are made from that one"
    return [f"{found}. {mistake}".rstrip()]
