"""Files that are replaced: who may read them meanwhile, whose they are, and what links lead to."""

import os
import stat
import struct

import numpy as np
import pytest
from written import write_table

from ae_core.files.model_file import write_file
from ae_core.files.table_file import check_output
from ae_core.files.whole_file import target_of, write_whole

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners and links of POSIX")
is_root = hasattr(os, "geteuid") and os.geteuid() == 0
needs_root = pytest.mark.skipif(not is_root, reason="only root may give files away")
STRANGER, OTHER = 54321, 54322


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def shared(tmp_path):
    """A directory like /tmp, in which anybody may make files."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


# --- permissions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o660, 0o400 | 0o200 | 0o001])
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_nobody_else_reads_a_file_before_it_is_whole(tmp_path, mode, umask):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    path.chmod(mode)
    seen = []

    def write(file):
        (temporary,) = tmp_path.glob(".ae_core-*.tmp")
        seen.extend([mode_of(temporary), stat.S_IMODE(os.fstat(file.fileno()).st_mode)])
        file.write(b"new")

    before = os.umask(umask)
    try:
        write_whole(path, write)
    finally:
        os.umask(before)
    assert seen == [0o600, 0o600]
    assert mode_of(path) == mode
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o027, 0o077])
@pytest.mark.parametrize("has_proc", [True, False])
def test_a_new_file_has_the_usual_permissions(tmp_path, umask, has_proc, monkeypatch):
    import ae_core.files.whole_file as module

    def without(path, *arguments, **options):
        if path == "/proc/self/status":
            raise FileNotFoundError(2, "No such file or directory", path)
        return open(path, *arguments, **options)

    if not has_proc:
        monkeypatch.setattr(module, "open", without, raising=False)
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "new", lambda file: file.write(b"x"))
        assert os.umask(umask) == umask  # as it was
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "new") == 0o666 & ~umask


def test_permissions_are_set_before_the_name_is(tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    path.chmod(0o640)
    replaced = []
    replace = os.replace

    def look(new, old):
        replaced.append(mode_of(new))
        replace(new, old)

    monkeypatch.setattr(os, "replace", look)
    write_whole(path, lambda file: file.write(b"new"))
    assert replaced == [0o640]


# --- owners and attributes -----------------------------------------------------------------------


@needs_root
@pytest.mark.parametrize(("owner", "group"), [(STRANGER, STRANGER), (STRANGER, 0), (0, OTHER)])
def test_a_file_stays_its_owners(tmp_path, owner, group):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    path.chmod(0o640)
    os.chown(path, owner, group)
    write_file(path, "model", {}, {"a": np.zeros(3)})
    status = path.stat()
    assert (status.st_uid, status.st_gid, mode_of(path)) == (owner, group, 0o640)


@needs_root
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_what_a_group_was_allowed_is_not_another_groups(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    os.chown(path, STRANGER, OTHER)
    path.chmod(0o664)
    tmp_path.chmod(0o777)
    folders = {folder: folder.stat().st_mode for folder in tmp_path.parents}
    closed = {folder: mode for folder, mode in folders.items() if not mode & 0o001}
    for folder, mode in closed.items():  # let that user through
        folder.chmod(mode | 0o001)
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(STRANGER)
            os.setuid(STRANGER)
            write_whole(path, lambda file: file.write(b"new"))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    for folder, mode in closed.items():
        folder.chmod(mode)
    assert path.read_bytes() == b"new"
    assert path.stat().st_gid == STRANGER
    assert mode_of(path) == 0o604


def attribute(path, name, value):
    try:
        os.setxattr(path, name, value)
    except (OSError, AttributeError):
        pytest.skip(f"no {name} here")


@pytest.mark.parametrize("names", [["user.origin"], ["user.a", "user.b", "user.c"]])
def test_extended_attributes_are_kept(tmp_path, names):
    path = tmp_path / "table.csv"
    path.write_bytes(b"old")
    for name in names:
        attribute(path, name, name.encode())
    write_table(str(path), ["a"], np.ones((2, 1)))
    assert path.read_bytes() == b"a\n1\n1\n"
    assert {name: os.getxattr(path, name) for name in names} == {n: n.encode() for n in names}


def access_list(*entries):
    """The extended attribute that an access list is: (tag, permissions, id) for each entry."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


