"""Checks of arguments: one clear error that names the argument, its value and what is allowed.

A check is called with an argument's name and value. It gives back the value as it is to be used, or
raises. Its `words` say what it allows: in errors, on the command line and in tables of parameters.
"""

import math
import reprlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from numbers import Integral, Real
from os import PathLike, fsdecode
from typing import Any, NoReturn

import numpy as np

LARGEST_COUNT = 2**31 - 1
"""More rows, columns, units or epochs than this are a mistake: the engine counts with 32 bits."""

LARGEST_SEED = 2**32 - 1

LONGEST_SHOWN = 80
"""Characters of a value that an error shows."""

_shortened = reprlib.Repr()
_shortened.maxlevel, _shortened.maxset, _shortened.maxdict = 3, 6, 4
_shortened.maxtuple = _shortened.maxlist = 8
_shortened.maxstring = _shortened.maxlong = 60
_shortened.maxother = LONGEST_SHOWN


def shown(value: object) -> str:
    """A value as an error shows it: its repr, in one line, shortened, and nothing unprintable."""
    if isinstance(value, np.number | np.bool_ | np.str_):
        value = value.item()  # 1.5, and not np.float64(1.5)
    try:
        text = " ".join(_shortened.repr(value).split())
    except Exception:  # a repr that fails must not take the place of the error
        text = f"<{type(value).__name__}>"
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: 2 * LONGEST_SHOWN])
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


class Check(ABC):
    """What an argument may be."""

    @property
    @abstractmethod
    def words(self) -> str:
        """What is allowed, as in 'must be …'."""

    @abstractmethod
    def __call__(self, argument: str, value: Any, words: str = "") -> Any:
        """The value as it is to be used.

        Parameters
        ----------
        argument : str
        value : object
        words : str
            What is allowed, where that is more than this check knows.

        Raises
        ------
        ValueError
            Naming the argument, its value and what is allowed.
        """

    def refuse(self, argument: str, value: object, words: str = "") -> NoReturn:
        """Raise the error."""
        raise ValueError(f"{argument}={shown(value)}: must be {words or self.words}")


@dataclass(frozen=True)
class Integer(Check):
    """An integer of at least so much, and not True or False."""

    least: int = 1
    most: int = LARGEST_COUNT
    or_infinite: bool = False

    @property
    def words(self) -> str:
        """What is allowed."""
        if self.most < LARGEST_COUNT:
            return f"an integer from {self.least} to {self.most}"
        return f"an integer of at least {self.least}" + ", or infinity" * self.or_infinite

    def __call__(self, argument: str, value: Any, words: str = "") -> Any:
        """The integer."""
        if self.or_infinite and as_float(value) == math.inf and not isinstance(value, Integral):
            return math.inf
        if not is_integer(value) or int(value) < self.least:
            self.refuse(argument, value, words)
        if int(value) > self.most:
            self.refuse(argument, value, f"an integer of at most {self.most}")
        return int(value)


@dataclass(frozen=True)
class Number(Check):
    """A finite number within limits, and not True or False."""

    least: float = 0.0
    most: float = math.inf
    is_above: bool = False
    """Whether `least` itself is too small,"""
    is_below: bool = False
    """and `most` itself too large."""
    or_infinite: bool = False

    @property
    def words(self) -> str:
        """What is allowed."""
        low = f"above {self.least:g}" if self.is_above else f"of at least {self.least:g}"
        if self.most == math.inf:
            return f"a {'' if self.is_above or self.or_infinite else 'finite '}number {low}"
        if self.is_above and self.is_below:
            return f"a number between {self.least:g} and {self.most:g}"
        return f"a number {low} and {'below' if self.is_below else 'up to'} {self.most:g}"

    def __call__(self, argument: str, value: Any, words: str = "") -> float:
        """The number."""
        number = as_float(value)
        if (
            not self.least <= number <= self.most
            or (math.isinf(number) and not (self.or_infinite and value == number))
            or (self.is_above and number == self.least)
            or (self.is_below and number == self.most)
        ):
            self.refuse(argument, value, words)
        return number


@dataclass(frozen=True)
class Flag(Check):
    """True or False; anything else (1, "no") is a mistake worth naming."""

    words = "True or False"

    def __call__(self, argument: str, value: Any, words: str = "") -> bool:
        """The truth value."""
        if not isinstance(value, bool | np.bool_):
            self.refuse(argument, value, words)
        return bool(value)


@dataclass(frozen=True)
class OneOf(Check):
    """One of some names."""

    names: tuple[str, ...]
    advice: Mapping[str, str] = field(default_factory=dict)
    """Of names that are refused here: why, and what to do."""

    @property
    def words(self) -> str:
        """What is allowed."""
        return listed(map(repr, self.names))

    def __call__(self, argument: str, value: Any, words: str = "") -> str:
        """The name."""
        if isinstance(value, str) and value in self.names:
            return value
        if isinstance(value, str) and value in self.advice:
            raise ValueError(f"{argument}={value!r} {self.advice[value]}")
        self.refuse(argument, value, words)


