"""What estimators call between epochs: a progress bar, and whatever the user hands to `fit`."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

from ..basics.arguments import shown
from .progress import Callback, Progress

SECONDS_BEFORE_A_BAR = 0.5
"""A fit that is over sooner needs no progress bar."""


class ProgressBar:
    """A tqdm bar over the epochs of a fit, with the loss beside it."""

    def __init__(self, max_iter: int, n_done: int = 0) -> None:
        from tqdm.auto import tqdm

        self.bar = tqdm(
            total=max_iter, initial=n_done, unit="epoch", delay=SECONDS_BEFORE_A_BAR, leave=True
        )

    def __call__(self, progress: Progress) -> None:
        losses = {"loss": f"{progress.loss:.4g}"}
        if progress.validation_loss is not None:
            losses["held out"] = f"{progress.validation_loss:.4g}"
        self.bar.set_postfix(losses, refresh=False)
        self.bar.update(progress.n_iter - self.bar.n)

    def close(self) -> None:
        """Leave the bar as it is."""
        self.bar.close()


def check_callbacks(callbacks: Any) -> tuple[Callback, ...]:
    """The callbacks as a tuple.

    Raises
    ------
    ValueError
        When they are no iterable of callables.
    """
    if callbacks is None:
        return ()
    if callable(callbacks):
        one = shown(callbacks)
        raise ValueError(f"callbacks={one}: must be a list, such as [{one}]")
    if isinstance(callbacks, str | bytes) or not isinstance(callbacks, Iterable):
        raise ValueError(f"callbacks={shown(callbacks)}: must be a list of functions of a Progress")
    given, callbacks = callbacks, tuple(callbacks)
    for callback in callbacks:
        if not callable(callback):
            raise ValueError(
                f"callbacks has {shown(callback)}, which can't be called: {shown(given)}"
            )
    return callbacks


def joined(callbacks: tuple[Callback, ...]) -> Callback | None:
    """One callback that calls them all, and stops when any wants to; None for none."""
    if not callbacks:
        return None

    def call_all(progress: Progress) -> bool:
        answers = [callback(progress) for callback in callbacks]  # all are told, whoever stops
        return any(answer is True for answer in answers)

    return call_all


def with_progress_bar(
    stack: ExitStack, callbacks: tuple[Callback, ...], verbose: Any, max_iter: int, n_done: int
) -> tuple[Callback, ...]:
    """The callbacks, with a bar in front that closes with the stack, if one is wanted."""
    if not verbose:
        return callbacks
    bar = ProgressBar(max_iter, n_done)
    stack.callback(bar.close)
    show: Callable[[Progress], None] = bar
    return (show, *callbacks)
