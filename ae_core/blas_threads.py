"""One thread for BLAS while the engine's own threads use it.

The limit is a property of the whole process, so its users are counted: two fits at once must not
lift it under each other.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
_n_users = 0
_controller: Any = None
_limiter: Any = None


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Hold every BLAS of this process to one thread until the last user is done."""
    global _n_users, _controller, _limiter
    with _lock:
        if _n_users == 0:
            if _controller is None:  # finding the libraries takes long, setting them does not
                from threadpoolctl import ThreadpoolController

                _controller = ThreadpoolController()
            _limiter = _controller.limit(limits=1, user_api="blas")
        _n_users += 1
    try:
        yield
    finally:
        with _lock:
            _n_users -= 1
            if _n_users == 0:
                _limiter.restore_original_limits()


def _after_fork() -> None:
    """A child starts without the parent's users, whose threads it does not have."""
    global _lock, _n_users
    _lock = threading.Lock()
    if _n_users:
        _n_users = 0
        _limiter.restore_original_limits()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
