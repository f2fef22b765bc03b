"""Whether two builds of ae_core compute the same bits, wherever both can.

    git worktree add ../before HEAD~1 && (cd ../before && python setup.py build_ext --inplace)
    python benchmarks/same_bits.py ../before .

Architectures with any valid combination of what the older one has, and tables of every kind, are
drawn with a fixed seed; each build trains both twins a few steps on them, and what comes of that
and of every kind of inference is compared by its hash. Nothing is timed.
"""

import argparse
import hashlib
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

ACTIVATIONS = (
    "identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "softplus", "softsign",
)  # fmt: skip
OUTPUTS = {
    "squared_error": None,
    "absolute_error": None,
    "huber": None,
    "binary_cross_entropy": "logistic",
    "softmax_cross_entropy": "softmax",
}
TABLES = ("dense", "missing", "csr", "thin csr", "csr with missing", "implicit")
N_STEPS, BATCH_SIZE = 6, 150


def configurations(n: int) -> Iterator[dict[str, Any]]:
    """So many architectures' arguments, each with what its table is."""
    for seed in range(n):
        random = Random(seed)
        yield {
            "seed": seed,
            "architecture": architecture(random),
            "table": random.choice(TABLES),
            "source": random.choice(("float64", "float32")),
            "is_scaled": random.random() < 0.3,
            "clip": random.random() < 0.2,
            "is_weighted": random.random() < 0.3,
            "n_rows": random.choice((3, 40, 400)),
            "dtype": random.choice(("float64", "float32")),
            "n_threads": random.choice((1, 3)),
            "solver": random.choice(("SGD", "Adam", "AdamW", "RMSprop")),
            "clip_norm": random.choice((None, 0.5)),
            "averaging": random.choice((None, 0.9)),
        }


def architecture(random: Random) -> dict[str, Any]:
    """Arguments of an `Architecture` that fit each other."""
    width = random.choice((1, 4, 7, 30, 90))
    half = [random.choice((1, 3, 9, 40)) for _ in range(random.choice((1, 1, 2, 3)))]
    kind = random.choice(("any", "any", "k_sparse", "sparsity", "variational"))
    tied = kind != "variational" and random.random() < 0.3
    hidden = [*half, *half[-2::-1]]
    if not tied:
        hidden = [random.choice((1, 3, 9, 40)) for _ in range(random.choice((1, 2, 3, 4)))]
    code_layer = len(half) if tied else random.randint(1, len(hidden))
    names = [random.choice(ACTIVATIONS) for _ in hidden]
    if kind in ("sparsity", "variational"):
        names[code_layer - 1] = "logistic" if kind == "sparsity" else "identity"
    loss: Any = random.choice(list(OUTPUTS))
    names.append(OUTPUTS[loss] or random.choice(ACTIVATIONS))
    if width > 1 and random.random() < 0.3:
        first = random.randrange(1, width)
        loss = [[random.choice(list(OUTPUTS)), n] for n in (first, width - first)]
        names[-1] = "mixed"
    some = {
        "biases": False,
        "alpha": 0.3,
        "alpha_l1": 0.1,
        "feature_weights": [1.0, *(random.choice((0.0, 0.5, 2.5)) for _ in range(width - 1))],
        "corruption": random.choice(("gaussian", "masking", "salt_and_pepper")),
        "dropout": 0.3,
        "code_l1": 0.1,
        "contraction": 0.1,
    }
    return {
        "layer_sizes": [width, *hidden, width],
        "activations": names,
        "loss": loss,
        "code_layer": code_layer,
        "tied": tied,
        "variational": kind == "variational",
        "k_sparse": random.randint(1, hidden[code_layer - 1]) if kind == "k_sparse" else None,
        "sparsity": 0.3 if kind == "sparsity" else 0.0,
        **{name: value for name, value in some.items() if random.random() < 0.3},
    }


def rows(configuration: dict[str, Any], n_features: int) -> Any:
    """Its table, in (0, 1) where it is not scaled."""
    from scipy import sparse

    kind, is_scaled = configuration["table"], configuration["is_scaled"]
    random = np.random.default_rng(configuration["seed"])
    shape = configuration["n_rows"], n_features
    X = random.uniform(*((-2, 3) if is_scaled else (0.05, 0.95)), shape)
    X = X.astype(configuration["source"])
    is_hidden, missing = random.random(shape) < 0.3, None
    is_hidden[:, 0] = False
    if "csr" in kind:
        X[random.random(shape) < (0.95 if kind == "thin csr" else 0.5)] = 0
    if "missing" in kind:
        X[is_hidden], missing = np.nan, "mask"
    if "csr" in kind:
        X = sparse.csr_array(X)
    if kind == "implicit":
        row, column = np.nonzero(~is_hidden)
        X, missing = sparse.csr_array((X[row, column], (row, column)), shape), "implicit"
    shift = np.full(n_features, -2.1) if is_scaled else None
    factor = np.full(n_features, 1 / 5.2) if is_scaled else None
    weights = random.uniform(0.1, 2, shape[0]) if configuration["is_weighted"] else None
    return rows_class()(X, shift, factor, weights, clip=configuration["clip"], missing=missing)


