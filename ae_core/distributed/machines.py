"""Where things are computed: by a Dask cluster, or here where there is none."""

import pickle
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import dask
import distributed
from dask.delayed import Delayed, delayed
from distributed import KilledWorker
from distributed.comm import CommClosedError

from ..basics.shown import cut, printable
from .names import Names

SECONDS_WITHOUT_WORKERS = 60.0
"""How long a cluster may have no worker, as while one is started again."""

SECONDS_BETWEEN_LOOKS = 2.0
"""Interval at which a wait checks that there are workers, and that they are busy."""

SECONDS_OF_NOTHING = 30.0
"""Time without a running or finished task after which tasks are sent again.

It doubles each time, because moving large data looks the same.
"""

SECONDS_FOR_AN_ANSWER = 60.0
"""How long a scheduler may take to answer a question."""

MOST_ATTEMPTS = 4
"""Attempts before a ClusterError is raised."""

OF_THE_CLUSTER = (KilledWorker, CancelledError, CommClosedError)
"""Errors of a future that do not come from its task."""


class ClusterError(RuntimeError):
    """The cluster, not the data, kept a fit from ending; the message says what to do."""


class _Stalled(Exception):
    """There are workers, but none of them works on the tasks that are waited for."""


class _OfTask(Exception):
    """Wraps an error that a task raised, so that its type is not taken for the cluster's."""


def given(value: Any) -> Delayed:
    """A value as a task, which can be repeated where it is lost: unlike scattered data."""
    return delayed(pickle.loads, pure=False)(pickle.dumps(value))


