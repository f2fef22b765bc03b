"""How soon a deep autoencoder of MNIST is good: the estimator beside PyTorch, one core each.

    python benchmarks/time_to_loss.py --data MNIST_FOLDER --out RESULTS_FOLDER
    python benchmarks/time_to_loss.py --data MNIST_FOLDER --epochs 1 --rows 2000 --rivals

See benchmarks/README.md for what is measured, and how.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

HIDDEN = (1000, 500, 250)
N_COMPONENTS = 30
BATCH_SIZE = 100
LEARNING_RATE = 3e-3
N_EPOCHS = 12
SEED = 0
OURS = "ae_core"
RIVALS = ("torch",)
HINTON = 3.00  # held-out squared error per image, Hinton & Salakhutdinov 2006


# --- a worker: one library in a process of its own ------------------------------------------------


class Epochs:
    """The worker's side of the pipe: waits for its turn, counts training time, reports.

    The clock runs from the permission to train until the end of the epoch; waiting and evaluating
    are left out.
    """

    def __init__(self, answers: Any, evaluate: Callable[[], float]) -> None:
        self.answers, self.evaluate = answers, evaluate
        self.seconds, self.started = 0.0, 0.0

    def wait(self) -> bool:
        """Wait for permission; False when there is no more to do."""
        go_on = bool(sys.stdin.readline())
        self.started = time.perf_counter()
        return go_on

    def finished(self) -> None:
        """Stop the clock, and tell the parent how it stands."""
        self.seconds += time.perf_counter() - self.started
        self.answer(seconds=self.seconds, error=self.evaluate())

    def answer(self, **content: Any) -> None:
        """Send one line of JSON."""
        self.answers.write(json.dumps(content) + "\n")


def work(rival: str, folder: str, n_epochs: str, n_rows: str, cpu: str) -> None:
    """Be a worker: train an epoch whenever a line arrives."""
    os.sched_setaffinity(0, {int(cpu)})
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints is no answer
    train, test = load(Path(folder), int(n_rows))
    {OURS: train_ours, "torch": train_torch}[rival](train, test, int(n_epochs), answers)


def load(folder: Path, n_rows: int) -> tuple[Any, Any]:
    """Images for training and held out ones, (n, 784) float32 in 0 … 1."""
    import numpy as np
    from problems import read_idx

    def images(name: str) -> Any:
        X = read_idx(folder / f"{name}-images-idx3-ubyte.gz")
        return X.reshape(len(X), -1).astype(np.float32) / 255

    return images("train")[:n_rows], images("t10k")


def squared_error(X: Any, X_hat: Any) -> float:
    """Summed over pixels, averaged over images."""
    import numpy as np

    return float(np.square(X - X_hat, dtype=np.float64).sum(axis=1).mean())


def train_ours(train: Any, test: Any, n_epochs: int, answers: Any) -> None:
    """The estimator; it waits in its callback."""
    from ae_core import Autoencoder, __version__

    networks = []
    epochs = Epochs(answers, lambda: squared_error(test, networks[-1].forward(test)))

    def after_epoch(progress: Any) -> bool:
        networks.append(progress.network)
        epochs.finished()
        return progress.n_iter < n_epochs and not epochs.wait()

    model = Autoencoder(
        n_components=N_COMPONENTS,
        hidden_layer_sizes=HIDDEN,
        activation="elu",
        code_activation="identity",
        output_activation="logistic",
        loss="binary_cross_entropy",
        scale=None,
        dtype="float32",
        batch_size=BATCH_SIZE,
        learning_rate="cosine",
        learning_rate_init=LEARNING_RATE,
        max_iter=n_epochs,
        alpha=0,
        tol=None,
        n_threads=1,
        random_state=SEED,
    )
    epochs.answer(version=__version__)
    if epochs.wait():
        model.fit(train, callbacks=[after_epoch])


def train_torch(train: Any, test: Any, n_epochs: int, answers: Any) -> None:
    """The same network, weights' distribution, rates and Adam in PyTorch."""
    import torch
    from torch import nn
    from torch.nn import functional

    from ae_core.formulas.schedules import Schedule

    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    sizes = (train.shape[1], *HIDDEN, N_COMPONENTS)
    sizes += sizes[-2::-1]
    modules: list[nn.Module] = []
    for layer, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        linear = nn.Linear(n_in, n_out)
        nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(linear.bias)
        modules.append(linear)
        if layer not in (len(HIDDEN) + 1, len(sizes) - 1):  # the code; the output's logits
            modules.append(nn.ELU())
    logits = nn.Sequential(*modules)
    optimizer = torch.optim.Adam(logits.parameters(), lr=LEARNING_RATE, fused=True)
    X, X_test = torch.from_numpy(train), torch.from_numpy(test)
    steps = -(-len(X) // BATCH_SIZE)
    rates = Schedule("cosine", LEARNING_RATE, steps, n_epochs).rates(0, steps * n_epochs).tolist()

    def evaluate() -> float:
        with torch.inference_mode():
            return squared_error(test, torch.sigmoid(logits(X_test)).numpy())

    epochs = Epochs(answers, evaluate)
    epochs.answer(version=torch.__version__)
    for epoch in range(n_epochs):
        if not epochs.wait():
            return
        order = torch.randperm(len(X)).split(BATCH_SIZE)
        for rows, rate in zip(order, rates[epoch * steps :], strict=False):
            optimizer.param_groups[0]["lr"] = rate
            batch = X[rows]
            optimizer.zero_grad()
            loss = functional.binary_cross_entropy_with_logits(
                logits(batch), batch, reduction="sum"
            )
            (loss / len(batch)).backward()
            optimizer.step()
        epochs.finished()


# --- the parent -----------------------------------------------------------------------------------


class Rival:
    """The parent's handle to a worker."""

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        from worker import environment

        self.name = name
        arguments = (name, options.data, options.epochs, options.rows, options.cpu)
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=environment(1),
        )
        self.version: str = self._answer()["version"]
        self.seconds: list[float] = []
        self.errors: list[float] = []

    def epoch(self) -> None:
        """Let it train for an epoch, and note how it stands."""
        with suppress(BrokenPipeError):  # it died: the missing answer says so
            self.process.stdin.write("go\n")
        answer = self._answer()
        self.seconds.append(answer["seconds"])
        self.errors.append(answer["error"])

    def _answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"error: {self.name} died, exit code {self.process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def pca_error(options: argparse.Namespace) -> float:
    """The held-out error of PCA with as many components."""
    import numpy as np

    train, test = load(options.data, options.rows)
    mean = train.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = train - mean
    _, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    components = vectors[:, -N_COMPONENTS:].astype(np.float32)  # (784, 30)
    return squared_error(test, mean + (test - mean) @ components @ components.T)


