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
    Layer,
    Step,
    Tolerance,
    activations,
    claims,
    find_layers,
    right_gradients,
)

RIGHT, UNKNOWN, UNTOLD = "right", "unknown", "untold"
"""Of a step: as it should be; wrong in no known way; not to be told, as more feeds it than is known."""


def about_deltas(evidence: Evidence, case: CaseCheck, sample: Sample) -> list[str] | None:
    """What is said of a gradient whose error comes from one step back, or at the output.

    None unless all that is wrong is explained so: every wrong array belongs to a layer whose delta
    is wrong, and every delta but those of the steps named follows rightly from the next one.
    """
    found = _on_row(evidence, case, sample)
    if found is None:
        return None
    steps, layers = found
    names = evidence.structure.names
    output = [(layer, how) for layer, how in steps if not layer.followers]
    hidden = [(layer, how) for layer, how in steps if layer.followers]
    if output and hidden:
        return None
    if output:
        return _about_output(case, output, layers)
    return _about_hidden(case, hidden, names)


def _on_row(
    evidence: Evidence, case: CaseCheck, sample: Sample
) -> tuple[list[tuple[Layer, str]], list[Layer]] | None:
    """The steps that are wrong, each with how, and all layers; None if not all is explained."""
    tolerance = Tolerance(evidence)
    x = next(iter(sample.arrays.values())).ravel().astype(np.float64)
    right = right_gradients(evidence, case, sample)
    layers = find_layers(evidence, right, x, tolerance)
    claims(evidence, sample, layers, tolerance)
    failed = {k for k, array in enumerate(case.arrays) if not array.passed}
    covered = {k for layer in layers for k in (layer.weight, layer.bias)}
    if not failed or not failed <= covered or any(layer.claimed is None for layer in layers):
        return None
    wrong = []
    for layer in layers:
        how = _hidden_step(evidence, layer, tolerance) if layer.followers else ""
        if not layer.followers:
            how = _output_step(layer, tolerance)
        if how == UNTOLD or (how == UNKNOWN and _is_last_of_several(layer, layers)):
            return None  # what follows a layer may not be known, and then it is no output
        if how != RIGHT:
            wrong.append((layer, how))
    return (wrong, layers) if wrong else None


def _is_last_of_several(layer: Layer, layers: list[Layer]) -> bool:
    return not layer.followers and sum(not other.followers for other in layers) > 1


# --- a step back through hidden layers -----------------------------------------------------------


def _hidden_step(evidence: Evidence, layer: Layer, tolerance: Tolerance) -> str:
    """How the claimed delta of a layer comes from those of the layers that follow it."""
    step = layer.step
    assert step is not None
    assert layer.claimed is not None
    true = sum(_back(evidence, k, k.delta) for k in layer.followers) * step.slope
    if not tolerance.equal(true, layer.delta):
        return RIGHT if tolerance.equal(layer.claimed, layer.delta) else UNTOLD
    back = sum(_back(evidence, k, k.claimed) for k in layer.followers)
    if tolerance.equal(layer.claimed, back * step.slope):
        return RIGHT
    for how, delta in _mistakes(evidence, layer, step, back):
        if tolerance.equal(layer.claimed, delta):
            return how
    return UNKNOWN


def _back(evidence: Evidence, layer: Layer, delta: Array | None, *, plain: bool = False) -> Array:
    """δ Wᵀ; or δ W, as when the transpose is forgotten."""
    W = evidence.values(layer.weight).reshape(evidence.structure.shapes[layer.weight])
    matrix = W.T if layer.is_columns != plain else W
    assert delta is not None
    return matrix @ delta


