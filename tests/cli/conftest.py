"""What tests of the command line share: a folder of their own, and commands run in it."""

import pytest


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(here, capfd):
    """A command's exit code, and what it wrote to stdout and stderr."""
    from ae_core.cli.main import main

    def run(*arguments):
        code = main(list(arguments))
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def read(here, monkeypatch, capfd):
    """What `ae-core fit` reads from a file, or its message."""
    from ae_core.cli import options
    from ae_core.cli.main import main

    tables = []
    read_table = options.read_table

    def and_keep(*arguments, **named):
        tables.append(read_table(*arguments, **named))
        raise ValueError("read")

    monkeypatch.setattr(options, "read_table", and_keep)

    def read(content, *more, name="x.csv"):
        (here / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        tables.clear()
        assert main(["fit", name, "-o", "m", "-q", *more]) in (1, 2)
        said = capfd.readouterr().err
        assert said.count("\n") == 1
        assert len(said) <= 301
        assert said.rstrip("\n").isprintable()
        return tables[0] if tables else said

    return read
