"""check_gradient on functions that were made up: are right ones passed, and faults named?

    python benchmarks/gradient_check.py                     # 500 functions
    python benchmarks/gradient_check.py --functions 60 --first 1000 --show

Each function is a network of random architecture in NumPy, with its own backward pass: right, or
with one of twenty faults planted. Half compute in float32; some draw noise, have penalties, tied
weights, labels, samples as columns or nested parameters. Printed is how many right ones failed, how
many wrong ones (or noisy ones) passed, and how often the finding names what was planted.
"""

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ae_core import check_gradient

NAMED_BY = {
    "not divided by rows": "it was not divided by the number of rows",
    "divided twice": "of what it should be, and there are",
    "factor": "a constant factor",
    "sign": "The sign is wrong everywhere",
    "sign of one array": "Its sign is wrong.",
    "transposed gradient": "It is the transpose of the right one",
    "forgotten array": "It is zero everywhere",
    "bias not summed": "; sum",
    "mean of the bias": "a mean instead of a sum",
    "first row of the bias": "It is that of the first row alone there",
    "derivative of the first row": "A derivative of one row is used for all rows",
    "rows reordered": "what belongs to one row meets what belongs to another",
    "penalty not in the gradient": "in the cost alone, or larger",
    "penalty not in the cost": "in the gradient alone, or larger",
    "penalty over rows": "that is divided by the number of rows in the",
    "encoder's half": "the encoder's part is missing",
    "decoder's half": "the decoder's part is missing",
    "softmax elementwise": "The softmax is taken as if it were elementwise",
    "derivative missing": "it is not multiplied by the derivative of the activation",
    "weight not transposed": "itself, not transposed",
}
"""Each fault, and words of the finding that names it."""

NOISE = "Not deterministic"

NEVER_PLANTED = (
    "clipped", "normalised", "the sign of the gradient", "is not differentiated",
    "a weight of each row", "right numbers in another order", "come in another order",
    "It is the gradient of", "It is made from", "plus", "logarithms", "taken as it is",
    "act on each other",
)  # fmt: skip
"""Words of findings that name what is planted in none of these functions."""


def names_another(fault: str | None, said: str) -> bool:
    """Whether what is said has the words of a fault that was not planted."""
    # Of a wrong sign it is rightly said that it is a constant factor.
    own = {fault, "factor"} if fault == "sign" else {fault}
    others = [words for name, words in NAMED_BY.items() if name not in own]
    return any(words in said for words in (*others, *NEVER_PLANTED))


ACTIVATIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "logistic": (lambda z: 1 / (1 + np.exp(-z)), lambda z, a: a * (1 - a)),
    "tanh": (np.tanh, lambda z, a: 1 - a * a),
    "relu": (lambda z: np.maximum(z, 0), lambda z, a: (z > 0).astype(z.dtype)),
    "softplus": (lambda z: np.log1p(np.exp(z)), lambda z, a: 1 / (1 + np.exp(-z))),
    "elu": (
        lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        lambda z, a: np.where(z > 0, 1, 1 + a).astype(z.dtype),
    ),
    "leaky relu": (
        lambda z: np.maximum(z, z.dtype.type(0.1) * z),
        lambda z, a: np.where(z > 0, 1, 0.1).astype(z.dtype),
    ),
    "swish": (
        lambda z: z / (1 + np.exp(-z)),
        lambda z, a: (1 + a * np.exp(-z)) / (1 + np.exp(-z)),
    ),
}


@dataclass
class Problem:
    """A function, where to check it, and what is wrong with it."""

    function: Any
    params: Any
    X: Any
    y: Any
    samples_axis: int
    kind: str
    fault: str | None
    is_noisy: bool
    options: dict[str, Any] = field(default_factory=dict)

    def check(self) -> tuple[bool, str]:
        """Whether it passed, and all that was said."""
        try:
            check = check_gradient(
                self.function, self.params, self.X, self.y, samples_axis=self.samples_axis
            )
        except ValueError as error:
            return False, str(error)
        return check.passed, " ".join(check.findings)

    @property
    def expected(self) -> str | None:
        """Words that must be in what is said; None when it must pass."""
        if self.is_noisy:
            return NOISE
        return None if self.fault is None else NAMED_BY[self.fault]


# --- networks ------------------------------------------------------------------------------------


