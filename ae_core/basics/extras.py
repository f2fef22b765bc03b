"""The error for a feature whose optional dependency is not installed."""


class MissingExtraError(ImportError):
    """An optional dependency is needed; the message says how to install it."""

    def __init__(self, feature: str, library: str, extra: str) -> None:
        super().__init__(
            f"{feature} need {library}, which is not installed: pip install 'ae_core[{extra}]'"
        )