def result_table(rivals: list[Rival]) -> list[str]:
    """Seconds of training and the held-out error after each epoch."""
    from report import table

    header = ["epoch"]
    for rival in rivals:
        header += [f"{rival.name}, s", "error"]
    header += [f"{rival.name}'s time / {OURS}'s" for rival in rivals[1:]]
    rows = []
    for epoch, ours in enumerate(rivals[0].seconds):
        row = [str(epoch + 1)]
        for rival in rivals:
            row += [f"{rival.seconds[epoch]:.1f}", f"{rival.errors[epoch]:.3f}"]
        rows.append(row + [f"{rival.seconds[epoch] / ours:.2f}" for rival in rivals[1:]])
    return table(header, rows, n_left=0)


def last_line(rivals: list[Rival], pca: float) -> str:
    """What came of it, in a sentence."""
    ends = [
        f"{each.name} {each.version} reached {each.errors[-1]:.3f} in {each.seconds[-1]:.1f} s"
        for each in rivals
    ]
    return (
        f"Held-out squared error per image after {len(rivals[0].seconds)} epochs: "
        f"{'; '.join(ends)}. PCA with {N_COMPONENTS} components: {pca:.2f}; "
        f"Hinton & Salakhutdinov: {HINTON:.2f}."
    )


def draw(rivals: list[Rival], pca: float, path: Path) -> None:
    """Held-out error against seconds of training, to a file."""
    from ae_core.displays.figures import COLORS, INK, new_figure

    figure = new_figure(figsize=(8, 5))
    axes = figure.add_subplot()
    for rival, color in zip(rivals, (COLORS[0], COLORS[2], COLORS[1]), strict=False):
        axes.plot(rival.seconds, rival.errors, "o-", label=rival.name, color=color, markersize=4)
    known = ((pca, f"PCA, {N_COMPONENTS} components"), (HINTON, "Hinton & Salakhutdinov 2006"))
    for value, label in known:
        axes.axhline(value, color=INK, linewidth=1, dashes=(6, 3))
        axes.annotate(
            f"{label}: {value:.2f}",
            (0, value),
            xytext=(6, 4),
            textcoords="offset points",
            color=INK,
            fontsize="small",
        )
    axes.set_yscale("log")
    for each in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        each("{x:g}")
    axes.set_xlim(0, None)
    axes.set_xlabel("seconds of training, one core")
    axes.set_ylabel("held-out squared error per image")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="center right")
    title = "MNIST through 30 numbers: 784-1000-500-250-30 and back"
    axes.set_title(title, loc="left", color=INK)
    figure.savefig(path, dpi=120)


