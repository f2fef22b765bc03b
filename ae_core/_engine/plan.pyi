class Plan:
    def __init__(
        self,
        layers: list[tuple[int, int, str, bool, int, int, int]],
        loss: str,
    ) -> None: ...
    def describe(self, n_rows: int, itemsize: int) -> tuple[int, int, int, bool]: ...
