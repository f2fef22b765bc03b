"""What a model file holds, and taking it out with checks.

A file can be undamaged and still not hold what its reader needs: it may come from another version,
or from somebody who made it by hand. Each check here ends in an error that names the file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.shown import LONGEST, cut, printable, shown

Expected = type | tuple[type, ...] | Callable[[Any], bool]


class ModelFileError(ValueError):
    """A file is not a saved model, is damaged, or holds something else than is needed."""


PATH_SHOWN = 120
"""Characters of a path in a message."""


def complaint(path: str, what: str, advice: str = "") -> str:
    """One line, not too long, that names a file and says what is the matter and what to do.

    What a file says may be long, and stands in the middle: it is cut, and the rest is not.
    """
    start = cut(printable(repr(path)), PATH_SHOWN) + " "
    end = f": {advice}" if advice else ""
    return start + cut(printable(what), LONGEST - len(start) - len(end)) + end


@dataclass(frozen=True)
class ModelFile:
    """What a model file holds."""

    kind: str
    """What was saved, such as 'checkpoint'."""
    description: dict[str, Any]
    arrays: dict[str, Array]
    """By name, in the order of the names."""
    path: str = ""
    """Where it was read; for errors."""

    def array(
        self,
        name: str,
        dtype: Any = None,
        shape: tuple[int | None, ...] | None = None,
        finite: bool = False,
    ) -> Array:
        """One array, if it is as it should be.

        Parameters
        ----------
        name : str
        dtype : dtype or tuple of dtypes, optional
            What it may be.
        shape : tuple, optional
            With None for a length that may be any.
        finite : bool
            Whether NaN and infinities are refused.

        Raises
        ------
        ModelFileError
            When there is no such array, or it does not fit.
        """
        if name not in self.arrays:
            raise self.error(f"it lacks the array {name!r}")
        array = self.arrays[name]
        allowed = () if dtype is None else dtype if isinstance(dtype, tuple) else (dtype,)
        if allowed and array.dtype not in [np.dtype(each) for each in allowed]:
            names = " or ".join(np.dtype(each).name for each in allowed)
            raise self.error(f"its array {name!r} has dtype {array.dtype}, which must be {names}")
        if shape is not None and not _fits(array.shape, shape):
            needed = str(shape).replace("None", "any")
            raise self.error(f"its array {name!r} has shape {array.shape}, which must be {needed}")
        if finite and not np.isfinite(array).all():
            raise self.error(f"its array {name!r} has NaN or infinite entries")
        return array

    def value(self, name: str, expected: Expected, meaning: str = "") -> Any:
        """One entry of the description, if it is as it should be.

        Parameters
        ----------
        name : str
        expected : type, tuple of types, or callable
            A bool is not taken for an int or a float; an int is, for a float. A callable gets the
            value and says whether it will do; ValueError, TypeError, KeyError, IndexError,
            AttributeError and OverflowError count as no.
        meaning : str
            What is expected, in words, for the error: 'a number above 0'.

        Raises
        ------
        ModelFileError
            When there is no such entry, or it does not fit.
        """
        if name not in self.description:
            raise self.error(f"its description lacks {name!r}")
        value = self.description[name]
        if isinstance(expected, type | tuple):
            types = expected if isinstance(expected, tuple) else (expected,)
            exact = (*types, int) if float in types else types
            fits = type(value) in exact  # JSON gives no subclasses but bool, of int
            meaning = meaning or " or ".join(each.__name__ for each in types)
        else:
            meaning = meaning or "something else"
            try:
                fits = bool(expected(value))
            except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
                fits = False
        if not fits:
            raise self.error(f"its description has {name}={shown(value)}, which must be {meaning}")
        return value

    def error(self, what: str) -> ModelFileError:
        """An error that names this file and says what is the matter with its content."""
        return ModelFileError(
            complaint(
                self.path,
                f"does not fit: {what}",
                "changed after it was saved, or by another version of ae_core: save it again",
            )
        )


def _fits(shape: tuple[int, ...], needed: tuple[int | None, ...]) -> bool:
    return len(shape) == len(needed) and all(
        n is None or n == length for length, n in zip(shape, needed, strict=True)
    )
