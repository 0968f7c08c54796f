from search_tools import pictures, project, trained

__all__ = ["pictures", "project", "trained"]