class Dense:
    """Layers, W of (n_in, n_out), with any of the losses: autoencoder, regression or classifier."""

    faults = (
        "not divided by rows", "divided twice", "factor", "sign", "sign of one array",
        "transposed gradient", "forgotten array", "bias not summed", "mean of the bias",
        "first row of the bias", "derivative of the first row", "rows reordered",
        "penalty not in the gradient", "penalty not in the cost", "penalty over rows",
        "derivative missing", "weight not transposed",
    )  # fmt: skip

    def __init__(self, random: np.random.Generator, options: dict[str, Any]) -> None:
        self.options = options
        self.task = options["task"]
        n = int(random.integers(3, 7))
        sizes = [n, *(int(random.integers(2, 7)) for _ in range(options["n_hidden"]))]
        n_out = n if self.task == "autoencoder" else int(random.integers(2, 5))
        if options["fault"] == "transposed gradient":
            sizes[-1] = sizes[-2]  # a square one
        if options["fault"] == "weight not transposed":
            n_out = n_out if self.task != "autoencoder" else n
            sizes[-1] = n_out
        self.sizes = [*sizes, n_out]
        self.m = int(random.integers(2, 8))
        self.has_biases = options["biases"]
        names = random.choice(list(ACTIVATIONS), len(self.sizes) - 2)
        self.activations = [str(name) for name in names]
        self.names, self.arrays = [], []
        for k, (a, b) in enumerate(zip(self.sizes[:-1], self.sizes[1:], strict=True)):
            self.names.append(f"W{k + 1}")
            self.arrays.append(random.normal(0, 1.3 / np.sqrt(a), (a, b)))
            if self.has_biases:
                self.names.append(f"b{k + 1}")
                self.arrays.append(random.normal(0, 0.5, b))
        self.X = random.normal(0, 1, (self.m, n))
        if self.task == "autoencoder" and options["output"] == "logistic":
            self.X = random.uniform(0.05, 0.95, (self.m, n))
        self.y = None
        if self.task == "classifier":
            labels = random.integers(0, n_out, self.m)
            self.y = labels if options["integer labels"] else np.eye(n_out)[labels]
        elif self.task == "regression":
            self.y = random.normal(0, 1, (self.m, n_out))

    def __call__(self, arrays: list[Any], X: Any, y: Any, fault: str | None) -> tuple[Any, Any]:
        m, options = len(X), self.options
        Ws = [a for n, a in zip(self.names, arrays, strict=True) if n[0] == "W"]
        bs = [a for n, a in zip(self.names, arrays, strict=True) if n[0] == "b"]
        hs, zs = [X], []
        for k, W in enumerate(Ws):
            z = hs[-1] @ W + (bs[k] if bs else 0)
            zs.append(z)
            last = k == len(Ws) - 1
            hs.append(z if last else ACTIVATIONS[self.activations[k]][0](z))
        cost, delta = self.loss(zs[-1], X if y is None else y, fault)
        share = 1 / m if options["mean"] else 1.0
        cost, delta = cost * share, delta * share
        delta = delta * {
            "not divided by rows": m, "divided twice": 1 / m, "factor": options["factor"],
            "sign": -1,
        }.get(fault or "", 1)  # fmt: skip
        gW, gb = [], []
        for k in reversed(range(len(Ws))):
            left = hs[k][::-1] if fault == "rows reordered" and k == options["layer"] else hs[k]
            gW.append(left.T @ delta)
            gb.append(delta.sum(axis=0))
            if fault == "bias not summed" and k == options["layer"]:
                gb[-1] = delta
            if fault == "mean of the bias" and k == options["layer"]:
                gb[-1] = delta.mean(axis=0)
            if fault == "first row of the bias" and k == options["layer"]:
                gb[-1] = delta[0]
            if k:
                slope = ACTIVATIONS[self.activations[k - 1]][1](zs[k - 1], hs[k])
                if fault == "derivative of the first row":
                    slope = slope[:1]
                last = k == len(Ws) - 1
                back = Ws[k] if fault == "weight not transposed" and last else Ws[k].T
                delta = delta @ back
                delta = delta if fault == "derivative missing" and last else delta * slope
        gradients: list[Any] = []
        for W, b in zip(reversed(gW), reversed(gb), strict=True):
            gradients += [W, b] if bs else [W]
        return self.finish(cost, gradients, arrays, m, fault)

    def loss(self, z: Any, target: Any, fault: str | None) -> tuple[Any, Any]:
        """The cost, summed over rows, and its derivative with respect to the last sums."""
        if self.task == "classifier":
            e = np.exp(z - z.max(axis=1, keepdims=True))
            p = e / e.sum(axis=1, keepdims=True)
            if target.ndim == 1:
                target = np.eye(z.shape[1], dtype=z.dtype)[target]
            if self.options["output"] == "cross-entropy":
                cost, u = -(target * np.log(p)).sum(), -target / p
            else:
                cost, u = 0.5 * ((p - target) ** 2).sum(), p - target
            if fault == "softmax elementwise":
                return cost, p * (1 - p) * u
            return cost, p * (u - (p * u).sum(axis=1, keepdims=True))
        if self.options["output"] == "logistic" and self.task == "autoencoder":
            a = 1 / (1 + np.exp(-z))
            cost = -(target * np.log(a) + (1 - target) * np.log(1 - a)).sum()
            return cost, a - target
        if self.options["output"] == "huber":
            r = z - target
            small = np.abs(r) <= 1
            return np.where(small, r * r / 2, np.abs(r) - 0.5).sum(), np.clip(r, -1, 1)
        return 0.5 * ((z - target) ** 2).sum(), z - target

    def finish(
        self, cost: Any, gradients: list[Any], arrays: list[Any], m: int, fault: str | None
    ) -> tuple[Any, list[Any]]:
        """Penalties, and faults of single arrays."""
        options = self.options
        l2, l1 = options["l2"], options["l1"]
        which = options["array"]
        for k, name in enumerate(self.names):
            if name[0] != "W" and options["weights only"]:
                continue
            W = arrays[k]
            of_cost = l2 / 2 * (W * W).sum() + l1 * np.abs(W).sum()
            of_gradient = l2 * W + l1 * np.sign(W)
            if fault == "penalty over rows":
                if options["which"]:
                    of_cost = of_cost / m
                else:
                    of_gradient = of_gradient / m
            if fault != "penalty not in the cost":
                cost = cost + of_cost
            if fault != "penalty not in the gradient":
                gradients[k] = gradients[k] + of_gradient
        if fault == "sign of one array":
            gradients[which] = -gradients[which]
        if fault == "forgotten array":
            gradients[which] = np.zeros_like(gradients[which])
        if fault == "transposed gradient":
            k = next(i for i, g in enumerate(gradients) if self.square(g))
            gradients[k] = gradients[k].T
        return cost, gradients

    @staticmethod
    def square(array: Any) -> bool:
        """Whether it can be transposed without being noticed."""
        return array.ndim == 2 and array.shape[0] == array.shape[1]


