"""Arrays that end where memory ends: reading or writing one element too many is a crash."""

import ctypes
import mmap
from typing import Any

import numpy as np

PAGE = mmap.PAGESIZE
N_BLOCKS = 48
BLOCK = 32 * PAGE


class Guarded:
    """A few blocks of memory, each followed by a page that nobody may touch.

    Arrays come from the blocks in turn: one lives until so many others are made.
    """

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        size = BLOCK + PAGE
        self.memory = mmap.mmap(-1, N_BLOCKS * size)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        for block in range(N_BLOCKS):
            page = ctypes.c_void_p(start + block * size + BLOCK)
            if libc.mprotect(page, ctypes.c_size_t(PAGE), 0) != 0:
                raise OSError(ctypes.get_errno(), "mprotect")
        self.bytes = np.frombuffer(self.memory, np.uint8)
        self.next = 0

    def copy(self, values: Any) -> np.ndarray:
        """The same array, C-contiguous, at the end of a block; as it is when too large for one."""
        values = np.ascontiguousarray(values)
        if values.nbytes > BLOCK or values.nbytes == 0:
            return values
        stop = self.next * (BLOCK + PAGE) + BLOCK
        self.next = (self.next + 1) % N_BLOCKS
        place = self.bytes[stop - values.nbytes : stop].view(values.dtype).reshape(values.shape)
        place[...] = values
        return place
