"""Hard examples of a labelled folder under any model, written once for training elsewhere."""