class Tied(Dense):
    """An autoencoder whose decoder uses the encoder's weights, transposed; one or two layers."""

    faults = (
        "not divided by rows", "factor", "sign", "encoder's half", "decoder's half",
        "penalty not in the gradient", "penalty over rows", "forgotten array",
    )  # fmt: skip

    def __init__(self, random: np.random.Generator, options: dict[str, Any]) -> None:
        self.options = options
        n, self.m = int(random.integers(3, 8)), int(random.integers(2, 8))
        sizes = [n, int(random.integers(2, 5)), int(random.integers(2, 4))][: 1 + options["depth"]]
        self.activation = str(random.choice(["logistic", "tanh", "softplus"]))
        self.names, self.arrays = [], []
        depth = len(sizes) - 1
        for k in range(depth):
            self.names += [f"W{k + 1}", f"b{k + 1}", f"c{k + 1}"]
            self.arrays += [
                random.normal(0, 0.8, (sizes[k], sizes[k + 1])),
                random.normal(0, 0.5, sizes[k + 1]),
                random.normal(0, 0.5, sizes[k]),
            ]
        self.X, self.y = random.normal(0, 1, (self.m, n)), None

    def __call__(self, arrays: list[Any], X: Any, y: Any, fault: str | None) -> tuple[Any, Any]:
        m, (f, slope) = len(X), ACTIVATIONS[self.activation]
        Ws, bs, cs = arrays[0::3], arrays[1::3], arrays[2::3]
        hs, zs = [X], []
        for W, b in zip(Ws, bs, strict=True):
            zs.append(hs[-1] @ W + b)
            hs.append(f(zs[-1]))
        outs, sums = [hs[-1]], []
        for k in reversed(range(len(Ws))):
            sums.append(outs[-1] @ Ws[k].T + cs[k])
            outs.append(f(sums[-1]) if k else sums[-1])
        share = 1 / m if self.options["mean"] else 1.0
        cost = 0.5 * share * ((outs[-1] - X) ** 2).sum()
        delta = share * (outs[-1] - X)
        delta = delta * {
            "not divided by rows": m, "factor": self.options["factor"], "sign": -1,
        }.get(fault or "", 1)  # fmt: skip
        gW: list[Any] = [0.0] * len(Ws)
        gb, gc = [None] * len(Ws), [None] * len(Ws)
        for k in range(len(Ws)):
            position = len(Ws) - 1 - k
            gc[k] = delta.sum(axis=0)
            if not (fault == "decoder's half" and k == self.options["layer"] % len(Ws)):
                gW[k] = gW[k] + delta.T @ outs[position]
            delta = delta @ Ws[k]
            if position:
                delta = delta * slope(sums[position - 1], outs[position])
        for k in reversed(range(len(Ws))):
            delta = delta * slope(zs[k], hs[k + 1])
            gb[k] = delta.sum(axis=0)
            if not (fault == "encoder's half" and k == self.options["layer"] % len(Ws)):
                gW[k] = gW[k] + hs[k].T @ delta
            delta = delta @ Ws[k].T
        gradients = [g for group in zip(gW, gb, gc, strict=True) for g in group]
        return self.finish(cost, gradients, arrays, m, fault)


