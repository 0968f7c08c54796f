"""Tables, curves, the gallery and the page."""

__all__: list[str] = []