def rows_class() -> Any:
    """`Rows`, where this build has it."""
    import ae_core

    # By its file: an installed ae_core may offer modules that this build has not.
    has_folders = (Path(ae_core.__file__).parent / "data" / "rows.py").exists()
    module = importlib.import_module("ae_core.data.rows" if has_folders else "ae_core.rows")
    return module.Rows


def hashes(configuration: dict[str, Any]) -> dict[str, str]:
    """What this build computes, by name."""
    import ae_core
    from ae_core import reference

    architecture = ae_core.Architecture(**configuration["architecture"])
    table = rows(configuration, architecture.n_features)
    result = {}
    for twin, network_class in (("reference", reference.Network), ("engine", ae_core.Network)):
        network = network_class(
            architecture,
            dtype=configuration["dtype"],
            random_state=configuration["seed"],
            n_threads=configuration["n_threads"],
        )
        for name, value in computed(network, table, configuration, ae_core).items():
            numbers = np.ascontiguousarray(value)
            result[f"{twin} {name}"] = hashlib.sha256(numbers.tobytes()).hexdigest()
    return result


def computed(
    network: Any, table: Any, configuration: dict[str, Any], ae_core: Any
) -> dict[str, Any]:
    """Inference, the gradient, and some steps of training."""
    random = np.random.default_rng(configuration["seed"])
    solver = getattr(ae_core, configuration["solver"])(
        1e-3, clip_norm=configuration["clip_norm"], averaging=configuration["averaging"]
    )
    batch_size = min(BATCH_SIZE, len(table))
    order = random.permutation(N_STEPS * batch_size) % len(table)
    keys = random.integers(0, 2**64, N_STEPS, dtype=np.uint64)
    state = solver.start(network.params)
    steps = order, batch_size, solver, state, np.full(N_STEPS, 1e-3), keys
    result = {"losses": network.train_steps(table, *steps), "params": network.params}
    loss, gradient = network.loss_and_gradient(table, noise_key=3)
    code = network.encode(table)
    result |= {
        "memory": np.concatenate(state.memory or [np.empty(0)]),
        "average": np.empty(0) if state.average is None else state.average,
        "loss": network.loss(table, noise_key=3),
        "loss with gradient": loss,
        "gradient": gradient,
        "code": code,
        "output": network.forward(table),
        "decoded": network.decode(code),
        "row errors": network.reconstruction_errors(table),
        "entry errors": network.feature_errors(table),
        "decoding errors": network.decoding_errors(code, table),
        "validation errors": network.validation_errors(table),
    }
    if network.architecture.variational:
        result |= {"posterior": network.posterior(table), "bound": network.bound(table, n_draws=2)}
    return result


def answers(folder: Path, n: int) -> list[dict[str, str]]:
    """What the build in a folder computes, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(folder.resolve()), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).resolve()), "--work", str(n)]
    done = subprocess.run(
        command, env=environment, cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    )
    *lines, where = done.stdout.splitlines()
    if Path(where).resolve().parent.parent != folder.resolve():
        raise SystemExit(f"{folder} is no build of ae_core: {where} was imported")
    return [json.loads(line) for line in lines]


def compare(before: list[dict[str, str]], after: list[dict[str, str]]) -> int:
    """Print how many results were compared, and which differ; their number."""
    n_results = n_different = 0
    for i, (first, second) in enumerate(zip(before, after, strict=True)):
        n_results += len(first)
        different = [name for name in first if first[name] != second.get(name)]
        n_different += len(different)
        if different:
            print(f"{i}: {', '.join(different)}")
            print(f"   {json.dumps(list(configurations(i + 1))[i])}")
    print(f"{n_results} results of {len(before)} configurations compared: {n_different} differ")
    return n_different


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("before", type=Path, nargs="?", help="a folder with an engine in place")
    parser.add_argument("after", type=Path, nargs="?", help="another")
    parser.add_argument("-n", type=int, default=400, help="how many configurations")
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work is not None:
        import ae_core

        with np.errstate(all="ignore"):
            for configuration in configurations(options.work):
                print(json.dumps(hashes(configuration)))
        print(ae_core.__file__)
        return
    if options.after is None:
        parser.error("two folders are needed")
    first, second = (answers(folder, options.n) for folder in (options.before, options.after))
    sys.exit(compare(first, second) > 0)


if __name__ == "__main__":
    main()