def describe_run(options: argparse.Namespace) -> str:
    """One line about what was run, and on what."""
    from machine import cpu_model

    return (
        f"784-{'-'.join(map(str, HIDDEN))}-{N_COMPONENTS} and back, elu, identity code, logistic "
        f"output, binary cross-entropy, Adam, batch {BATCH_SIZE}, 5 % warm-up, cosine from "
        f"{LEARNING_RATE:g}, float32, {options.rows} training images; {cpu_model()}, one core, "
        f"Python {platform.python_version()}"
    )


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with MNIST's IDX files")
    parser.add_argument("--epochs", type=int, default=N_EPOCHS)
    parser.add_argument("--rows", type=int, default=60_000, help="training images")
    parser.add_argument("--rivals", nargs="*", choices=RIVALS, default=RIVALS, metavar="NAME")
    parser.add_argument("--out", type=Path, help="folder for time_to_loss.md, .json and .png")
    options = parser.parse_args()
    if options.epochs < 1:
        parser.error(f"--epochs {options.epochs}: at least 1")
    if not BATCH_SIZE <= options.rows <= 60_000:
        parser.error(f"--rows {options.rows}: {BATCH_SIZE} to 60000")
    options.data = options.data.resolve()
    options.cpu = max(os.sched_getaffinity(0))
    return options


def main() -> None:
    """Measure, print and write."""
    options = parse_options()
    pca = pca_error(options)
    rivals = [Rival(name, options) for name in (OURS, *options.rivals)]
    for epoch in range(1, options.epochs + 1):
        for rival in rivals:
            rival.epoch()
            print(
                f"epoch {epoch}: {rival.name} {rival.seconds[-1]:.1f} s, {rival.errors[-1]:.3f}",
                file=sys.stderr,
                flush=True,
            )
    for rival in rivals:
        rival.close()
    lines = [describe_run(options), "", *result_table(rivals), "", last_line(rivals, pca)]
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if options.out is None:
        return
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "time_to_loss.md").write_text(text)
    result = {
        "run": describe_run(options),
        "pca": pca,
        "hinton": HINTON,
        "rivals": {
            each.name: {"version": each.version, "seconds": each.seconds, "errors": each.errors}
            for each in rivals
        },
    }
    (options.out / "time_to_loss.json").write_text(json.dumps(result, indent=2) + "\n")
    draw(rivals, pca, options.out / "time_to_loss.png")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(*sys.argv[2:])
    else:
        main()
