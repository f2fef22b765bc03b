"""Tasks that are sent again, under names that no scheduler and no worker has seen before.

When a worker dies at an unlucky moment, Dask may wait for ever for a task that nobody computes, or
blame a task for the deaths of those who had it. Neither is cured under the task's old name. So what
is kept here is how everything was made: then it can be made again, as something new.
"""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from dask._task_spec import GraphNode, convert_legacy_task
from dask.base import clone_key
from dask.delayed import Delayed
from dask.highlevelgraph import HighLevelGraph


class Names:
    """Which tasks workers keep, how they were made, and what they are called at present."""

    def __init__(self) -> None:
        self.held: dict[Any, Any] = {}
        """The futures of what workers keep, by the names that tasks had at first."""
        self._made: dict[Any, Any] = {}
        """How each was made; also of what is no longer kept, because other tasks need it."""
        self._kept: set[Any] = set()
        """Keys of all that was ever kept: in graphs of other tasks they are placeholders."""
        self._seed = ""
        """From which the present names are made; empty for the first names."""

    def note(self, tasks: Sequence[Delayed]) -> None:
        """Remember how tasks are made that workers will keep."""
        graph = _graph_of(tasks)
        self._made.update({key: made for key, made in graph.items() if key not in self._kept})
        self._kept.update(task.key for task in tasks)

    def as_sent(self, tasks: Sequence[Delayed]) -> list[Delayed]:
        """The same tasks under their present names, made of what workers keep at present."""
        graph = _graph_of(tasks)
        graph.update({key: self.held[key] for key in graph.keys() & self.held.keys()})
        return self._renamed(graph, [task.key for task in tasks])

    def draw_others(self) -> list[Delayed]:
        """Use new names from now on; returns the tasks that make under them what is kept."""
        self._seed = uuid4().hex
        # Of what the user's own persisted collection keeps on workers only the name is known.
        others = {key: future for key, future in self.held.items() if key not in self._made}
        return self._renamed({**others, **self._made}, list(self.held))

    def _renamed(self, graph: dict[Any, Any], keys: list[Any]) -> list[Delayed]:
        if not self._seed:
            return [Delayed(key, graph) for key in keys]
        others = {key: self._other(key) for key in graph}
        renamed = {}
        for key, made in graph.items():
            if not isinstance(made, GraphNode) and not hasattr(made, "client"):  # a future has one
                made = convert_legacy_task(key, made, graph.keys())
            if isinstance(made, GraphNode):
                made = made.substitute(others, key=others[key])
            renamed[others[key]] = made
        return [Delayed(others.get(key, key), renamed) for key in keys]

    def _other(self, key: Any) -> Any:
        try:
            return clone_key(key, self._seed)
        except TypeError:  # neither a string nor a tuple that begins with one
            return f"{key}-{self._seed}"


def _graph_of(tasks: Sequence[Delayed]) -> dict[Any, Any]:
    """What tasks are made of, each layer that they share once."""
    return dict(HighLevelGraph.merge(*(task.__dask_graph__() for task in tasks)).to_dict())
