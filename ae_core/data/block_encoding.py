"""How columns of blocks are encoded: learned from all of them, as if they were one DataFrame."""

from collections.abc import Iterable
from typing import Any

from ..basics.arguments import shown
from .checks import check_frame
from .encoded_columns import NUMBERS, learned_column
from .encoding import Encoding

MOST_TEXTS = 10_000
"""The most different texts that a column may have: all of them are kept in memory."""


def learn_encoding(frames: Iterable[Any], has_missing: bool) -> Encoding:
    """The encoding of the frames below each other.

    Parameters
    ----------
    frames : iterable of pandas DataFrames (m, n_columns)
    has_missing : bool
        Whether entries may be missing.

    Raises
    ------
    ValueError
        As of `Encoding.learn`, and for other columns than in the first.
    """
    n_rows, some, names = 0, list[Any](), list[str]()
    for frame in frames:
        check_frame(frame)
        if not some:
            names = list(frame.columns)
            some = [_few(frame[name]) for name in names]
        elif list(frame.columns) != names:
            raise ValueError(f"X has a block with the columns {shown(list(frame.columns))[:100]}")
        else:
            some = [_more(old, frame[name]) for old, name in zip(some, names, strict=True)]
        n_rows += len(frame)
    return Encoding(tuple(learned_column(values, has_missing, "X", n_rows) for values in some))


def _few(values: Any) -> Any:
    """The fewest values that still tell what kind of column this is."""
    dtype = values.dtype
    says_all = hasattr(dtype, "categories") or NUMBERS.fullmatch(str(dtype)) or dtype.kind == "b"
    return (values.iloc[:1] if says_all else values.drop_duplicates()).reset_index(drop=True)


def _more(old: Any, values: Any) -> Any:
    import pandas as pd

    new = _few(values)
    if hasattr(old.dtype, "categories") and hasattr(new.dtype, "categories"):
        return _united(old, new)
    if old.dtype == new.dtype and len(new) == 1 and len(old) == 1 and new.dtype != object:
        return old
    if len(old) and old.dtype == object and old.isna().all():
        return new
    if len(new) and new.dtype == object and new.isna().all():
        return old
    both = pd.concat([old, new], ignore_index=True).drop_duplicates()
    if len(both) > MOST_TEXTS:
        raise ValueError(
            f"X: column {shown(old.name)} has more than {MOST_TEXTS} different texts: it names "
            "rows rather than sorts them; drop it"
        )
    return both


def _united(old: Any, new: Any) -> Any:
    """A Series whose categories are those of both columns."""
    import pandas as pd

    if old.dtype == new.dtype:
        return old
    if old.dtype.ordered or new.dtype.ordered:
        raise ValueError(
            f"X: column {shown(old.name)} has ordered categories, which differ from block to block"
        )
    known = sorted({*old.dtype.categories, *new.dtype.categories})
    return old.astype(pd.CategoricalDtype(known))