@dataclass(frozen=True)
class Either(Check):
    """One of some values, such as None or 'auto', or else what another check allows."""

    values: tuple[str | None, ...]
    other: Check

    @property
    def words(self) -> str:
        """What is allowed."""
        others = (
            map(repr, self.other.names) if isinstance(self.other, OneOf) else [self.other.words]
        )
        return listed([*map(repr, self.values), *others])

    def __call__(self, argument: str, value: Any, words: str = "") -> Any:
        """The value."""
        if value is None or isinstance(value, str):
            if value in self.values:
                return value
            if not isinstance(self.other, OneOf):
                self.refuse(argument, value, words)
        return self.other(argument, value, words or self.words)


@dataclass(frozen=True)
class Sequence(Check):
    """Several values that one check allows; a lone integer counts as one, if that is said."""

    entry: Check
    what: str
    takes_one: bool = False
    may_be_empty: bool = True

    @property
    def words(self) -> str:
        """What is allowed."""
        return self.what

    def __call__(self, argument: str, value: Any, words: str = "") -> tuple[Any, ...]:
        """The values as a tuple."""
        if self.takes_one and isinstance(value, Integral):
            return (self.entry(argument, value, words or self.words),)
        try:
            entries = as_tuple(argument, value)
        except ValueError:
            self.refuse(argument, value, words)
        if not entries and not self.may_be_empty:
            self.refuse(argument, value, words)
        return each(argument, entries, self.entry, value)


@dataclass(frozen=True)
class Seed(Check):
    """What random numbers start from."""

    words = f"None, an integer from 0 to {LARGEST_SEED} or a generator of numpy.random"

    def __call__(self, argument: str, value: Any, words: str = "") -> Any:
        """The seed or generator."""
        generators = np.random.Generator | np.random.RandomState
        if value is None or value is np.random or isinstance(value, generators):
            return value
        if not is_integer(value) or not 0 <= value <= LARGEST_SEED:
            raise ValueError(
                f"{argument}={shown(value)} cannot be used to seed random numbers: must be "
                f"{words or self.words}"
            )
        return int(value)


COUNT = Integer()
"""An integer of at least 1."""
THREADS = Integer(most=1024)
"""Of threads, which are made where there is work for them: more are a mistake, and cost memory."""
INDEX = Integer(least=0)
checked_bool = Flag()
checked_strength = Number()
"""A finite number of at least 0."""
checked_share = Number(most=1, is_below=True)
"""A number of at least 0 and below 1."""


def check_name(argument: str, value: object, registry: Iterable[str]) -> str:
    """One of the registry's names."""
    return OneOf(tuple(sorted(registry)))(argument, value)


def as_tuple(argument: str, value: Any) -> tuple[Any, ...]:
    """A sequence but a string or bytes, as a tuple; sets have no order, iterators only one use."""
    try:
        if (
            isinstance(value, str | bytes | bytearray | memoryview | Mapping | Set)
            or iter(value) is value
        ):
            raise TypeError
        return tuple(value)
    except TypeError:
        raise ValueError(f"{argument}={shown(value)}: must be a sequence") from None


def as_numbers(argument: str, value: Any) -> Any:
    """What NumPy makes of a value, where that is real numbers: an array of any shape."""
    try:
        array = np.asarray(value)
    except Exception:  # of rows that differ in length, say: whatever NumPy thinks of it
        raise ValueError(
            f"{argument} is no array: real numbers are needed, and this is {shown(value)}"
        ) from None
    if array.dtype.kind not in "fiub":
        raise ValueError(
            f"{argument} has dtype {array.dtype}: real numbers are needed, and this is "
            f"{shown(value)}"
        )
    return array


def check_path(argument: str, value: Any) -> Any:
    """The name of a file: text or a path, and no number, which would be an open file's."""
    if not isinstance(value, str | bytes | PathLike) or not value:
        raise ValueError(f"{argument}={shown(value)}: must be the name of a file")
    if "\0" in fsdecode(value):
        raise ValueError(
            f"{argument}={shown(value)}: must be the name of a file, and has a NUL, which none has"
        )
    return value


def each(argument: str, entries: Any, check: Any, value: Any) -> tuple[Any, ...]:
    """The entries of a value as a check gives them; its errors say in what they stand."""
    checked = []
    for entry in entries:
        try:
            checked.append(check(f"{argument} entry", entry))
        except ValueError as error:
            start, _, end = str(error).partition(": must be ")
            raise ValueError(f"{start} in {shown(value)}: must be {end}") from None
    return tuple(checked)


def checked_int(argument: str, value: Any) -> int:
    """An integer, and not True or False."""
    if not is_integer(value):
        raise ValueError(f"{argument}={shown(value)}: must be an integer")
    return int(value)


def is_integer(value: Any) -> bool:
    """Whether it is an integer, and not True or False."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def as_float(value: Any) -> float:
    """A number as a float: NaN if it is not a number, infinity for an integer beyond all floats."""
    if not is_number(value):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def is_number(value: object) -> bool:
    """Whether it is a real number, and not True or False."""
    return isinstance(value, Real) and not isinstance(value, bool)


def listed(words: Iterable[str]) -> str:
    """'a', 'a or b', 'a, b or c'; of more, 'one of a, b, c, d'."""
    *first, last = words
    if len(first) > 2:
        return f"one of {', '.join(first)}, {last}"
    return f"{', '.join(first)} or {last}" if first else last
