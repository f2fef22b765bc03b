"""kill -9 of Dask workers at random moments of fits and inference: how often bits are the same.

    python benchmarks/dask_kills.py              # 30 kills, of one worker or both at once
    python benchmarks/dask_kills.py --kills 100 --seed 7

Needs ``pip install ".[dask]"``. Workers are two processes of this machine, which nannies start
again. A moment is drawn from when both are there, so that the first pass over the data, the steps,
and what is brought home are all hit; fits are by Adam, L-BFGS and with ``sync_every``, in turns.
"""

import argparse
import os
import random
import signal
import sys
import threading
import time
import warnings
from typing import Any

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

from ae_core.dask import DaskAutoencoder
from ae_core.distributed.names import Names

KINDS: dict[str, dict[str, Any]] = {
    "adam": {"max_iter": 40},
    "sync_every": {"max_iter": 20, "sync_every": 2},
    "lbfgs": {"solver": "lbfgs", "max_iter": 40},
}
SETTINGS = {
    # A LocalCluster gives up a worker that is not back after 15 s: a busy machine may need longer.
    "distributed.deploy.lost-worker-timeout": "300s",
}


def model(kind: str) -> DaskAutoencoder:
    """One to fit."""
    return DaskAutoencoder(
        n_components=4, batch_size=500, random_state=0, n_threads=1, **KINDS[kind]
    )


class Again:
    """Counts how often what Dask lost for good was sent again under other names."""

    def __init__(self) -> None:
        self.n, drawn = 0, Names.draw_others

        def counted(names: Names) -> Any:
            self.n += 1
            return drawn(names)

        Names.draw_others = counted  # type: ignore[method-assign]


class Killer(threading.Thread):
    """Kills workers at random moments until it is told to stop."""

    def __init__(self, cluster: LocalCluster, draws: random.Random, most: int) -> None:
        super().__init__(daemon=True)
        self.cluster, self.draws, self.most = cluster, draws, most
        self.n_killed = self.n_together = 0
        self.ended = threading.Event()

    def run(self) -> None:
        """Wait a moment, and kill; one of five times both."""
        while not self.ended.wait(self.draws.uniform(0.05, 3)) and self.n_killed < self.most:
            if len(self.cluster.scheduler.workers) < 2:
                continue
            pids = [nanny.pid for nanny in self.cluster.workers.values() if nanny.pid]
            if len(pids) == 2 and self.draws.random() >= 0.2:
                pids = [self.draws.choice(pids)]
            self.n_together += len(pids) == 2
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
                self.n_killed += 1

    def stop(self) -> None:
        """No more kills after this."""
        self.ended.set()
        self.join()


def main() -> int:
    """Fit and infer until there were so many kills; print how often bits were the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    X = np.random.default_rng(0).normal(size=(4000, 12))
    D = da.from_array(X, chunks=(500, -1))
    fitted = {kind: model(kind).fit(D) for kind in KINDS}
    scores = fitted["adam"].to_local().score(X)
    draws, again = random.Random(arguments.seed), Again()
    n_killed = n_together = n_same = n_runs = 0
    while n_killed < arguments.kills:
        kind = list(KINDS)[n_runs % len(KINDS)]
        # A new cluster for each fit: a nanny whose worker dies again and again gives it up.
        with (
            dask.config.set(SETTINGS),
            LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
            ) as cluster,
            Client(cluster) as client,
        ):
            killer, start = Killer(cluster, draws, arguments.kills - n_killed), time.monotonic()
            killer.start()
            try:
                found = model(kind).fit(D, client=client)
                same = found.network_.params.tobytes() == fitted[kind].network_.params.tobytes()
                if kind == "adam":  # inference, too, and what is brought home of it
                    same &= bool(np.isclose(found.score(D), scores, rtol=1e-12))
            finally:
                killer.stop()
        n_killed, n_together = n_killed + killer.n_killed, n_together + killer.n_together
        n_runs, n_same = n_runs + 1, n_same + same
        print(
            f"{kind}: {killer.n_killed} kills in {time.monotonic() - start:.0f} s, "
            f"{'same bits' if same else 'OTHER BITS'}",
            flush=True,
        )
    print(
        f"{n_runs} fits, {n_killed} kills ({n_together} times both workers), "
        f"{n_same} with the same bits; work was sent again under other names {again.n} times"
    )
    return int(n_same != n_runs)


if __name__ == "__main__":
    sys.exit(main())
