# What of a report goes into `snakemake --report report.zip`, under which heading, with which caption.
from pathlib import Path

CAPTIONS = Path(workflow.basedir, "workflow/report")
IN_REPORT = {
    "index.html": ("Results", "table with verdicts, provenance"),
    "statistics.csv": ("Results", "all metrics"),
    "published.csv": ("Results", "published beside measured"),
    "figures/recall.svg": ("Results", "recall"),
    "figures/recall-at-k.svg": ("Results", "recall over k"),
    "figures/curves.svg": ("Training", "validation recall"),
    "figures/loss.svg": ("Training", "loss"),
    "figures/gallery.svg": ("Retrieval", "nearest images"),
}


report: "../report/workflow.rst"


def in_report(file):
    """The file, marked for Snakemake's report where it belongs there: vector figures, the page, the statistics."""
    name = file.split("/", 2)[2]
    title = Path(name).stem
    if name in IN_REPORT:
        category, label = IN_REPORT[name]
        return report(
            file,
            caption=str(CAPTIONS / f"{title}.rst"),
            category=category,
            labels={"figure": label},
        )
    if not name.startswith("figures/") or not name.endswith(".svg"):
        return file
    families = [
        path.stem for path in CAPTIONS.glob("*.rst") if title.startswith(path.stem)
    ]
    return report(
        file,
        caption=str(CAPTIONS / f"{max(families, key=len, default='method')}.rst"),
        category="Inside the methods",
        labels={"figure": title},
    )
