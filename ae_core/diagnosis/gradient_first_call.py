"""The first call of a function that is checked: is it called as it wants to be?"""

import inspect
from collections.abc import Mapping
from itertools import permutations
from typing import Any

import numpy as np

from .gradient_calls import OLD_ORDER, Misreturned, Result, Sample, Subject, is_scalar
from .nested import Nested, is_container


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
    frames = [n for n, v in given.items() if n != "params" and hasattr(v, "columns")]
    if frames and _tried(subject, list(given.values())) is not None:
        arrays, frame = ", ".join(given), f"DataFrame({frames[0]}, columns=…)"
        raise ValueError(
            f"function wants {frames[0]} as a DataFrame, but is called with its array, of whose "
            f"rows some are taken: make one inside, lambda {arrays}: "
            f"function({arrays.replace(frames[0], frame)})"
        ) from failed
    raise failed


def takes_old_order(function: Any, params: Any, X: Any) -> bool:
    """Whether a function works when X is taken for its parameters, and params for its data."""
    try:
        subject = Subject(function, Nested(X))
    except ValueError:
        return False
    return _fits_params(subject, [X, params])


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
            hint = _how_to_call(subject, given, signature)
            raise ValueError(
                f"function cannot be called as {call}, it is {takes}: {hint}"
            ) from None


def _without_types(signature: inspect.Signature) -> str:
    bare = [
        p.replace(annotation=p.empty, default=p.empty if p.default is p.empty else ...)
        for p in signature.parameters.values()
    ]
    text = str(inspect.Signature(bare)).replace("=Ellipsis", "=…")
    return text if len(text) <= 80 else text[:79] + "…"


def _how_to_call(subject: Subject, given: dict[str, Any], signature: inspect.Signature) -> str:
    """What to do where a function takes other arguments; what is proposed was tried."""
    names, values = list(given), list(given.values())
    wrapped = f"wrap it, check_gradient(lambda {', '.join(names)}: function("
    if next(iter(signature.parameters), "") == "self":
        return "it is a method of a class, hand in that of an instance"
    by_name = [n for n, p in signature.parameters.items() if p.kind is p.KEYWORD_ONLY]
    if by_name and set(by_name) <= set(names):
        return wrapped + ", ".join(f"{n}={n}" if n in by_name else n for n in names) + "), …)"
    for n in range(len(given) - 1, 0, -1):
        if _fits_params(subject, values[:n]):
            return wrapped + ", ".join(names[:n]) + "), …)"
    if len(values) > 1 and _tried(subject, values[1:]) is not None:
        return (
            "it takes no params, and so uses some of its own; let it take them, for a check has to "
            "call it with others"
        )
    if is_container(given["params"]) and not isinstance(given["params"], Mapping):
        try:
            spread = [*given["params"], *values[1:]]
        except TypeError:  # of a dataclass
            spread = []
        if spread and _fits_params(subject, spread):
            return wrapped + ", ".join(["*params", *names[1:]]) + "), …)"
    missing = " and ".join(f"{n}=…" for n in ("X", "y") if n not in given)
    is_more = len(signature.parameters) > len(given) and missing
    return f"hand in {missing} as well" if is_more else "wrap it in a lambda"


def _fits_params(subject: Subject, arguments: list[Any]) -> bool:
    gradient = _tried(subject, arguments)
    return gradient is not None and subject.structure.fits(gradient)


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
                came = subject.function(*copies)
                if inspect.iscoroutine(came):
                    came.close()
                    return None
                cost, gradient = came
    except Exception:  # anything may go wrong with arguments that are not meant so
        return None
    is_cost = is_scalar(cost) and np.isfinite(np.ravel(np.asarray(cost))[0])
    return gradient if is_cost else None


def _copied(value: Any) -> Any:
    """The same in memory of its own; parameters in float64."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "iub":
        return value.copy()  # labels, or words to look up
    if hasattr(value, "columns"):
        return value.copy()  # a DataFrame
    try:
        structure = Nested(value)
    except ValueError:
        return np.array(value)
    return structure.build(structure.arrays(structure.vector))
