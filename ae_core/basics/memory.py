"""Lack of memory: an error says what was asked for and what to do, instead of nothing at all."""

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

FEWER_ROWS = "give fewer rows at a time, or ae_core.Blocks of them, which are read one by one"
"""What to do where each row is looked at by itself."""

TO_FIT = "give fewer rows or float32 numbers, take smaller layers or batches, or ae_core.Blocks"

SMALLER = "give fewer rows at a time, or float32 numbers, which take half"

START = "no memory for "

Method = TypeVar("Method", bound=Callable[..., Any])


def lacking(what: str, error: BaseException, advice: str) -> MemoryError:
    """The error to raise for another one: what there was no memory for, how much, what to do.

    Parameters
    ----------
    what : str
    error : MemoryError or other
        The original error; one that was made here is returned as it is.
    advice : str
    """
    text = " ".join(str(error).split())
    if START in text and isinstance(error, MemoryError):
        return error
    shape, dtype = getattr(error, "shape", None), getattr(error, "dtype", None)  # NumPy's has them
    if isinstance(shape, tuple) and isinstance(dtype, np.dtype):
        needed = math.prod(shape) * dtype.itemsize / 2**20
        text = f"{needed:,.1f} MiB more are needed, of {dtype} of shape {shape}"
    elif not text or not isinstance(error, MemoryError):
        text = "there is less than is needed"
    return MemoryError(f"{START}{what}: {text}; {advice}")


def room(shape: tuple[int, ...], dtype: Any, what: str) -> Any:
    """An array that is not filled yet.

    Raises
    ------
    MemoryError
        Saying what it is for, how large it is, and what to do.
    """
    try:
        return np.empty(shape, dtype)
    except MemoryError as error:
        raise lacking(what, error, FEWER_ROWS) from None


def says_what_it_lacks(advice: str) -> Callable[[Method], Method]:
    """A method of X, whose lack of memory is told with X's shape and what to do about it."""

    def wrap(method: Method) -> Method:
        @functools.wraps(method)
        def of_any(self: Any, *arguments: Any, **options: Any) -> Any:
            try:
                return method(self, *arguments, **options)
            except MemoryError as error:
                X = arguments[0] if arguments else options.get("X")
                called = f"{type(self).__name__}.{method.__name__}"
                shape = getattr(X, "shape", ())
                of_what = f" of X {tuple(shape)}" if len(shape) == 2 else ""
                raise lacking(called + of_what, error, advice) from None

        return cast(Method, of_any)

    return wrap
