"""Files that are never half written: made beside their place, then renamed into it."""

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

Path = str | os.PathLike[str]


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file; whatever happens, the path has the old file or the new one, whole.

    The new file is made in the same directory, under a name like ``.ae_core-1f6c….tmp``. After any
    error it is removed; only a killed process or a power failure leaves it, and then it can be
    deleted.

    Parameters
    ----------
    path : str or path-like
        A symbolic link is followed. A file that is already there keeps its permissions; a new one
        gets the usual ones.
    write : callable
        Writes the content to the open file it is given.

    Raises
    ------
    OSError
        When the file cannot be written. Names the path; what was there is as before.
    """
    name = os.fsdecode(path)
    try:
        _replace(os.path.realpath(name), write)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            error.errno or errno.EIO, f"{reason} (not saved; what was there is as before)", name
        ) from error


def _replace(target: str, write: Callable[[BinaryIO], object]) -> None:
    mode = None
    with suppress(FileNotFoundError):
        mode = os.stat(target).st_mode
        if stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):  # renaming onto a device would replace the device
            raise OSError(errno.EINVAL, "Not a regular file")
        if not os.access(target, os.W_OK):  # renaming would not ask
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".ae_core-{os.urandom(8).hex()}.tmp")
    try:
        with open(temporary, "xb") as file:
            if mode is not None:
                os.chmod(temporary, mode & 0o777)
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    if os.name == "posix":
        # Makes the new name outlast a power failure. Where that cannot be had, the old file may
        # come back; it is whole too.
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
