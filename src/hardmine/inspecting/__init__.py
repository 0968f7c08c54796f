"""A report on a labelled folder. Read in this order: sources, looking, near, verdicts, around, files, report, page."""
