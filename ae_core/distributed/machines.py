"""Where things are computed: by a Dask cluster, or here where there is none."""

import pickle
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import dask
from dask.delayed import Delayed, delayed

from ..basics.shown import cut, printable

SECONDS_WITHOUT_WORKERS = 60.0
"""So long a cluster may have no worker, as while one is started again."""

SECONDS_BETWEEN_LOOKS = 2.0
"""So often a wait looks whether there are any."""


class ClusterError(RuntimeError):
    """The cluster, not the data, kept a fit from ending; the message says what to do."""


def given(value: Any) -> Delayed:
    """A value as a task that makes it anew where it was lost: unlike what is scattered."""
    return delayed(pickle.loads, pure=False)(pickle.dumps(value))


class Graph:
    """Tasks that build on each other, many at once: `delayed` looks at all others for each."""

    def __init__(self) -> None:
        self.tasks: dict[Any, Any] = {}

    def add(self, function: Any, *args: Any) -> str:
        """A call, as the key that stands for its result in other calls.

        Parameters
        ----------
        function : callable
        *args
            Keys, `Delayed` objects that are kept, lists of both, and values.
        """
        key = f"{function.__name__}-{uuid4().hex}"
        self.tasks[key] = (function, *map(self._argument, args))
        return key

    def given(self, value: Any) -> str:
        """As `given`, of this graph."""
        return self.add(pickle.loads, pickle.dumps(value))

    def task(self, key: str) -> Delayed:
        """One of the results, to be computed or kept."""
        return Delayed(key, self.tasks)

    def _argument(self, value: Any) -> Any:
        if isinstance(value, Delayed):
            self.tasks.update(value.__dask_graph__())
            return value.key
        return [self._argument(each) for each in value] if isinstance(value, list) else value


class Machines:
    """A Dask client, or None: then everything is computed here, to the same bits.

    Parameters
    ----------
    client : distributed.Client, optional
        By default the one that was made last and is still open, if any.

    Raises
    ------
    ValueError
        When it is no client.
    """

    def __init__(self, client: Any = None) -> None:
        import distributed

        if client is None:
            try:
                client = distributed.default_client()
            except ValueError:
                client = None
        elif not isinstance(client, distributed.Client):
            raise ValueError(f"client={type(client).__name__}: must be a distributed.Client")
        self.client = client

    def kept(self, tasks: Sequence[Delayed]) -> list[Delayed]:
        """The same tasks, whose results stay where they are computed."""
        if self.client is None:
            return list(dask.persist(*tasks, scheduler="synchronous"))
        with _large_graphs():
            return list(self.client.persist(list(tasks)))

    def results(self, tasks: Sequence[Delayed]) -> list[Any]:
        """What tasks give, brought here.

        Raises
        ------
        ClusterError
            When there is no worker, or no scheduler, or workers die of a task again and again.
        """
        if not tasks:
            return []
        if self.client is None:
            return list(dask.compute(*tasks, scheduler="synchronous"))
        with _named_failures(self.client), _large_graphs():
            futures = self.client.compute(list(tasks))
            self._wait(futures)
            return list(self.client.gather(futures))

    def result(self, task: Delayed) -> Any:
        """What one task gives, brought here; raises as `results`."""
        return self.results([task])[0]

    def groups(self, tasks: Sequence[Delayed]) -> list[list[Delayed]]:
        """Tasks that are `kept`, in groups that are on one worker each; in order."""
        if self.client is None:
            return [list(tasks)]
        with _named_failures(self.client):
            holders = self.client.who_has([future_of(task) for task in tasks])
        groups: dict[str, list[Delayed]] = {}
        for task in tasks:
            where = sorted(holders.get(task.key) or ())
            groups.setdefault(where[0] if where else "", []).append(task)
        return list(groups.values())

    def _wait(self, futures: Sequence[Any]) -> None:
        """Until all are done, or there is nobody to do them."""
        import distributed

        alone_since = None
        while True:
            try:
                with self.client.as_current():  # that `wait` asks, whichever was made last
                    distributed.wait(futures, timeout=SECONDS_BETWEEN_LOOKS)
                return
            except (TimeoutError, distributed.TimeoutError):
                pass
            if self.client.nthreads():  # of each worker, as the scheduler has them now
                alone_since = None
                continue
            alone_since = alone_since or time.monotonic()
            if time.monotonic() - alone_since > SECONDS_WITHOUT_WORKERS:
                raise ClusterError(
                    f"the cluster has had no worker for {SECONDS_WITHOUT_WORKERS:g} s: start some, "
                    "and fit again"
                )


def future_of(task: Delayed) -> Any:
    """The future behind a task that a client keeps."""
    import distributed

    return next(iter(distributed.futures_of(task)))


@contextmanager
def _large_graphs() -> Iterator[None]:
    """Parameters go with the tasks that start from them, and Dask would warn of their size."""
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
        yield


@contextmanager
def _named_failures(client: Any) -> Iterator[None]:
    """One sentence about a cluster that failed, in place of Dask's own errors."""
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    try:
        yield
    except KilledWorker as error:
        raise ClusterError(
            f"workers died again and again of the same work ({cut(printable(str(error.task)), 60)})"
            ": give them more memory, or make partitions smaller (X.repartition, X.rechunk)"
        ) from error
    except CancelledError as error:
        if client.status == "running":  # and not looking for its scheduler
            raise ClusterError(
                "data was lost with its worker and can't be made again, because it was scattered: "
                "give a collection that reads its data, or scatter with broadcast=True"
            ) from error
        raise ClusterError(
            "the connection to the Dask scheduler was lost: what was learned up to the last epoch "
            "is kept in network_; start a cluster, and fit again"
        ) from error
    except (CommClosedError, OSError) as error:
        raise ClusterError(
            "the Dask scheduler does not answer: what was learned up to the last epoch is kept in "
            "network_; start a cluster, and fit again"
        ) from error
