"""Optional dependencies: taken in where they are, and an error that says how to install them."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from .shown import cut, printable


class MissingExtraError(ImportError):
    """An optional dependency is needed; the message says how to install it."""

    def __init__(self, feature: str, library: str, extra: str) -> None:
        super().__init__(
            f"{feature} need {library}, which is not installed: pip install 'ae_core[{extra}]'"
        )


def optional(module: str, feature: str, extra: str) -> Any:
    """A module of an optional dependency.

    Parameters
    ----------
    module : str
        Such as 'pyarrow.parquet'.
    feature : str
        What needs it, in the plural.
    extra : str
        What installs it.

    Raises
    ------
    MissingExtraError
        When it is not installed.
    ImportError
        When it is, and can't be loaded: says why.
    """
    check_installed(module, feature, extra)
    library = module.partition(".")[0]
    try:
        return import_module(module)
    except (ImportError, OSError) as error:
        reason = cut(printable(str(error)), 160)
        raise ImportError(
            f"{feature} need {library}, which is installed, but can't be loaded: {reason}",
            name=library,
        ) from error


def check_installed(module: str, feature: str, extra: str) -> None:
    """Refuse to go on without an optional dependency, which is not loaded yet.

    Raises
    ------
    MissingExtraError
    """
    library = module.partition(".")[0]
    if find_spec(library) is None:
        raise MissingExtraError(feature, library, extra)
