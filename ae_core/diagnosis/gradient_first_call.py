"""The first call of a function that is checked: is it called as it wants to be?"""

import inspect
from itertools import permutations
from typing import Any

import numpy as np

from .gradient_calls import OLD_ORDER, Misreturned, Result, Sample, Subject, is_scalar
from .nested import Nested


def first_call(
    subject: Subject, given: dict[str, Any], sample: Sample, original: Sample | None
) -> tuple[Result, bool]:
    """The first call, after which the subject knows in which types its function takes params.

    Parameters
    ----------
    subject : Subject
    given : dict
        What the caller handed in as params, X and y; without what was not.
    sample : Sample
        All rows.
    original : Sample or None
        The same in the dtype that X came in, where that is another.

    Returns
    -------
    result : Result
    takes_original : bool
        Whether the function takes `original` only.

    Raises
    ------
    ValueError
        When the function takes its arguments in another order, or another number of them; else
        what the function itself raises.
    """
    _check_number(subject, given)
    failed: Exception | None = None
    attempts = [(sample, None), (original, None), (original or sample, subject.structure.dtypes)]
    for data, dtypes in attempts:
        if data is None or (dtypes is not None and {str(d) for d in dtypes} == {"float64"}):
            continue
        subject.dtypes = dtypes
        try:
            return subject(subject.structure.vector, data), data is original
        except Exception as error:
            failed = failed or error
    subject.dtypes = None
    message = _other_order(subject, given, came=isinstance(failed, Misreturned))
    if message is not None:
        raise ValueError(message) from failed
    assert failed is not None
    raise failed


def _check_number(subject: Subject, given: dict[str, Any]) -> None:
    """Refuse a function that takes another number of arguments than it will be given."""
    for function in subject.pair or [subject.function]:
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            continue  # compiled ones do not tell
        try:
            signature.bind(*given)
        except TypeError:
            call = f"function({', '.join(given)})"
            takes = f"function{_without_types(signature)}"
            missing = " and ".join(f"{n}=…" for n in ("X", "y") if n not in given)
            more = len(signature.parameters) > len(given) and missing
            hint = f"hand in {missing} as well" if more else "wrap it in a lambda"
            raise ValueError(
                f"function cannot be called as {call}, it is {takes}: {hint}"
            ) from None


def _without_types(signature: inspect.Signature) -> str:
    return "(" + ", ".join(signature.parameters) + ")"


def _other_order(subject: Subject, given: dict[str, Any], came: bool) -> str | None:
    """What to say when the function works with its arguments in another order; or None.

    A call from which something came, if not the right thing, is taken at its word: the arguments
    may still be the function's other way round, but were not handed in so.
    """
    names, values = list(given), list(given.values())
    for order in permutations(range(len(given))):
        if list(order) == sorted(order):
            continue
        gradient = _tried(subject, [values[i] for i in order])
        if gradient is None:
            continue
        if subject.structure.fits(gradient):
            right = ", ".join(names)
            theirs = ", ".join(names[i] for i in order)
            return (
                f"function takes ({theirs}), and is called as function({right}): wrap it, "
                f"check_gradient(lambda {right}: function({theirs}), {right})"
            )
        if not came and order[0] == 1 and _fits(gradient, given["X"]):
            return OLD_ORDER
    return None


def _fits(gradient: Any, params: Any) -> bool:
    try:
        return Nested(params).fits(gradient)
    except ValueError:
        return False


def _tried(subject: Subject, arguments: list[Any]) -> Any:
    """The gradient from a call with those arguments, or None if it makes no sense."""
    copies = [_copied(a) for a in arguments]
    try:
        with np.errstate(all="ignore"):
            if subject.pair is not None:
                cost, gradient = (f(*copies) for f in subject.pair)
            else:
                cost, gradient = subject.function(*copies)
    except Exception:  # anything may go wrong with arguments that are not meant so
        return None
    is_cost = is_scalar(cost) and np.isfinite(np.ravel(np.asarray(cost))[0])
    return gradient if is_cost else None


def _copied(value: Any) -> Any:
    """The same in memory of its own; parameters in float64."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "iub":
        return value.copy()  # labels, or words to look up
    try:
        structure = Nested(value)
    except ValueError:
        return np.array(value)
    return structure.build(structure.arrays(structure.vector))
