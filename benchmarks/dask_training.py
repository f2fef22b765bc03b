"""Training over Dask collections: steps per second, and bytes per step.

    python benchmarks/dask_training.py              # one process, then clusters of 1 and 2 workers
    python benchmarks/dask_training.py --model      # the table of docs/guide/many-machines.md

Needs ``pip install ".[dask]"``. Workers are processes of this machine, with one thread each.
"""

import argparse
import time
import warnings
from typing import Any

import numpy as np

MACHINES = (2, 4, 8, 16, 32, 64, 128, 256)


def main() -> None:
    """Run what was asked for, and print it as a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=64)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--model", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.model:
        print(model_table())
    else:
        measure(arguments)


# --- the model ----------------------------------------------------------------------------------


def speed_up(
    machines: int, seconds: float, params: float, gradient: float, bandwidth: float, latency: float
) -> float:
    """How many times faster a step is on so many machines than on one, by the cost model."""
    moved = (machines - 1) * (params + gradient)
    return seconds / (seconds / machines + moved / bandwidth + 3 * latency)


def model_table() -> str:
    """The table of the guide, in Markdown."""
    lines = ["| seconds a step on one | " + " | ".join(map(str, MACHINES)) + " |"]
    lines.append("| --- |" + " ---: |" * len(MACHINES))
    for seconds in (0.1, 1.0, 10.0):
        speeds = [speed_up(m, seconds, 0.8e6, 0.8e6, 1.25e9, 2e-3) for m in MACHINES]
        lines.append(f"| {seconds:g} | " + " | ".join(f"{s:.1f}" for s in speeds) + " |")
    return "\n".join(lines)


# --- measurements -------------------------------------------------------------------------------


def table(rows: int, columns: int) -> Any:
    """Rows near a subspace."""
    draws = np.random.default_rng(0)
    X = draws.normal(size=(rows, 8)) @ draws.normal(size=(8, columns))
    return X + 0.1 * draws.normal(size=X.shape)


def options(arguments: argparse.Namespace) -> dict[str, Any]:
    """The same for all."""
    return {
        "n_components": 8,
        "batch_size": arguments.batch_size,
        "max_iter": arguments.epochs,
        "random_state": 0,
        "n_threads": 1,
    }


def received(client: Any) -> int:
    """Bytes that workers have sent each other so far."""
    counts = client.run(lambda dask_worker: dask_worker.transfer_outgoing_bytes_total)
    return sum(counts.values())


def measure(arguments: argparse.Namespace) -> None:
    """Steps per second in one process and on 1 and 2 workers, and the bytes they moved."""
    import dask.array as da
    from distributed import Client, LocalCluster

    from ae_core import Autoencoder
    from ae_core.dask import DaskAutoencoder

    X = table(arguments.rows, arguments.columns)
    chunks = (-(-arguments.rows // arguments.partitions), -1)
    start = time.perf_counter()
    local = Autoencoder(**options(arguments)).fit(X)
    seconds, n_steps = time.perf_counter() - start, local.history_.n_steps
    size = local.network_.params.nbytes
    print(f"{size} bytes of parameters, {n_steps} steps of {arguments.batch_size} rows\n")
    print("| | seconds a fit | steps a second | bytes a step | model | MB once a fit |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    print(f"| one process | {seconds:.1f} | {n_steps / seconds:.1f} | | | |")
    bits = []
    for n_workers in (1, 2):
        with (
            LocalCluster(
                n_workers=n_workers, threads_per_worker=1, dashboard_address="127.0.0.1:0"
            ) as cluster,
            Client(cluster) as client,
        ):
            D = da.from_array(X, chunks=chunks).persist()
            DaskAutoencoder(**{**options(arguments), "max_iter": 1}).fit(D)  # workers import
            before, start = received(client), time.perf_counter()
            model = DaskAutoencoder(**options(arguments)).fit(D)
            seconds = time.perf_counter() - start
            moved, before = received(client) - before, received(client)
            # What is looked at before and after, and rows that Dask moves, are once in a fit.
            longer = {**options(arguments), "max_iter": 2 * arguments.epochs}
            DaskAutoencoder(**longer).fit(D)
            of_steps = received(client) - before - moved
        bits.append(model.network_.params.tobytes())
        print(
            f"| {n_workers} workers | {seconds:.1f} | {n_steps / seconds:.1f} "
            f"| {of_steps / n_steps:.0f} | {(n_workers - 1) * 2 * size} "
            f"| {(moved - of_steps) / 1e6:.1f} |"
        )
    print(f"\nsame bits on 1 and 2 workers: {bits[0] == bits[1]}")


if __name__ == "__main__":
    main()
