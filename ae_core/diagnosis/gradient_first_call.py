"""The first call of a function: finds out how it wants to be called, or says so."""

import inspect
from collections.abc import Mapping
from itertools import permutations
from typing import Any

import numpy as np

from .gradient_calls import OLD_ORDER, Data, Misreturned, Result, Subject, is_scalar
from .nested import Nested, is_container


def first_call(
    subject: Subject, given: dict[str, Any], candidates: list[Data]
) -> tuple[Result, Data]:
    """Call the function for the first time, and find the dtypes that it takes.

    Parameters
    ----------
    subject : Subject
    given : dict
        What the caller handed in as params, X and y; without what was not.
    candidates : list of Data
        All rows, as they may be handed on.

    Returns
    -------
    result : Result
    data : Data
        The first that the function takes.

    Raises
    ------
    ValueError
        When the function takes its arguments in another order, or another number of them; else
        what the function itself raises.
    """
    _check_number(subject, given)
    failed: Exception | None = None
    attempts: list[tuple[Data, list[Any] | None]] = [(data, None) for data in candidates]
    if {str(d) for d in subject.structure.dtypes} != {"float64"}:
        attempts.append((candidates[-1], subject.structure.dtypes))
    for data, dtypes in attempts:
        subject.dtypes = dtypes
        try:
            return subject(subject.structure.vector, data.all()), data
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
    return subject.structure.fits(_tried(subject, [X, params]))


def _check_number(subject: Subject, given: dict[str, Any]) -> None:
    """Refuse a function that takes another number of arguments than it will be given."""
    for function in subject.functions:
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            continue  # compiled functions have none
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
    """What to do where a function takes other arguments; only what works is proposed."""
    names, values = list(given), list(given.values())
    wrapped = f"wrap it, check_gradient(lambda {', '.join(names)}: function("
    if next(iter(signature.parameters), "") == "self":
        return "it is a method of a class, hand in that of an instance"
    by_name = [n for n, p in signature.parameters.items() if p.kind is p.KEYWORD_ONLY]
    if by_name and set(by_name) <= set(names):
        return wrapped + ", ".join(f"{n}={n}" if n in by_name else n for n in names) + "), …)"
    for n in range(len(given) - 1, 0, -1):
        if subject.structure.fits(_tried(subject, values[:n])):
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
        if spread and subject.structure.fits(_tried(subject, spread)):
            return wrapped + ", ".join(["*params", *names[1:]]) + "), …)"
    missing = " and ".join(f"{n}=…" for n in ("X", "y") if n not in given)
    is_more = len(signature.parameters) > len(given) and missing
    return f"hand in {missing} as well" if is_more else "wrap it in a lambda"


def _other_order(subject: Subject, given: dict[str, Any], came: bool) -> str | None:
    """What to say when the function works with its arguments in another order; or None.

    `came` says that the call as given returned something, if not the right thing: then X was not
    handed in as the first argument by mistake.
    """
    _, *orders = permutations(given)
    for order in orders:
        gradient = _tried(subject, [given[name] for name in order])
        if gradient is None:
            continue
        if subject.structure.fits(gradient):
            right, theirs = ", ".join(given), ", ".join(order)
            return (
                f"function takes ({theirs}), and is called as function({right}): wrap it, "
                f"check_gradient(lambda {right}: function({theirs}), {right})"
            )
        if not came and order[0] == "X" and _fits(gradient, given["X"]):
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
            came = [function(*copies) for function in subject.functions]
        for coroutine in filter(inspect.iscoroutine, came):
            coroutine.close()
        cost, gradient = came if len(came) > 1 else came[0]
    except Exception:  # anything may go wrong with arguments that are not meant so
        return None
    is_cost = is_scalar(cost) and np.isfinite(np.ravel(np.asarray(cost))[0])
    return gradient if is_cost else None


def _copied(value: Any) -> Any:
    """A copy; of parameters in float64."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "iub":
        return value.copy()  # labels, or words to look up
    if hasattr(value, "columns"):
        return value.copy()  # a DataFrame
    try:
        structure = Nested(value)
    except ValueError:
        return np.array(value)
    return structure.build(structure.arrays(structure.vector))
