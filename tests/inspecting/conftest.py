from search_tools import project, trained

__all__ = ["project", "trained"]
