"""Trained models in use: embedding images, an index of a folder, search, a page of results."""