def _mistakes(
    evidence: Evidence, layer: Layer, step: Step, back: Array
) -> list[tuple[str, Array]]:
    """What people write instead of the right step, and the delta that comes of it."""
    z, a = layer.sums, step.output
    found = [("missing", back), ("sign", -back * step.slope), ("twice", back * step.slope**2)]
    if all(k.sums.size == k.inputs.size for k in layer.followers):
        plain = sum(_back(evidence, k, k.claimed, plain=True) for k in layer.followers)
        found.append(("not transposed", plain * step.slope))
        found.append(("not transposed, missing", plain))
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


def _about_hidden(
    case: CaseCheck, wrong: list[tuple[Layer, str]], names: list[str]
) -> list[str]:
    failed = ", ".join(a.name for a in case.failed)
    right = ", ".join(a.name for a in case.arrays if a.passed)
    head = f"Wrong: {failed}; right: {right}. " if right else "Every array is wrong. "
    sentences = []
    for how in dict.fromkeys(how for _, how in wrong):
        layers = [layer for layer, other in wrong if other == how]
        through = ", ".join(
            dict.fromkeys(names[k.weight] for layer in layers for k in layer.followers)
        )
        of = {layer.step.name for layer in layers if layer.step is not None}
        kind = f" (of {of.pop()})" if len(of) == 1 else ""
        start = "So the delta" if not sentences else "And it"
        sentences.append(f"{start} goes wrong on its way back through {through}: {_hidden(how, through, kind)}")
    return [head + " ".join(sentences)]


def _hidden(how: str, through: str, kind: str) -> str:
    slope = f"the derivative of the activation before it{kind}"
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
        return (
            f"{slope} is written in terms of its output, a formula of a = f(z), but is given z."
        )
    if how == "of output":
        return f"{slope} is taken at the activation's output, a = f(z), not at z."
    if how.startswith("of "):
        return f"it is multiplied by the derivative of {how[3:]}, not by {slope}."
    return f"is {through} used transposed there, and is the result multiplied by {slope}?"


# --- the output -----------------------------------------------------------------------------------


def _output_step(layer: Layer, tolerance: Tolerance) -> str:
    """How the claimed delta of the output differs from the right one."""
    assert layer.claimed is not None
    delta, claimed, z = layer.delta, layer.claimed, layer.sums
    if tolerance.equal(claimed, delta) or not (claimed.any() or delta.any()):
        return RIGHT
    if not claimed.any():
        return UNKNOWN
    for step in activations(z):
        if step.name == "identity" or np.ptp(step.slope) <= tolerance.same and step.slope[0] == 1:
            continue
        if tolerance.equal(claimed * step.slope, delta):
            return f"missing {step.name}"
        if tolerance.equal(claimed, delta * step.slope):
            return f"superfluous {step.name}"
    # δ = f′(z) · dC/da, with another quantity in place of z.
    for name, slope in (("logistic", z * (1 - z)), ("tanh", 1 - z**2)):
        right = next(s.slope for s in activations(z) if s.name == name)
        at_output = next(s for s in activations(z) if s.name == name).output
        again = next(s.slope for s in activations(at_output) if s.name == name)
        if tolerance.equal(claimed * right, delta * slope):
            return f"of sums {name}"
        if tolerance.equal(claimed * right, delta * again):
            return f"of output {name}"
        if tolerance.equal(claimed, delta * slope):
            return f"superfluous {name}"
    if _is_elementwise_softmax(delta, claimed, z, tolerance):
        return "softmax"
    return UNKNOWN


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


def _about_output(
    case: CaseCheck, output: list[tuple[Layer, str]], layers: list[Layer]
) -> list[str] | None:
    hows = {how for _, how in output}
    if len(hows) > 1:
        return None
    how = hows.pop()
    failed = ", ".join(a.name for a in case.failed)
    which = "Every array is wrong" if len(case.failed) == len(case.arrays) else f"Wrong: {failed}"
    found = (
        f"{which}: start at the output, with the derivative of the cost and of the last activation"
    )
    if len(layers) > 1:
        found += "; all other deltas are made from that one"
    return [f"{found}." if how == UNKNOWN else f"{found}. {_output(how)}"]


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
