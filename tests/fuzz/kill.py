"""Kill a checkpointing fit at random moments, and see that nothing is lost but the epoch.

    PYTHONPATH=tests python -m fuzz.kill --kills 100 --seed 0

A child process fits and writes a checkpoint after each epoch; SIGKILL ends it at a random moment.
Each time the file must be whole, or absent before the first checkpoint, and the fit that resumes
from it must end at the bits of the fit that nobody killed.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ae_core import Autoencoder, Checkpoint
from ae_core.files.model_file import read_file

ROWS, COLUMNS, EPOCHS = 2000, 60, 100


class Kills(NamedTuple):
    """What came of so many kills."""

    before_the_first: int
    """So many found no checkpoint yet."""
    epochs: tuple[int, ...]
    """At which epochs the other checkpoints were."""
    left: int
    """Temporary files that the killed left, at most one each."""


def kill_fits(folder: Path, n_kills: int, seed: int) -> Kills:
    """Kill a fit so often; each checkpoint is read, and resumed from to the end.

    Raises
    ------
    ModelFileError
        When a checkpoint is not whole.
    AssertionError
        When a resumed fit ends at other bits.
    """
    X = np.random.default_rng(0).random((ROWS, COLUMNS))
    settings = {"hidden_layer_sizes": (40,), "max_iter": EPOCHS, "tol": 0.0, "random_state": 0}
    whole, path = Autoencoder(5, **settings), folder / "fit.ckpt"
    whole.fit(X, callbacks=[Checkpoint(path)])  # once to warm up: the time is measured after
    path.unlink()
    start = time.perf_counter()
    whole.fit(X, callbacks=[Checkpoint(path)])
    seconds = time.perf_counter() - start
    path.unlink()
    moment, before_the_first, epochs = random.Random(seed), 0, []
    for _ in range(n_kills):
        child = os.fork()
        if child == 0:
            try:
                resumed = path if path.exists() else None
                Autoencoder(5, **settings).fit(X, callbacks=[Checkpoint(path)], resume_from=resumed)
                time.sleep(10 * seconds)  # to be killed all the same
            finally:
                os._exit(1)
        time.sleep(moment.uniform(0, seconds / 3))  # so that some fits are killed again and again
        os.kill(child, signal.SIGKILL)
        if os.WTERMSIG(os.waitpid(child, 0)[1]) != signal.SIGKILL:
            raise AssertionError("the child ended by itself")
        if not path.exists():
            before_the_first += 1
            continue
        history = read_file(path, "checkpoint").description["history"]
        epochs.append(len(history["loss_curve"]))
        resumed = Autoencoder(5, **settings).fit(X, resume_from=path)
        np.testing.assert_array_equal(resumed.network_.params, whole.network_.params)
        if resumed.history_ != whole.history_:
            raise AssertionError("the resumed fit has another history")
        if epochs[-1] == EPOCHS or moment.random() < 0.2:
            path.unlink()  # from the beginning again
    left = sum(name.startswith(".ae_core-") for name in os.listdir(folder))
    if left > n_kills:
        raise AssertionError(f"{left} temporary files after {n_kills} kills")
    return Kills(before_the_first, tuple(epochs), left)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.kill", description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        kills = kill_fits(Path(folder), arguments.kills, arguments.seed)
    print(
        f"{arguments.kills} kills, {kills.before_the_first} before the first checkpoint, "
        f"{len(kills.epochs)} checkpoints whole (epochs {min(kills.epochs)} to "
        f"{max(kills.epochs)} of {EPOCHS}), each resumed to the same bits; {kills.left} temporary "
        f"files left; {time.perf_counter() - start:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
