"""Files that are never half written: made beside their place, then renamed into it."""

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

Path = str | os.PathLike[str]

MAX_LINKS = 40
"""Symbolic links that are followed for one path, as many as Linux follows."""


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file; whatever happens, the path has the old file or the new one, whole.

    The new file is made in the same directory, under a name like ``.ae_core-1f6c….tmp``, and until
    it is complete only its owner may read it. After any error it is removed; only a killed process
    or a power failure leaves it, and then it can be deleted.

    Parameters
    ----------
    path : str or path-like
        A symbolic link is followed, except another user's in a directory that everybody may write
        to, such as /tmp. A file that is already there keeps its permissions and its extended
        attributes, and its owner where this process may give files away; a new one gets the usual
        permissions.
    write : callable
        Writes the content to the open file it is given.

    Raises
    ------
    OSError
        When the file cannot be written. Names the path; what was there is as before.
    """
    name = os.fsdecode(path)
    try:
        _replace(target_of(name), write)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            error.errno or errno.EIO, f"{reason} (not saved; what was there is as before)", name
        ) from error


def target_of(path: Path) -> str:
    """The absolute path that symbolic links lead to, whether anything is there or not.

    Raises
    ------
    OSError
        For a link that another user has put into a directory that everybody may write to (a sticky
        one), where the link's owner would choose what is overwritten, and for links in a circle.
        The rule is that of Linux's ``fs.protected_symlinks``, which holds only for files that are
        opened by way of the link.
    """
    done, left = os.path.splitdrive(os.path.join(os.getcwd(), os.fsdecode(path)))
    done, parts, n_links = done + os.sep, _parts(left), 0
    while parts:
        part = parts.pop()
        if part == os.pardir:
            done = os.path.dirname(done)
            continue
        here = os.path.join(done, part)
        try:
            link = os.readlink(here)
        except OSError:  # no link, or nothing at all
            done = here
            continue
        n_links += 1
        if n_links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if os.name == "posix":
            _check_owner(here, done)
        if os.path.isabs(link):
            drive, link = os.path.splitdrive(link)
            done = (drive or os.path.splitdrive(done)[0]) + os.sep
        parts += _parts(link)
    return done


def _parts(path: str) -> list[str]:
    """The names in a path, the first one last."""
    if os.altsep:
        path = path.replace(os.altsep, os.sep)
    return [part for part in reversed(path.split(os.sep)) if part not in ("", os.curdir)]


def _check_owner(link: str, folder: str) -> None:
    """Refuse to follow another user's link in a sticky directory that everybody may write to."""
    around, own = os.stat(folder), os.lstat(link)
    is_shared = around.st_mode & stat.S_ISVTX and around.st_mode & stat.S_IWOTH
    if is_shared and own.st_uid not in (os.geteuid(), around.st_uid):
        raise OSError(
            errno.EACCES, f"another user's symbolic link in {folder}, where anybody may put one"
        )


def file_to_replace(target: str) -> os.stat_result | None:
    """What is known of the file that is there, where it may be replaced; None where none is.

    Raises
    ------
    OSError
        For what is no regular file, or may not be written to.
    """
    try:
        old = os.stat(target)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(old.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(old.st_mode):  # renaming onto a device would replace the device
        raise OSError(errno.EINVAL, "Not a regular file")
    if not os.access(target, os.W_OK):  # renaming would not ask
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    return old


def _replace(target: str, write: Callable[[BinaryIO], object]) -> None:
    old = file_to_replace(target)
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".ae_core-{os.urandom(8).hex()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    # What a directory's access list for new files gives, only the system can work out.
    is_listed = old is None and "system.posix_acl_default" in _attributes(folder)
    try:
        with open(os.open(temporary, flags, 0o666 if is_listed else 0o600), "wb") as file:
            write(file)
            file.flush()
            if os.name == "posix" and not is_listed:
                _take_over(file.fileno(), target, old)
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


def _take_over(new: int, target: str, old: os.stat_result | None) -> None:
    """Give the new file, by its descriptor, what the old one has beside its content."""
    if old is None:
        os.fchmod(new, 0o666 & ~_umask())
        return
    mode = old.st_mode & 0o777
    now = os.fstat(new)
    if now.st_uid != old.st_uid:
        with suppress(OSError):  # only root may
            os.fchown(new, old.st_uid, -1)
    if now.st_gid != old.st_gid:
        try:
            os.fchown(new, -1, old.st_gid)
        except OSError:  # what the old group was allowed is not the new one's
            mode &= ~0o070
    for name in _attributes(target):
        # Capabilities and signatures were given to the old content.
        if not name.startswith("security.") or name == "security.selinux":
            with suppress(OSError):  # some are the system's alone
                os.setxattr(new, name, os.getxattr(target, name))
    os.fchmod(new, mode)  # last: a new owner, or an access list, changes it


def _attributes(path: str) -> list[str]:
    """The names of a file's extended attributes."""
    if hasattr(os, "listxattr"):  # Linux only
        with suppress(OSError):
            return os.listxattr(path)
    return []


def _umask() -> int:
    """What new files are not to be allowed; Linux says so without changing it for a moment."""
    with suppress(OSError), open("/proc/self/status", "rb") as status:
        for line in status:
            if line.startswith(b"Umask:"):
                return int(line.split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
