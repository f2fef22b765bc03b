"""Where tables are written to, and the names of their columns."""

import functools
import os
import stat
from collections.abc import Callable, Sequence
from typing import Any

import click

from ..files.table_file import check_output
from .layout_options import names_in, parsed

keep_option = click.option(
    "--keep",
    multiple=True,
    metavar="NAMES",
    callback=parsed(names_in),
    help="Columns of DATA to put before the others as they are, such as one that names the rows.",
)


def output_option(what: str, *, is_page: bool = False) -> Any:
    """The options -o and --force of commands that write a table, or a page, checked before it is
    read.
    """
    places = (
        f"Where {what} to, a file such as report.html."
        if is_page
        else f"Where {what} to: .csv, .tsv (either also .gz), .parquet or .npy; - is CSV to "
        "standard output.  [default: -]"
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @click.option(
            "-o",
            "--output",
            metavar="FILE",
            help=places,
            **({"required": True} if is_page else {"default": "-"}),
        )
        @click.option("--force", is_flag=True, help="Write even over DATA itself.")
        @functools.wraps(command)
        def checked(output: str, force: bool, model: str, data: str, **options: Any) -> Any:
            if is_page and not output.lower().endswith((".html", ".htm")):
                raise click.UsageError(f"-o {output}: must end in .html, which is what is written")
            check_output(output, is_table=not is_page)
            _check_overwriting(output, force, model, data)
            return command(output=output, model=model, data=data, **options)

        return checked

    return decorate


def _check_overwriting(output: str, force: bool, model: str, data: str) -> None:
    """Refuse an output that is the model, or, if that is not wanted, the input.

    Raises
    ------
    UsageError
    """
    if is_same_file(output, model):
        raise click.UsageError(f"-o {output} is the model: give another file")
    if output != "-" and not force and is_same_file(output, data):
        raise click.UsageError(
            f"-o {output} is the input: give another file, or add --force to write over it"
        )
    if output == "-" and is_same_file("-", data):
        raise click.UsageError("standard output is the input: give another file with -o")


def is_same_file(a: str, b: str) -> bool:
    """Whether two paths, '-' for a standard stream, are those of one regular file."""
    found = []
    for path, stream in ((a, 1), (b, 0)):
        try:
            status = os.fstat(stream) if path == "-" else os.stat(path)
        except OSError:
            return False
        found.append((status.st_dev, status.st_ino, stat.S_ISREG(status.st_mode)))
    return found[0] == found[1] and found[0][2]


def output_names(kept: Sequence[str], names: Sequence[str]) -> list[str]:
    """Names of the columns of an output: those that are kept come first.

    Raises
    ------
    UsageError
        When one would stand twice.
    """
    twice = [name for name in kept if name in set(names)]
    if twice:
        raise click.UsageError(f"--keep {twice[0]}: the output has a column of that name")
    return [*kept, *names]
