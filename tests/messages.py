"""Wrong values, and what an error about one has to say."""

import datetime
import re

import numpy as np

VALUES = {
    "text": "x",
    "bytes": b"x",
    "no text": "",
    "long text": "x" * 5000,
    "None": None,
    "True": True,
    "minus one": -1,
    "zero": 0,
    "one": 1,
    "half": 0.5,
    "one and a half": 1.5,
    "minus half": -0.5,
    "NaN": np.nan,
    "infinity": np.inf,
    "huge": 2**70,
    "endless": 10**5000,
    "complex": 1j,
    "empty list": [],
    "pair": (1, "a"),
    "dict": {"a": 1},
    "set": {1},
    "array": np.array([0.5, 2.0]),
    "class": object,
    "function": len,
    "date": datetime.date(2020, 1, 2),
    "iterator": iter([1, 2]),
}
"""Each is wrong for nearly every argument; tests say for which it is right."""

NUMBERS = ("zero", "one", "half", "one and a half", "minus one", "minus half", "huge")

LONGEST = 300

OTHERS_WORDS = re.compile(
    r"InvalidParameter|gen_batches|HistGradient|check_array|DType|ndarray|NoneType|numpy\.dtypes"
    r"|unsupported operand|not supported between|could not (convert|be promoted)|inhomogeneous"
    r"|setting an array|ufunc|has no attribute|unexpected keyword|positional argument|unhashable"
    r"|invalid literal|must be real number|subscriptable|not (iterable|callable|a number)\b"
    r"|object is|cannot be interpreted|too large to convert|a bytes-like object|Unable to allocate"
    r"|scipy\.|sklearn\.|truth value of|Input [A-Z]\w* contains|data type .* not understood|argument of type|estimator"
)
"""What Python, NumPy, SciPy and scikit-learn say about things of theirs."""


def start_of(value):
    """How an error that shows the value has to begin to show it."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # an integer of more digits than Python prints
        return "int"
    return text[:20]


def faults_of(call, argument, value, *, is_table=False):
    """What is the matter with the error of a call with a wrong value; none is right.

    It has to be one line that names the argument and the value, in our words. Of a table it shows
    what is wrong with it rather than all of it.
    """
    try:
        call()
    except (ValueError, TypeError) as error:
        message = str(error)
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]
    else:
        return ["accepted"]
    faults = {
        "several lines": "\n" in message,
        "too long": len(message) > LONGEST,
        "others' words": OTHERS_WORDS.search(message),
        f"{argument} is not named": not re.search(rf"\b{argument}\b", message),
        "the value is not shown": not is_table and start_of(value) not in message,
    }
    return [f"{fault}: {message[: 2 * LONGEST]}" for fault, is_so in faults.items() if is_so]
