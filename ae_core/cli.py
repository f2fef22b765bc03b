"""The command line: ``ae-core`` or ``python -m ae_core``."""

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

from . import __version__
from .architecture import Architecture
from .baselines import column_mean, principal_components
from .missing import MissingExtraError
from .network import Network
from .solvers import Adam
from .training import train

DEMO_SIZES = (64, 32, 8)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 0, or 1 with one line that says what went wrong."""
    parser = argparse.ArgumentParser(
        prog="ae-core",
        description="Dense autoencoders: compress, reconstruct, and see whether they learned.",
    )
    parser.add_argument("--version", action="version", version=f"ae_core {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", required=True)
    demo_parser = commands.add_parser(
        "demo",
        help="train on scikit-learn's digits and draw what comes out",
        description="Train a 64-32-8-32-64 autoencoder on scikit-learn's digits, hold out a "
        "quarter, compare with the column mean and PCA, and draw originals above reconstructions.",
    )
    demo_parser.add_argument(
        "-o",
        "--output",
        default="ae_core_demo.png",
        metavar="FILE",
        help="the picture (%(default)s)",
    )
    demo_parser.add_argument(
        "--max-iter", type=int, default=200, metavar="N", help="epochs (%(default)s)"
    )
    demo_parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="default: %(default)s"
    )
    options = parser.parse_args(arguments)
    try:
        demo(options.output, options.max_iter, options.seed)
    except (ValueError, OSError, MissingExtraError) as error:
        print(f"ae-core {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"ae-core {options.command}: interrupted", file=sys.stderr)
        return 130
    return 0


def demo(output: str, max_iter: int, seed: int) -> None:
    """Train on scikit-learn's digits, print the held-out loss beside baselines, draw a picture."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingExtraError("the demo's digits", "scikit-learn", "all") from error
    from .plots import new_figure, plot_reconstructions

    new_figure()  # better to learn that matplotlib is missing before training than after

    if seed < 0:
        raise ValueError(f"--seed={seed}: must not be negative")
    X = load_digits().data / 16.0  # (1797, 64), grey values 0 … 1
    shuffled = np.random.default_rng(seed).permutation(len(X))
    n_test = len(X) // 4
    X_test, X_train = X[shuffled[:n_test]], X[shuffled[n_test:]]
    architecture = Architecture.symmetrical(
        DEMO_SIZES, activation="tanh", code_activation="identity", output_activation="logistic"
    )
    network = Network(architecture, random_state=seed)
    sizes = "-".join(map(str, architecture.layer_sizes))
    print(f"Digits, 8 × 8 pixels: {len(X_train)} to learn from, {len(X_test)} held out.")
    print(f"Training {sizes} for {max_iter} epochs …", flush=True)
    started = time.perf_counter()
    history = train(
        network,
        X_train,
        solver=Adam(learning_rate_init=1e-2),
        learning_rate="cosine",
        batch_size=32,
        max_iter=max_iter,
        random_state=seed,
        X_val=X_test,
    )
    seconds = time.perf_counter() - started

    def loss(X_hat: np.ndarray) -> float:
        return float(0.5 * ((X_test - X_hat) ** 2).sum(axis=1).mean())

    n_components = architecture.n_components
    mean = loss(column_mean(X_train, X_test))
    pca = loss(principal_components(X_train, X_test, n_components))
    own = network.loss(X_test)
    print(f"{history.n_steps} steps in {seconds:.1f} s.\n")
    print("Held-out loss (half the squared error per image):")
    for label, value in [
        ("column mean", mean),
        (f"PCA, {n_components} components", pca),
        (f"autoencoder, code of {n_components}", own),
    ]:
        print(f"  {label:<24} {value:7.4f}   {value / mean:6.1%} of the mean's")
    print("\nBetter than PCA." if own < pca else "\nNot better than PCA: more epochs may help.")
    shown = X_test[:12]
    plot_reconstructions(
        shown.reshape(-1, 8, 8),
        network.forward(shown).reshape(-1, 8, 8),
        output,
        curves={"training": history.loss_curve, "held out": history.validation_loss_curve},
        baselines={"column mean": mean, f"PCA, {n_components} components": pca},
        title=f"Digits nobody trained on, through a code of {n_components} numbers",
    )
    print(f"Originals, reconstructions and the loss curve are in {output}.")
