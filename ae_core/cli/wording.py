"""The library's advice in the command line's words: options for parameters."""

import re

OPTIONS = {
    "n_components": "--components",
    "activation": "--activation",
    "batch_size": "--batch-size",
    "learning_rate_init": "--learning-rate",
    "hidden_layer_sizes": "--hidden",
    "loss": "--loss",
    "scale": "--scale",
    "max_iter": "--epochs",
    "early_stopping": "--validation-fraction",
    "validation_fraction": "--validation-fraction",
    "corruption": "--corruption",
    "corruption_level": "--corruption-level",
    "contamination": "--contamination",
    "random_state": "--seed",
    "n_threads": "--threads",
}
"""Parameters of estimators, and what `ae-core fit` calls them."""
WHOLE = {
    "missing_values='mask'": "--missing",
    "columns='mixed'": "--mixed",
    "early_stopping=True": "--validation-fraction 0.1",
    "Call diagnose(X) on the fitted model: it tries which setting is the reason": (
        "ae-core diagnose MODEL DATA tries which setting is the reason"
    ),
    "without resume_from": "without --resume",
    "; change it, or give X_val": "; change it",
}
NAMES = "|".join(OPTIONS)
VALUE = r"(?:'[^']{0,80}'|\"[^\"]{0,80}\"|\([^()]{0,80}\)|\[[^\[\]]{0,80}\]|[^\s:'\"(\[]){1,80}"
WRONG = re.compile(
    rf"({NAMES})((?: entry)?={VALUE}(?: in {VALUE})?)(?=:? (?:must|cannot|is|of) |: \w+=)"
)
NAMED = re.compile(rf"\(({NAMES})\)")
SET = re.compile(
    r"\b(scale|activation|loss|corruption)='(\w+)'"
    r"|\b(max_iter|learning_rate_init|batch_size|n_components)=([0-9](?:[0-9.e+-]*[0-9])?)"
    r"(?![0-9]|: must)"
)


def in_options(text: str) -> str:
    """An error, a warning or a report, with options where it names parameters to be set.

    A parameter whose value is refused keeps its name, and gets the option beside it.
    """
    for words, others in WHOLE.items():
        text = text.replace(words, others)
    wrong = WRONG.match(text)
    if wrong is not None:
        return f"{wrong[0]} ({OPTIONS[wrong[1]]})" + _set(text[wrong.end() :])
    return _set(text)


def _set(text: str) -> str:
    text = NAMED.sub(lambda found: f"({OPTIONS[found[1]]})", text)
    return SET.sub(lambda f: f"{OPTIONS[f[1] or f[3]]} {f[2] or f[4]}", text)
