"""Records of constructor parameters: name, default, check and meaning of each, in one place.

A class that takes parameters has one line of `parameter` for each, in the manner of a dataclass:
`with_parameters` makes its constructor from them, and their part of its docstring. Checks of a fit,
options of the command line and the tables of the documentation are made from the same lines.
"""

from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from textwrap import fill, indent
from typing import Any, NamedTuple, TypeVar, dataclass_transform

from ..basics.arguments import Check

LINE = 100

PLACEHOLDER = "    {parameters}\n"
"""In a docstring: where the parameters are described."""

T = TypeVar("T")


class Parameter(NamedTuple):
    """What there is to know of one constructor parameter."""

    name: str
    default: Any
    check: Check
    meaning: str
    """One sentence: for the command line and for tables."""
    more: str
    """What else there is to say, in docstrings."""

    @property
    def described(self) -> str:
        """The parameter in a numpydoc docstring."""
        text = " ".join(f"{self.meaning} {self.more}".split())
        head = f"{self.name} : {self.check.words}; default={self.default!r}"
        # numpydoc takes a parameter's name and type from one line, however long.
        return f"{head}\n{indent(fill(text, LINE - 8), '    ')}"


def parameter(
    *, default: Any, check: Check, meaning: str, more: str = "", kw_only: bool = True
) -> Any:
    """One parameter of a class that `with_parameters` decorates."""
    record = {"check": check, "meaning": meaning, "more": more}
    made: Field[Any] = field(default=default, kw_only=kw_only, metadata=record)
    return made


@dataclass_transform(eq_default=False, kw_only_default=True, field_specifiers=(parameter,))
def with_parameters(cls: type[T]) -> type[T]:
    """Give a class the constructor that takes its parameters, and those of its bases."""
    made = dataclass(eq=False, repr=False, kw_only=True)(cls)
    if made.__doc__ and PLACEHOLDER in made.__doc__:
        described = "\n".join(record.described for record in parameters_of(made))
        made.__doc__ = made.__doc__.replace(PLACEHOLDER, indent(described, "    ") + "\n")
    return made


def parameters_of(cls: Any) -> Iterator[Parameter]:
    """The records of a class, or of an object of it, in the order of its signature."""
    found = [f for f in fields(cls) if "check" in f.metadata and f.default is not MISSING]
    for f in sorted(found, key=lambda f: f.kw_only is True):
        yield Parameter(f.name, f.default, **f.metadata)


def check_parameters(estimator: Any) -> None:
    """Check every parameter of an estimator by its record.

    Raises
    ------
    ValueError
        Naming the first that is not what it should be, its value and what is allowed.
    """
    for record in parameters_of(estimator):
        record.check(record.name, getattr(estimator, record.name))
