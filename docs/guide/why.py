"""The picture and the table of why.md: the same wrong gradients, checked in three ways."""

import numpy as np
from page import COLORS, GREY, INK, head, new_figure, print_table, save
from scipy.optimize import approx_fprime

from ae_core import check_gradient

FAULTS = (
    "none",
    "derivative of the first row",
    "not divided by rows",
    "bias not summed",
    "penalty not in the gradient",
    "sign of one array",
    "encoder's and decoder's W exchanged",
)


def made(fault):
    """An autoencoder x → tanh(x W + b) → h V as people write them, with one thing wrong."""

    def cost_and_gradient(params, X):
        W, b, V = params
        m = len(X)
        h = np.tanh(X @ W + b)
        lost = h @ V - X
        cost = (lost**2).sum() / (2 * m) + 0.05 * (W**2).sum()
        delta = lost if fault == "not divided by rows" else lost / m
        slope = 1 - h**2
        if fault == "derivative of the first row":
            slope = slope[:1]
        below = delta @ V.T * slope
        of_W = X.T @ below
        if fault != "penalty not in the gradient":
            of_W = of_W + 0.1 * W
        of_b = below[0] if fault == "bias not summed" else below.sum(axis=0)
        of_V = h.T @ delta
        if fault == "sign of one array":
            of_V = -of_V
        if fault.startswith("encoder's"):
            of_W, of_V = of_V.T, of_W.T
        return cost, [of_W, of_b, of_V]

    return cost_and_gradient


def flat(arrays):
    return np.concatenate([np.ravel(array) for array in arrays])


def error_on(function, params, X):
    """What people write: one number, the length of the difference beside that of both."""
    shapes = [array.shape for array in params]
    ends = np.cumsum([array.size for array in params])

    def cost(vector):
        parts = np.split(vector, ends[:-1])
        return function([part.reshape(shape) for part, shape in zip(parts, shapes)], X)[0]

    given, numeric = flat(function(params, X)[1]), approx_fprime(flat(params), cost)
    return np.linalg.norm(given - numeric) / (np.linalg.norm(given) + np.linalg.norm(numeric))


def main():
    random = np.random.default_rng(0)
    X = random.normal(size=(12, 5))
    params = [random.normal(size=(5, 3)), random.normal(size=3), random.normal(size=(3, 5))]
    rows, errors = [], []
    for fault in FAULTS:
        function = made(fault)
        pair = error_on(function, params, X[:1]), error_on(function, params, X)
        errors.append(pair)
        check = check_gradient(function, params, X)
        said = check.findings[0] if check.findings else "passed"
        rows.append((fault, *(f"{e:.0e}" if e > 1e-6 else "right" for e in pair), said))
    print_table(
        ("what is wrong", "error on one row", "error on 12 rows", "`check_gradient` says"), rows
    )
    figure = new_figure(figsize=(8, 2.9))
    ax = figure.add_subplot()
    where, table = np.arange(len(FAULTS)), np.maximum(np.array(errors), 1e-9)
    ax.barh(where - 0.2, table[:, 0], 0.38, left=1e-10, color=GREY, label="checked on one row")
    ax.barh(where + 0.2, table[:, 1], 0.38, left=1e-10, color=COLORS[0], label="checked on 12 rows")
    ax.axvline(1e-6, color=INK, linewidth=0.8, linestyle="--")
    ax.set_yticks(where, FAULTS)
    ax.invert_yaxis()
    ax.set_xscale("log")
    ax.set(
        xlabel="relative error of the gradient (above the dashed line it is wrong)", xlim=(1e-10, 2)
    )
    head(ax, "one row passes what many rows fail")
    ax.legend(fontsize="small", frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, __file__)


if __name__ == "__main__":
    main()
