"""One table over the reports of several plans: read replicates.py first, then reading.py, datasets.py, table.py."""

__all__: list[str] = []
