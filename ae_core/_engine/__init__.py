"""Floor 0: compiled code over typed memoryviews and BLAS. Imports nothing from the package."""