class Softmax(Dense):
    """A classifier whose softmax may be taken for an elementwise activation."""

    faults = ("softmax elementwise", "sign of one array", "not divided by rows")

    def __init__(self, random: np.random.Generator, options: dict[str, Any]) -> None:
        options["task"] = "classifier"
        if options["output"] not in ("cross-entropy", "brier"):
            options["output"] = str(random.choice(["cross-entropy", "brier"]))
        super().__init__(random, options)
        if self.sizes[-1] == 2:  # of two classes, one p (1 - p) is as good as the other
            options["output"] = "cross-entropy"


class Recursion(Dense):
    """A recurrent network: each row is a sequence, read one number at a time."""

    faults = (
        "not divided by rows", "divided twice", "factor", "sign", "sign of one array",
        "forgotten array", "penalty not in the gradient", "penalty not in the cost",
        "penalty over rows", "bias not summed", "mean of the bias", "first row of the bias",
    )  # fmt: skip

    def __init__(self, random: np.random.Generator, options: dict[str, Any]) -> None:
        self.options = options
        n, self.m, T = int(random.integers(2, 5)), int(random.integers(2, 7)), 4
        self.names = ["Wx", "Wh", "b", "Wo"]
        self.arrays = [
            random.normal(0, 1, (1, n)), random.normal(0, 0.7, (n, n)), random.normal(0, 0.3, n),
            random.normal(0, 1, (n, 1)),
        ]  # fmt: skip
        self.X, self.y = random.normal(0, 1, (self.m, T)), random.normal(0, 1, self.m)

    def __call__(self, arrays: list[Any], X: Any, y: Any, fault: str | None) -> tuple[Any, Any]:
        Wx, Wh, b, Wo = arrays
        m, T = X.shape
        hs = [np.zeros((m, len(b)), dtype=X.dtype)]
        for t in range(T):
            hs.append(np.tanh(X[:, t : t + 1] @ Wx + hs[-1] @ Wh + b))
        residual = (hs[-1] @ Wo)[:, 0] - y
        share = 1 / m if self.options["mean"] else 1.0
        cost = 0.5 * share * (residual**2).sum()
        d = share * residual[:, None]
        d = d * {
            "not divided by rows": m, "divided twice": 1 / m, "factor": self.options["factor"],
            "sign": -1,
        }.get(fault or "", 1)  # fmt: skip
        gWo, delta = hs[-1].T @ d, (d @ Wo.T) * (1 - hs[-1] ** 2)
        gWx, gWh, rows = 0 * Wx, 0 * Wh, 0 * hs[-1]
        for t in reversed(range(T)):
            gWx, gWh = gWx + X[:, t : t + 1].T @ delta, gWh + hs[t].T @ delta
            rows = rows + delta
            delta = (delta @ Wh.T) * (1 - hs[t] ** 2)
        gb = rows.sum(axis=0)
        gb = {
            "bias not summed": rows, "mean of the bias": rows.mean(axis=0),
            "first row of the bias": rows[0],
        }.get(fault or "", gb)  # fmt: skip
        return self.finish(cost, [gWx, gWh, gb, gWo], arrays, m, fault)


