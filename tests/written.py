"""Tables that are written as commands write theirs: some rows at a time."""

from ae_core.files.table_file import write_rows

ROWS_AT_ONCE = 1 << 16


def write_table(path, names, columns):
    """Write an array (n_rows, n_columns), or a list of columns."""
    is_array = hasattr(columns, "shape")
    n_rows = len(columns) if is_array else len(columns[0])
    pieces = [slice(start, start + ROWS_AT_ONCE) for start in range(0, n_rows, ROWS_AT_ONCE)]
    parts = (columns[rows] if is_array else [each[rows] for each in columns] for rows in pieces)
    write_rows(path, names, parts, n_rows)
