"""One thread for BLAS while the engine's own threads use it.

The limit is a property of the whole process, so its users are counted: two fits at once must not
lift it under each other, from whatever threads they come and in whatever order they leave. Somebody
else's `threadpool_limits` in another thread is beyond that: it changes the number for us as well,
and with it, in products left to BLAS, perhaps the last bits of a result.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
_n_users = 0
_libraries: list[Any] | None = None
_before: list[int] = []


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Hold every BLAS of this process to one thread until the last user is done."""
    global _n_users, _before
    counted = False
    try:
        with _lock:
            if _n_users == 0:
                _before = [library.get_num_threads() for library in _find_libraries()]
                _set([1] * len(_before))
            _n_users += 1
            counted = True
        yield
    finally:
        if counted:
            with _lock:
                _n_users = max(0, _n_users - 1)
                if _n_users == 0:
                    _set(_before)


def _find_libraries() -> list[Any]:
    """The BLAS libraries loaded; found once, for that takes much longer than setting them."""
    global _libraries
    if _libraries is None:
        from threadpoolctl import ThreadpoolController

        found = ThreadpoolController().select(user_api="blas").lib_controllers
        _libraries = [library for library in found if library.get_num_threads() is not None]
    return _libraries


def _set(n_threads: list[int]) -> None:
    for library, n in zip(_find_libraries(), n_threads, strict=True):
        # From version 3.8 on, threadpoolctl lets only one thread at a time set OpenBLAS, and
        # silently does nothing in others. Who may set it when is our count's business.
        clear = getattr(library, "clear_controlling_thread", None)
        if clear is not None:
            clear(force=True)
        library.set_num_threads(n)
        if clear is not None:
            clear(force=True)


def _after_fork() -> None:
    """A child starts without the parent's users, whose threads it does not have."""
    global _lock, _n_users
    _lock = threading.Lock()
    if _n_users:
        _n_users = 0
        _set(_before)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