class Variational(Dense):
    """A variational autoencoder with fixed noise, a divergence in its cost."""

    faults = (
        "not divided by rows", "divided twice", "factor", "sign", "sign of one array",
        "forgotten array", "penalty not in the gradient", "penalty not in the cost",
        "bias not summed", "first row of the bias",
    )  # fmt: skip

    def __init__(self, random: np.random.Generator, options: dict[str, Any]) -> None:
        self.options = options
        n, k, self.m = int(random.integers(3, 6)), int(random.integers(1, 4)), 5
        self.epsilon = random.normal(size=k)
        h = int(random.integers(2, 5))
        shapes = {"W": (n, h), "b": (h,), "M": (h, k), "V": (h, k), "D": (k, n), "c": (n,)}
        self.names = list(shapes)
        self.arrays = [random.normal(0, 0.6, shape) for shape in shapes.values()]
        self.X, self.y = random.normal(0, 1, (self.m, n)), None

    def __call__(self, arrays: list[Any], X: Any, y: Any, fault: str | None) -> tuple[Any, Any]:
        W, b, M, V, D, c = arrays
        m = len(X)
        h = np.tanh(X @ W + b)
        mean, log_variance = h @ M, h @ V
        deviation = np.exp(log_variance / 2)
        epsilon = self.epsilon.astype(X.dtype)
        z = mean + deviation * epsilon
        residual = z @ D + c - X
        kl = 0.5 * (mean**2 + deviation**2 - 1 - log_variance).sum()
        share = 1 / m if self.options["mean"] else 1.0
        cost = share * (0.5 * (residual**2).sum() + kl)
        scale = share * {
            "not divided by rows": m, "divided twice": 1 / m, "factor": self.options["factor"],
            "sign": -1,
        }.get(fault or "", 1)  # fmt: skip
        d = scale * residual
        dz = d @ D.T
        d_mean = dz + scale * mean
        d_log = dz * epsilon * deviation / 2 + scale * 0.5 * (deviation**2 - 1)
        dh = (d_mean @ M.T + d_log @ V.T) * (1 - h**2)
        gc = {"bias not summed": d, "first row of the bias": d[0]}.get(fault or "", d.sum(axis=0))
        gradients = [X.T @ dh, dh.sum(axis=0), h.T @ d_mean, h.T @ d_log, z.T @ d, gc]
        return self.finish(cost, gradients, arrays, m, fault)


class Factorization(Dense):
    """A table as a product of two matrices: a function of params alone."""

    faults = (
        "factor", "sign", "sign of one array", "forgotten array", "penalty not in the gradient",
        "penalty not in the cost",
    )  # fmt: skip

    def __init__(self, random: np.random.Generator, options: dict[str, Any]) -> None:
        self.options = options
        n, k, self.m = int(random.integers(4, 8)), int(random.integers(2, 4)), 6
        self.table = random.normal(0, 1, (self.m, n))
        self.names = ["W_rows", "W_columns"]
        self.arrays = [random.normal(0, 1, (self.m, k)), random.normal(0, 1, (k, n))]
        self.X = self.y = None

    def __call__(self, arrays: list[Any], X: Any, y: Any, fault: str | None) -> tuple[Any, Any]:
        A, B = arrays
        residual = A @ B - self.table.astype(A.dtype)
        d = residual * {"factor": self.options["factor"], "sign": -1}.get(fault or "", 1)
        cost = 0.5 * (residual**2).sum()
        return self.finish(cost, [d @ B.T, A.T @ d], arrays, self.m, fault)


KINDS: dict[str, type[Dense]] = {
    "dense": Dense, "tied": Tied, "softmax": Softmax, "recursion": Recursion,
    "variational": Variational, "factorization": Factorization,
}  # fmt: skip


