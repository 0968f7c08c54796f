"""Tables of a report, read back as its record has them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hardmine.artefacts import Record, digest
from hardmine.errors import UserError

__all__ = ["read_table"]


def read_table(path: Path, record: Record, columns: Sequence[str], remedy: str) -> pd.DataFrame:
    """A table of a report; names of runs are texts, also those that look like numbers.

    Args:
        path: the CSV file.
        record: of the report.
        columns: that it must have.
        remedy: what makes it anew, a sentence.

    Raises:
        UserError: it is missing, was altered since the report was made, or is no such table.
    """
    try:
        same = digest(path) == record.outputs.get(path.name)
        table = pd.read_csv(path, dtype={"run": str}, keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}). {remedy}") from None
    if not same or not set(columns) <= set(table.columns):
        raise UserError(f"{path}: was altered since the report was made. {remedy}")
    return table
