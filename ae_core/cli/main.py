"""The command line, ``ae-core`` or ``python -m ae_core``: whatever goes wrong ends in one line."""

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from ..basics.extras import MissingExtraError
from ..basics.shown import LONGEST, cut, printable
from .wording import in_options

INTERRUPTED = 130
USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those that the process was started with.

    Returns
    -------
    int
        The exit code: 0; 1 after an error and 2 after a wrong call, with one line on standard error
        that says what is the matter; 130 after Ctrl-C. AE_CORE_TRACEBACK=1 in the environment shows
        where an error came from.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    command = "ae-core"
    try:
        import click

        from .commands import commands
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "click":
            raise
        return _say(command, str(MissingExtraError("commands", "click", "cli")))
    except KeyboardInterrupt:  # importing takes a while
        return _say(command, "interrupted", INTERRUPTED)
    named = next((each for each in arguments if each in commands.commands), None)
    if named:
        command = f"ae-core {named}"
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
                warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _show_warning(command)
            with commands.make_context("ae-core", list(arguments)) as context:
                commands.invoke(context)
        if sys.stdout is not None:  # it may be closed
            sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        if not arguments:  # a newcomer wants to know what there is
            print(commands.get_help(click.Context(commands, info_name="ae-core")), file=sys.stderr)
            return USAGE
        message, hint = error.format_message(), ""
        if isinstance(error, click.NoSuchOption):  # in the same words whatever the version of click
            message = message.replace(error.message, f"No such option {error.option_name!r}.", 1)
            hint = _hint_of_dash(arguments)
        message = _lower(message) + hint
        return _say(command, f"{message} (see {command} --help)", USAGE)
    except KeyboardInterrupt:
        return _say(command, "interrupted; no output was written", INTERRUPTED)
    except MemoryError as error:
        reason = str(error).partition(";")[0]  # what it advises is for Python
        reason = f" ({reason})" if reason else ""
        return _say(command, f"out of memory{reason}: try fewer columns or --float32")
    except BrokenPipeError:
        return _pipe_closed()
    except Exception as error:
        return _failed(command, error)
    return 0


def _failed(command: str, error: Exception) -> int:
    if os.environ.get("AE_CORE_TRACEBACK"):
        raise error
    if isinstance(error, OSError) and error.strerror:
        place = "" if error.filename is None else f"{error.filename or repr('')}: "
        return _say(command, f"{place}{error.strerror}")
    # ImportError: a missing extra. ArithmeticError: a loss that became infinite.
    if isinstance(error, ValueError | OSError | ImportError | ArithmeticError):
        return _say(command, in_options(str(error)))
    name = type(error).__name__
    return _say(
        command, f"failed with {name} ({error}); AE_CORE_TRACEBACK=1 in the environment shows where"
    )


def _say(command: str, message: str, code: int = 1) -> int:
    start = f"{command}: "
    line = cut(printable(" ".join(message.split())), LONGEST - len(start))
    print(start + line, file=sys.stderr)
    return code


def _hint_of_dash(arguments: Sequence[str]) -> str:
    """What to do about a file's name that was taken for options."""
    files = [each for each in arguments if each.startswith("-") and os.path.lexists(each)]
    if not files or files[0] == "-":
        return ""
    return f"; a file whose name begins with a dash is given as ./{files[0]}"


def _lower(message: str) -> str:
    first = message.partition(" ")[0]
    if first.istitle():  # but not MODEL
        message = message[:1].lower() + message[1:]
    return message.rstrip(".")


def _show_warning(command: str) -> Any:
    def show(message: Any, category: Any, *_: Any, **__: Any) -> None:
        _say(command, f"warning: {in_options(str(message))}")

    return show


def _pipe_closed() -> int:
    """Nobody reads any more, as after ``| head``: no error, and nothing to flush at exit."""
    with open(os.devnull, "wb") as nowhere:
        try:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        except (OSError, ValueError):  # standard output is no file
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    return 1