# --- making one up -------------------------------------------------------------------------------


def make(seed: int) -> Problem:
    """One function, at random, always the same for the same seed."""
    for attempt in range(1000):
        random = np.random.default_rng([seed, attempt])
        problem = _made(random)
        if problem is not None:
            return problem
    raise AssertionError("no function could be made")


def _made(random: np.random.Generator) -> Problem | None:
    """One, or None if the fault cannot be seen in it."""
    fault = None if random.random() < 0.3 else str(random.choice(list(NAMED_BY)))
    kinds = [name for name, cls in KINDS.items() if fault is None or fault in cls.faults]
    kind = str(random.choice(kinds))
    is_penal = (fault or "").startswith("penalty")
    norm = random.choice(["l2", "l1", "none"]) if not is_penal else random.choice(["l2", "l1"])
    needs_mean = fault in ("mean of the bias",)
    options: dict[str, Any] = {
        "task": str(random.choice(["autoencoder", "regression", "classifier"])),
        "n_hidden": int(random.integers(1, 4)),
        "depth": int(random.integers(1, 3)),
        "biases": bool(random.random() < 0.8) or "bias" in (fault or ""),
        "output": str(random.choice(["logistic", "huber", "plain", "cross-entropy"])),
        "integer labels": bool(random.random() < 0.5),
        "mean": bool(random.random() < 0.7) or fault in ("not divided by rows",) or needs_mean,
        "factor": float(random.choice([2.0, 0.5, 3.0, -2.0, 0.1])),
        "weights only": bool(random.random() < 0.7),
        "which": bool(random.random() < 0.5),
        "l2": float(random.uniform(0.05, 0.5)) if norm == "l2" else 0.0,
        "l1": float(random.uniform(0.05, 0.3)) if norm == "l1" else 0.0,
        "fault": fault,
        "array": 0,
        "layer": 0,
    }
    if fault in ("sign", "factor", "not divided by rows", "divided twice"):
        options["l1"] = options["l2"] = 0.0  # else only a part of the gradient is wrong so
    if fault == "derivative of the first row":
        options["task"] = "regression"
    network = KINDS[kind](random, options)
    options["layer"] = int(random.integers(max(1, options["n_hidden"])))
    options["array"] = int(random.integers(len(network.names)))
    if fault == "transposed gradient" and not any(map(Dense.square, network.arrays)):
        return None
    single = bool(random.random() < 0.5)
    # What has the wrong shape is not called a second time.
    is_noisy = bool(random.random() < 0.12) and fault != "bias not summed"
    noise = np.random.default_rng(random.integers(2**31))
    layout = str(random.choice(["list", "dict", "nested", "pairs"]))
    is_columns = network.X is not None and bool(random.random() < 0.25)
    returned_in_double = bool(random.random() < 0.5)

    def run(arrays: list[Any], X: Any, y: Any, fault: str | None) -> tuple[Any, list[Any]]:
        if single:
            arrays = [a.astype(np.float32) for a in arrays]
            X = None if X is None else X.astype(np.float32)
            y = y if y is None or y.dtype.kind == "i" else y.astype(np.float32)
        if is_columns:
            X = X.T
            y = y.T if y is not None and y.ndim == 2 else y
        cost, gradients = network(arrays, X, y, fault)
        if returned_in_double:
            cost, gradients = float(cost), [np.asarray(g, dtype=np.float64) for g in gradients]
        if is_noisy:
            cost = cost + abs(cost) * 10.0 ** noise.uniform(-6, -1) * noise.normal()
        return cost, gradients

    pack, unpack = LAYOUTS[layout](network.names)

    def function(params: Any, X: Any = None, y: Any = None) -> tuple[Any, Any]:
        cost, gradients = run(unpack(params), X, y, fault)
        return cost, pack(gradients)

    X = network.X.T if is_columns else network.X
    y = network.y.T if is_columns and network.y is not None else network.y
    if fault is not None and fault != "bias not summed":
        right = network(network.arrays, network.X, network.y, None)
        wrong = network(network.arrays, network.X, network.y, fault)
        if not _is_visible(right, wrong, single) and fault != "penalty over rows":
            return None
        if fault == "penalty over rows" and network.m < 2:
            return None
    return Problem(
        function,
        pack([a.copy() for a in network.arrays]),
        X,
        y,
        int(is_columns),
        f"{kind}, float{32 if single else 64}",
        fault,
        is_noisy,
        {**options, "layout": layout, "columns": is_columns},
    )