OWNER, USER, GROUP, MASK, ANYBODY, NOBODY = 1, 2, 4, 16, 32, 0xFFFFFFFF


def test_an_access_list_is_kept(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    entries = ((OWNER, 6, NOBODY), (USER, 4, OTHER), (GROUP, 4, NOBODY), (MASK, 4, NOBODY))
    attribute(path, "system.posix_acl_access", access_list(*entries, (ANYBODY, 0, NOBODY)))
    before = os.getxattr(path, "system.posix_acl_access")
    write_whole(path, lambda file: file.write(b"new"))
    assert os.getxattr(path, "system.posix_acl_access") == before
    assert mode_of(path) == 0o640


def test_an_access_list_for_new_files_is_heard(tmp_path):
    entries = ((OWNER, 6, NOBODY), (GROUP, 6, NOBODY), (ANYBODY, 0, NOBODY))
    attribute(tmp_path, "system.posix_acl_default", access_list(*entries))
    (tmp_path / "usual").write_bytes(b"")
    write_whole(tmp_path / "new", lambda file: file.write(b"x"))
    assert mode_of(tmp_path / "new") == mode_of(tmp_path / "usual") == 0o660


# --- links ---------------------------------------------------------------------------------------


@needs_root
@pytest.mark.parametrize("where", ["file", "new file", "folder", "link to a link"])
def test_strangers_links_in_shared_directories_are_not_followed(tmp_path, shared, where):
    private = tmp_path / "private"
    private.mkdir()
    victim = private / "victim.csv"
    if where != "new file":
        victim.write_bytes(b"precious")
    path = link = shared / "out.csv"
    if where == "folder":
        link, path = shared / "folder", shared / "folder" / "victim.csv"
        link.symlink_to(private)
    elif where == "link to a link":
        path = tmp_path / "mine.csv"
        path.symlink_to(link)
        link.symlink_to(victim)
    else:
        link.symlink_to(victim)
    os.lchown(link, STRANGER, STRANGER)
    for save in (
        lambda: write_file(path, "model", {}, {}),
        lambda: write_table(str(path), ["a"], np.ones((1, 1))),
        lambda: check_output(str(path)),
    ):
        with pytest.raises(PermissionError, match="another user's symbolic link"):
            save()
    assert link.is_symlink()
    assert (victim.read_bytes() if victim.exists() else None) == (
        None if where == "new file" else b"precious"
    )
    assert sorted(p.name for p in private.iterdir()) == (
        [] if where == "new file" else ["victim.csv"]
    )


@needs_root
@pytest.mark.parametrize("how", ["own", "the directory's owner's", "not shared", "not sticky"])
def test_other_links_are_followed(tmp_path, shared, how):
    target, link = tmp_path / "target", shared / "link"
    link.symlink_to(target)
    if how == "the directory's owner's":
        os.chown(shared, STRANGER, STRANGER)
    if how != "own":
        os.lchown(link, STRANGER, STRANGER)
    if how == "not shared":
        shared.chmod(0o1755)
    if how == "not sticky":
        shared.chmod(0o777)
    write_whole(link, lambda file: file.write(b"x"))
    assert link.is_symlink()
    assert target.read_bytes() == b"x"


def test_where_links_lead_is_what_the_system_says(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "to_b").symlink_to("a/b")
    (tmp_path / "a" / "absolute").symlink_to(tmp_path / "to_b" / "new")
    (tmp_path / "up").symlink_to("to_b/../file")
    (tmp_path / "chain").symlink_to("up")
    (tmp_path / "dangling").symlink_to("nowhere/at/all")
    monkeypatch.chdir(tmp_path)
    for name in ("x", "./x", "a//b/./x", "to_b/x", "to_b/../x", "a/absolute", "up", "chain", "dangling",
                 "/", "/../x", str(tmp_path / "to_b" / ".." / "up"), b"to_b/x"):  # fmt: skip
        assert target_of(name) == os.path.realpath(os.fsdecode(name)), name


def test_links_in_a_circle(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="Too many levels"):
        target_of(tmp_path / "a")
    with pytest.raises(OSError, match=r"Too many levels.*not saved"):
        write_whole(tmp_path / "a", lambda file: None)