class Graph:
    """Many tasks that build on each other: `delayed` would merge all graphs for each of them."""

    def __init__(self) -> None:
        self.tasks: dict[Any, Any] = {}

    def add(self, function: Any, *args: Any) -> str:
        """Add a call; returns the key that stands for its result in other calls.

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
        """Add a value as a task, as the function `given` makes one."""
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
        if client is None:
            try:
                client = distributed.default_client()
            except ValueError:
                client = None
        elif not isinstance(client, distributed.Client):
            raise ValueError(f"client={type(client).__name__}: must be a distributed.Client")
        self.client = client
        self.names = Names()

    def kept(self, tasks: Sequence[Delayed]) -> list[Delayed]:
        """Compute tasks, and leave the results where they are computed."""
        if self.client is None:
            return list(dask.persist(*tasks, scheduler="synchronous"))
        with _named_failures(self.client):
            self.names.note(tasks)
            self._hold([task.key for task in tasks], self.names.as_sent(tasks))
        return [Delayed(task.key, {task.key: None}) for task in tasks]  # for others to refer to

    def release(self, tasks: Sequence[Delayed]) -> None:
        """Let workers forget tasks that were `kept`."""
        for task in tasks:
            self.names.held.pop(task.key, None)

    def results(self, tasks: Sequence[Delayed]) -> list[Any]:
        """Compute tasks and fetch their results.

        Raises
        ------
        ClusterError
            When there is no worker, or no scheduler, or workers die of a task again and again.
        """
        if self.client is None:
            return list(dask.compute(*tasks, scheduler="synchronous"))
        try:
            with _named_failures(self.client):
                return self._brought(tasks)
        except _OfTask as wrapped:
            error = wrapped.args[0]
        raise error

    def result(self, task: Delayed) -> Any:
        """Compute one task and fetch its result; raises as `results`."""
        return self.results([task])[0]

    def groups(self, tasks: Sequence[Delayed]) -> list[list[Delayed]]:
        """Tasks that are `kept`, in groups that are on one worker each; in order."""
        if self.client is None:
            return [list(tasks)]
        futures = [self.names.held[task.key] for task in tasks]
        with _named_failures(self.client):
            holders = self._ask(self.client.who_has, futures)
        groups: dict[str, list[Delayed]] = {}
        for task, future in zip(tasks, futures, strict=True):
            groups.setdefault(min(holders.get(future.key) or [""]), []).append(task)
        return list(groups.values())

    def _hold(self, keys: list[Any], tasks: list[Delayed]) -> None:
        """Let workers compute and keep tasks; keys are their first names."""
        persisted = self.client.persist(tasks) if tasks else []  # Dask refuses to persist nothing
        for key, task in zip(keys, persisted, strict=True):
            (self.names.held[key],) = distributed.futures_of(task)

    def _brought(self, tasks: Sequence[Delayed]) -> list[Any]:
        """Fetch results; what the cluster lost is sent again, with all that workers keep."""
        n_attempts = 0
        while True:
            patience = SECONDS_OF_NOTHING * 2**n_attempts
            n_attempts += 1
            try:
                futures = self.client.compute(self.names.as_sent(tasks))
                while True:
                    self._wait(futures, patience)
                    try:  # what is lost before it is fetched has to be waited for again
                        return list(self._ask(self.client.gather, futures, seconds=patience))
                    except TimeoutError:
                        if all(future.status == "finished" for future in futures):
                            raise _Stalled from None
            except (*OF_THE_CLUSTER, _Stalled):
                if n_attempts == MOST_ATTEMPTS or self.client.status != "running":
                    raise
            self._hold(list(self.names.held), self.names.draw_others())

    def _ask(self, method: Any, *args: Any, seconds: float | None = None) -> Any:
        """Call a method of the client with a time limit; without one it may wait for ever."""
        return self.client.sync(
            lambda: method(*args), callback_timeout=seconds or SECONDS_FOR_AN_ANSWER
        )

    def _wait(self, futures: Sequence[Any], patience: float) -> None:
        """Wait until all are done; raise where there are no workers, or none does anything."""
        alone_since = idle_since = None
        before: Any = None
        while True:
            try:
                with self.client.as_current():  # that `wait` asks, whichever was made last
                    distributed.wait(futures, timeout=SECONDS_BETWEEN_LOOKS)
                break
            except TimeoutError:
                now = time.monotonic()
            is_alone = not self._ask(self.client.nthreads)  # as the scheduler has them now
            before, last = None if is_alone else self._doing(), before
            is_idle = before is not None and before == last
            alone_since = (alone_since or now) if is_alone else None
            idle_since = (idle_since or now) if is_idle else None
            if alone_since and now - alone_since > SECONDS_WITHOUT_WORKERS:
                raise ClusterError(
                    f"the cluster has had no worker for {SECONDS_WITHOUT_WORKERS:g} s: start "
                    "some, and fit again"
                )
            if idle_since and now - idle_since > patience:
                raise _Stalled
        for future in futures:
            if future.status == "error":
                error = future.exception(SECONDS_FOR_AN_ANSWER)
                raise error if isinstance(error, OF_THE_CLUSTER) else _OfTask(error)

    def _doing(self) -> Any:
        """The tasks that each worker has been given, if none of them runs; None if one does."""
        try:
            if any(self._ask(self.client.call_stack).values()):
                return None
        except TimeoutError:
            return None  # a worker that does not answer is busy
        processing = dict(self._ask(self.client.processing))
        return {where: sorted(map(str, keys)) for where, keys in processing.items()}


@contextmanager
def _named_failures(client: Any) -> Iterator[None]:
    """Replace Dask's errors about a cluster that failed by one sentence."""
    try:
        # Parameters go with the tasks that start from them, and Dask would warn of their size.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
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
    except _Stalled as error:
        raise ClusterError(
            f"workers are there, but did nothing of what they were sent {MOST_ATTEMPTS} times: "
            "restart the cluster (client.restart()), and fit again"
        ) from error
    except (CommClosedError, OSError) as error:
        raise ClusterError(
            "the Dask scheduler does not answer: what was learned up to the last epoch is kept in "
            "network_; start a cluster, and fit again"
        ) from error