def _is_visible(right: tuple[Any, Any], wrong: tuple[Any, Any], single: bool) -> bool:
    """Whether the fault makes a difference that the precision lets one see."""
    least = 0.05 if single else 1e-3
    if abs(right[0] - wrong[0]) > least * abs(right[0]):
        return True
    return any(
        np.abs(a - b).max() > least * np.abs(a).max()
        for a, b in zip(right[1], wrong[1], strict=True)
    )


def _list(names: list[str]) -> tuple[Any, Any]:
    return list, list


def _dict(names: list[str]) -> tuple[Any, Any]:
    return (
        lambda arrays: dict(zip(names, arrays, strict=True)),
        lambda params: [params[name] for name in names],
    )


def _nested(names: list[str]) -> tuple[Any, Any]:
    half = len(names) // 2
    return (
        lambda arrays: {"first": arrays[:half], "second": {"arrays": tuple(arrays[half:])}},
        lambda params: [*params["first"], *params["second"]["arrays"]],
    )


def _pairs(names: list[str]) -> tuple[Any, Any]:
    return (
        lambda arrays: [tuple(arrays[i : i + 2]) for i in range(0, len(arrays), 2)],
        lambda params: [a for pair in params for a in pair],
    )


LAYOUTS = {"list": _list, "dict": _dict, "nested": _nested, "pairs": _pairs}


# --- the count -----------------------------------------------------------------------------------


@dataclass
class Tally:
    """What came of all functions."""

    n_right: int = 0
    n_wrong: int = 0
    n_noisy: int = 0
    right_failed: list[int] = field(default_factory=list)
    wrong_passed: list[int] = field(default_factory=list)
    not_named: list[int] = field(default_factory=list)
    misnamed: list[int] = field(default_factory=list)
    by_fault: Counter[str] = field(default_factory=Counter)

    @property
    def named(self) -> float:
        """Share of what is wrong whose finding names it."""
        n = self.n_wrong + self.n_noisy
        return 1 - len(self.not_named) / n if n else 1.0


def tally(seeds: Any, show: bool = False) -> Tally:
    """Check the functions of those seeds."""
    counts = Tally()
    for seed in seeds:
        problem = make(seed)
        passed, said = problem.check()
        expected = problem.expected
        if expected is None:
            counts.n_right += 1
            if not passed:
                counts.right_failed.append(seed)
        else:
            counts.n_noisy += problem.is_noisy
            counts.n_wrong += not problem.is_noisy
            planted = "noise" if problem.is_noisy else str(problem.fault)
            counts.by_fault[planted] += 1
            if passed:
                counts.wrong_passed.append(seed)
            if expected not in said:
                counts.not_named.append(seed)
                counts.by_fault[f"{planted}, not named"] += 1
        fault = None if problem.is_noisy else problem.fault
        is_misnamed = names_another(fault, said)
        counts.misnamed += [seed] * is_misnamed
        if show and (passed != (expected is None) or (expected or "") not in said or is_misnamed):
            print(f"{seed}: {problem.kind}, {problem.fault}, noisy {problem.is_noisy}")
            print(f"    passed {passed}: {said}")
    return counts


def main() -> None:
    """Print the three figures, and how often each fault was planted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--functions", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--show", action="store_true", help="print each that went wrong")
    args = parser.parse_args()
    counts = tally(range(args.first, args.first + args.functions), args.show)
    print(f"right ones that failed: {len(counts.right_failed)} of {counts.n_right}")
    print(
        f"wrong ones that passed: {len(counts.wrong_passed)} of {counts.n_wrong + counts.n_noisy} "
        f"({counts.n_wrong} with a fault, {counts.n_noisy} with noise)"
    )
    print(f"findings that name what was planted: {counts.named:.1%}")
    print(f"findings that name something else: {len(counts.misnamed)}")
    for fault in [*NAMED_BY, "noise"]:
        missed = counts.by_fault[f"{fault}, not named"]
        print(
            f"    {fault:<28} {counts.by_fault[fault]:>3}" + (f"  ({missed} not)" if missed else "")
        )


if __name__ == "__main__":
    main()
