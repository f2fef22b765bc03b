"""Processes of a cluster: the same bits on any number, wherever partitions are, whoever dies."""

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import pytest

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")

from ae_core.dask import ClusterError, DaskAutoencoder  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL"),
]

CHUNKS = (90, 0, 31, 150, 8)


def rows():
    random, n = np.random.default_rng(4), sum(CHUNKS)
    return (
        random.normal(size=(n, 2)) @ random.normal(size=(2, 5)) + random.normal(size=(n, 5)) * 0.1
    )


def collection():
    return da.from_array(rows(), chunks=(CHUNKS, -1))


def model(**more):
    given = {"hidden_layer_sizes": (8,), "random_state": 0, "batch_size": 64, "max_iter": 3}
    return DaskAutoencoder(**{**given, **more})


@pytest.fixture(scope="module")
def two_processes():
    # A LocalCluster gives up a worker that is not back after 15 s, which a busy machine may need.
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "300s"}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


KINDS = {"each step": {}, "local steps": {"sync_every": 2}, "lbfgs": {"solver": "lbfgs"}}


@pytest.fixture(scope="module")
def expected():
    """What comes out without a cluster."""
    return {kind: model(**more).fit(collection()).network_.params for kind, more in KINDS.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_have_the_bits_of_none(two_processes, expected, kind):
    fitted = model(**KINDS[kind]).fit(collection(), client=two_processes)
    np.testing.assert_array_equal(fitted.network_.params, expected[kind])


@pytest.mark.parametrize("kind", ["each step", pytest.param("local steps", marks=pytest.mark.slow)])
def test_a_killed_worker_changes_no_bit(two_processes, expected, kind):
    killed = []

    def kill_one(progress):
        if progress.n_iter == 2:
            pid = next(iter(two_processes.run(os.getpid).values()))
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    while len(two_processes.nthreads()) < 2:  # the one that was killed before is started again
        time.sleep(0.1)
    fitted = model(**KINDS[kind])
    fitted.fit(collection(), callbacks=[kill_one], client=two_processes)
    assert len(killed) == 1
    np.testing.assert_array_equal(fitted.network_.params, expected[kind])


def test_two_kills_in_one_fit_change_no_bit(two_processes, expected):
    """The short version of ``benchmarks/dask_kills.py``."""
    killed = []

    def kill_one(progress):
        if progress.n_iter % 2:
            while len(two_processes.nthreads()) < 2:  # somebody has to be left
                time.sleep(0.1)
            pid = max(two_processes.run(os.getpid).values())
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    fitted = model(max_iter=4)
    fitted.fit(collection(), callbacks=[kill_one], client=two_processes)
    assert len(set(killed)) == 2
    wanted = model(max_iter=4).fit(collection()).network_.params
    np.testing.assert_array_equal(fitted.network_.params, wanted)


def test_inference_on_workers(two_processes):
    fitted = model().fit(collection())
    lazy = fitted.transform(collection())
    found = two_processes.compute(lazy).result()
    np.testing.assert_array_equal(found, fitted.to_local().transform(rows()))


def test_errors_of_the_data_come_through(two_processes):
    X = rows()
    X[100, 3] = np.nan
    with pytest.raises(ValueError, match=r"X\.partitions\[2\]\[10, 3\] is nan"):
        model().fit(da.from_array(X, chunks=(CHUNKS, -1)), client=two_processes)


def test_placements_and_four_workers_change_no_bit(expected):
    with (
        distributed.LocalCluster(
            n_workers=4, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        addresses = sorted(client.scheduler_info()["workers"])
        ends = np.cumsum([0, *CHUNKS])
        parts = [rows()[a:b] for a, b in pairwise(ends)]
        for seed in (0, 1):
            owners = np.random.default_rng(seed).integers(0, 4, len(parts))
            placed = [
                dask.delayed(client.scatter(part, workers=[addresses[i]], hash=False))
                for part, i in zip(parts, owners, strict=True)
            ]
            for kind in ("each step", "local steps"):
                fitted = model(**KINDS[kind]).fit(placed, client=client)
                np.testing.assert_array_equal(fitted.network_.params, expected[kind])


@pytest.mark.slow
def test_a_scheduler_that_dies_is_one_clear_error(tmp_path):
    scheduler_file = tmp_path / "scheduler.json"
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]
    command += ["--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(scheduler_file)]
    scheduler = subprocess.Popen(command, **options)
    command = [sys.executable, "-m", "distributed.cli.dask_worker", "--nthreads", "1"]
    command += ["--no-nanny", "--no-dashboard", "--scheduler-file", str(scheduler_file)]
    worker = subprocess.Popen(command, **options)
    try:
        with distributed.Client(
            scheduler_file=str(scheduler_file), timeout="1s", set_as_default=False
        ) as client:
            client.wait_for_workers(1, timeout=60)
            fitted = model(max_iter=50)
            with pytest.raises(ClusterError, match="scheduler") as raised:
                fitted.fit(
                    collection(),
                    callbacks=[lambda p: scheduler.kill() if p.n_iter == 2 else None],
                    client=client,
                )
            assert len(str(raised.value)) <= 300
            assert fitted.n_iter_ >= 2  # what was learned is kept
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()
