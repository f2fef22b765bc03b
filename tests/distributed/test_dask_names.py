"""What a cluster lost for good is made again under other names, a stated number of times."""

import numpy as np
import pytest

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")

from ae_core.dask import ClusterError, DaskAutoencoder  # noqa: E402
from ae_core.distributed import machines as machines_module  # noqa: E402
from ae_core.distributed.machines import Graph, Machines  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def rows(n=200):
    return np.random.default_rng(6).normal(size=(n, 5))


def model(**more):
    return DaskAutoencoder(
        hidden_layer_sizes=(6,), random_state=1, batch_size=40, max_iter=4, **more
    )


class Losing(Machines):
    """Loses what it is asked for, at chosen times, as a cluster does."""

    def __init__(self, client, losses):
        super().__init__(client)
        self.losses, self.n_waits = losses, 0

    def _wait(self, futures, patience):
        self.n_waits += 1
        if self.n_waits in self.losses:
            raise self.losses[self.n_waits]
        super()._wait(futures, patience)


def stalled():
    return machines_module._Stalled()


def killed():
    return distributed.KilledWorker("some-task", _worker(), 4)


def _worker():
    return distributed.scheduler.WorkerState(
        address="tcp://127.0.0.1:1",
        status=distributed.Status.running,
        pid=1,
        name="w",
        nthreads=1,
        memory_limit=0,
        local_directory="",
        nanny="",
        server_id="w",
    )


@pytest.mark.parametrize(
    ("of", "kind", "when"),
    [
        ("array", {}, (1,)),
        ("persisted", {}, (2, 3, 4)),
        ("delayed", {"sync_every": 2, "solver": "adamw"}, (4, 6)),
        ("frame", {"solver": "lbfgs"}, (7, 8, 9)),
    ],
)
def test_work_that_is_sent_again_has_the_same_bits(client, monkeypatch, of, kind, when):
    X = {
        "array": lambda: da.from_array(rows(), chunks=((90, 0, 31, 79), -1)),
        "delayed": lambda: [dask.delayed(rows)(), dask.delayed(rows)(50)],
        "frame": lambda: pytest.importorskip("dask.dataframe").from_array(rows(), chunksize=70),
    }["array" if of == "persisted" else of]()
    expected = model(**kind).fit(X).network_.params
    if of == "persisted":
        X = client.persist(X)
    errors = {n: stalled() if n % 2 else killed() for n in when}
    losing = []
    monkeypatch.setattr(
        "ae_core.distributed.fitting.Machines",
        lambda c: losing.append(Losing(c, errors)) or losing[0],
    )
    fitted = model(**kind).fit(X, client=client)
    assert losing[0].n_waits > max(when)
    np.testing.assert_array_equal(fitted.network_.params, expected)


@pytest.mark.parametrize(
    ("error", "says"), [(stalled, "did nothing"), (killed, "again and again of the same work")]
)
def test_after_the_last_attempt_one_line_says_so(client, error, says):
    machines = Losing(client, {n: error() for n in range(1, 9)})
    with pytest.raises(ClusterError, match=says) as raised:
        machines.results([dask.delayed(abs)(-3)])
    assert machines.n_waits == machines_module.MOST_ATTEMPTS
    assert len(str(raised.value)) <= 300


def test_a_task_that_nobody_computes_is_not_waited_for_for_ever(client, monkeypatch):
    """No worker may have it, so it lies with the scheduler: as what Dask left away."""
    monkeypatch.setattr(machines_module, "SECONDS_OF_NOTHING", 0.2)
    monkeypatch.setattr(machines_module, "SECONDS_BETWEEN_LOOKS", 0.1)
    with pytest.raises(ClusterError, match="did nothing"):
        Nowhere(client).results([dask.delayed(abs)(-3)])


class Nowhere(Machines):
    """Sends tasks that no worker may take."""

    def _brought(self, tasks):
        with dask.annotate(workers=["tcp://127.0.0.1:9"], allow_other_workers=False):
            return super()._brought(tasks)


def test_a_long_task_is_not_sent_again(client, monkeypatch):
    monkeypatch.setattr(machines_module, "SECONDS_OF_NOTHING", 0.1)
    monkeypatch.setattr(machines_module, "SECONDS_BETWEEN_LOOKS", 0.1)
    machines = Losing(client, {})
    assert machines.results([dask.delayed(_slow)(7)]) == [7]
    assert machines.n_waits == 1


def _slow(x):
    import time

    time.sleep(1.5)
    return x


@pytest.mark.parametrize("error", [FileNotFoundError, ConnectionResetError, TimeoutError, KeyError])
def test_a_task_s_own_error_is_not_the_scheduler_s(client, error):
    machines = Losing(client, {})
    with pytest.raises(error, match="part-7"):
        machines.results([dask.delayed(_failing)(error)])
    assert machines.n_waits == 1


def _failing(error):
    raise error("part-7")


def test_what_is_released_is_forgotten(client):
    machines = Machines(client)
    kept = machines.kept([dask.delayed(abs)(-3)])
    assert machines.results(kept) == [3]
    machines.release(kept)
    assert not machines.names.held


def test_keys_of_any_kind_get_other_names(client):
    machines = Losing(client, {1: stalled(), 3: stalled()})
    (kept,) = machines.kept([dask.delayed(abs)(-3)])
    graph = Graph()
    task = graph.task(graph.add(max, [kept, kept]))
    assert machines.results([task]) == [3]
    assert machines.results([task]) == [3]
    assert machines.n_waits == 4
