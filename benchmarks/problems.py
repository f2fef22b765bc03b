"""What every peer is given: a network, its data and the parameters to start from."""

import gzip
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

TWO_ROWS = np.array([[0.37853141, 1.0], [0.59747807, 1.0]], dtype=np.float32)
DEEP = (784, 1000, 500, 250, 30, 250, 500, 1000, 784)


@dataclass(frozen=True)
class Configuration:
    """One network, its batch and its data, by name."""

    sizes: tuple[int, ...]
    activations: tuple[str, ...]  # one for each layer after the input
    batch_size: int
    data: str
    loss: str = "squared_error"
    biases: bool = True

    @property
    def n_weights(self) -> int:
        """Elements of all weight matrices."""
        return sum(a * b for a, b in pairwise(self.sizes))

    @property
    def training_flops(self) -> int:
        """Of the matrix products of one step. The input needs no delta: one product less."""
        first = self.sizes[0] * self.sizes[1]
        return self.batch_size * (6 * self.n_weights - 2 * first)

    @property
    def forward_flops(self) -> int:
        """Of the matrix products of one forward pass over a batch."""
        return 2 * self.batch_size * self.n_weights


def _logistic(sizes: tuple[int, ...]) -> tuple[str, ...]:
    return ("logistic",) * (len(sizes) - 2) + ("identity",)


def _plain(*sizes: int, batch_size: int, data: str, biases: bool = True) -> Configuration:
    return Configuration(sizes, _logistic(sizes), batch_size, data, biases=biases)


CONFIGURATIONS = {
    "question": _plain(2, 1, 2, 2, batch_size=2, data="question", biases=False),
    "digits": _plain(64, 32, 8, 32, 64, batch_size=32, data="digits"),
    "mnist": _plain(784, 128, 32, 128, 784, batch_size=256, data="mnist"),
    "deep": _plain(*DEEP, batch_size=1000, data="mnist"),
    "deep-small": Configuration(
        DEEP,
        ("elu",) * 3 + ("identity",) + ("elu",) * 3 + ("logistic",),
        batch_size=100,
        data="mnist",
        loss="binary_cross_entropy",
    ),
}


@dataclass(frozen=True)
class Problem:
    """A configuration with its numbers, as a worker process holds it."""

    configuration: Configuration
    X: np.ndarray  # (n_samples, n_features), float32, C-contiguous
    params: np.ndarray  # (n_params,), float32
    n_threads: int

    def layers(self) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Copies of each layer's weights (n_in, n_out) and biases (n_out,) or None.

        The flat vector holds W1, b1, W2, b2, … one after the other.
        """
        layers = []
        rest = self.params
        sizes = self.configuration.sizes
        for n_in, n_out in pairwise(sizes):
            weights, rest = rest[: n_in * n_out].reshape(n_in, n_out).copy(), rest[n_in * n_out :]
            biases = None
            if self.configuration.biases:
                biases, rest = rest[:n_out].copy(), rest[n_out:]
            layers.append((weights, biases))
        assert not rest.size, "the flat vector is longer than the layers"
        return layers


def load_data(name: str, folder: Path | None) -> tuple[np.ndarray, str]:
    """The rows of a data set as float32 (n_samples, n_features), and what they are."""
    if name == "question":
        return TWO_ROWS, "the question's two rows"
    if name == "digits":
        return _digits()
    images = None if folder is None else folder / "train-images-idx3-ubyte.gz"
    if images is None or not images.exists():
        return _random_images(), "RANDOM data of MNIST's shape and sparsity"
    X = read_idx(images)
    return X.reshape(len(X), -1).astype(np.float32) / 255, "MNIST, training images"


def _digits() -> tuple[np.ndarray, str]:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        X = np.random.default_rng(0).random((1797, 64), dtype=np.float32)
        return X * (X > 0.5), "RANDOM data of the digits' shape and sparsity"
    return (load_digits().data / 16).astype(np.float32), "scikit-learn's digits"


def _random_images() -> np.ndarray:
    """Shape and sparsity of MNIST's training images: 19 % of pixels are not 0."""
    random = np.random.default_rng(0)
    X = random.random((60_000, 784), dtype=np.float32)
    X[random.random(X.shape, dtype=np.float32) > 0.19] = 0
    return X


def read_idx(path: Path) -> np.ndarray:
    """The array of bytes in a gzipped IDX file.

    Raises
    ------
    ValueError
        When the file is not IDX, or not of unsigned bytes.
    """
    with gzip.open(path) as file:
        zeros, kind, n_axes = struct.unpack(">HBB", file.read(4))
        if zeros != 0 or kind != 8:
            raise ValueError(f"{path} is no IDX file of unsigned bytes")
        shape = struct.unpack(f">{n_axes}I", file.read(4 * n_axes))
        return np.frombuffer(file.read(), dtype=np.uint8).reshape(shape)
