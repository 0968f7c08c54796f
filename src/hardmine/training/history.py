"""``history.csv``: one row an epoch, no times in it."""

import csv
from pathlib import Path
from typing import Any

from hardmine.artefacts import writing

__all__ = ["History"]


class History:
    """Rows of an epoch each; columns are the union of what the rows report."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def append(self, row: dict[str, float]) -> None:
        """Add an epoch."""
        self.rows.append(row)

    def write(self, path: Path) -> None:
        """Write the table; whole numbers as such, others to nine digits, absent values empty."""
        columns = list(dict.fromkeys(["epoch", "step", "images", *(name for row in self.rows for name in row)]))
        with writing(path) as temporary, open(temporary, "w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(columns)
            table.writerows(["" if name not in row else f"{row[name]:.9g}" for name in columns] for row in self.rows)

    def state_dict(self) -> dict[str, Any]:
        """The rows."""
        return {"rows": [dict(row) for row in self.rows]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take saved rows."""
        self.rows = [dict(row) for row in state["rows"]]
