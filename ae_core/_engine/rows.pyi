from .._typing import Array

class Rows:
    def __init__(
        self,
        X: Array,
        shift: Array | None = None,
        factor: Array | None = None,
        sample_weight: Array | None = None,
        clip: bool = False,
    ) -> None: ...
