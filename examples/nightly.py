"""A nightly job: learn what the rows of a Parquet file are like, score them, write, and report.

    python examples/nightly.py orders.parquet --keep order_id --model model -o odd.parquet

What is written has the columns to keep, each row's score (the higher, the less usual), its p-value,
whether it is an outlier, and the three columns that make it so. With ``--reuse`` rows are scored by
the model that is there, and nothing is learned.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from ae_core import AutoencoderOutlierDetector

N_REASONS = 3


def run(source, target, model, *, keep=(), reuse=False, random_state=0):
    """Fit, score, write; gives the lines of the report."""
    start = time.perf_counter()
    table = pd.read_parquet(source)
    kept, X = table[list(keep)], table.drop(columns=list(keep))
    if reuse and Path(model).exists():
        detector = AutoencoderOutlierDetector.load(model)
        learned = f"scored by {model}"
    else:
        is_mixed = any(dtype.kind not in "fiu" for dtype in map(np.dtype, _plain(X.dtypes)))
        detector = AutoencoderOutlierDetector(
            columns="mixed" if is_mixed else "numeric",
            missing_values="mask" if X.isna().any().any() else None,
            random_state=random_state,
        ).fit(X)
        detector.save(model)
        learned = f"learned from {len(X)} rows, saved in {model}"
    scored = kept.assign(
        score=-detector.score_samples(X),
        p_value=detector.p_values(X),
        is_outlier=detector.predict(X) == -1,
    )
    parts = detector.explain(X)
    order = np.argsort(-parts.to_numpy(), axis=1)[:, :N_REASONS]
    names = np.array(list(parts.columns), dtype=object)
    scored["why"] = [", ".join(names[row]) for row in order]
    scored.to_parquet(target)
    return report(scored, detector, learned, time.perf_counter() - start)


def report(scored, detector, learned, seconds):
    """What somebody wants to read in the morning."""
    odd = scored[scored["is_outlier"]].sort_values("score", ascending=False)
    lines = [
        f"{len(scored)} rows, {len(odd)} outliers (score above {detector.threshold_:.3g}); "
        + learned,
        *(
            f"  row {index}: score {row.score:.3g}, p = {row.p_value:.2g}, by {row.why}"
            for index, row in odd.head(10).iterrows()
        ),
    ]
    if len(odd) > 10:
        lines.append(f"  and {len(odd) - 10} more")
    return [*lines, f"{seconds:.1f} s"]


def _plain(dtypes):
    return [dtype if isinstance(dtype, np.dtype) else np.dtype(object) for dtype in dtypes]


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Score the rows of a Parquet file.")
    parser.add_argument("source", help="a Parquet file or folder")
    parser.add_argument("-o", "--target", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--keep", nargs="*", default=(), help="columns that only name rows")
    parser.add_argument("--reuse", action="store_true")
    given = parser.parse_args(arguments)
    lines = run(given.source, given.target, given.model, keep=given.keep, reuse=given.reuse)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
