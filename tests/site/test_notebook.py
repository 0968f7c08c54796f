"""The notebook runs from top to bottom without Jupyter and shows what it says."""

import json
from pathlib import Path

import matplotlib

NOTEBOOK = Path(__file__).parents[2] / "docs/notebooks/hard_examples.ipynb"


def test_the_notebook_runs_in_order_learns_and_is_stored_with_its_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    codes = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(cells) <= 10
    assert [cell["execution_count"] for cell in codes] == [1, 2, 3, 4]
    assert all(cell["outputs"] for cell in codes)
    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    scope: dict = {}
    try:
        for cell in codes:
            exec("".join(cell["source"]), scope)
    finally:
        scope["plt"].close("all")
        matplotlib.use(before)
    assert scope["after"]["recall@1"] > 2 * scope["before"]["recall@1"]
    labels, test = scope["labels"], scope["test"]
    hardest, near, far = scope["hardest"], scope["near"], scope["far"]
    ends = (labels[test[scope[name][hardest]]] for name in ("anchors", "positives", "negatives"))
    anchors, positives, negatives = ends
    assert len(set(anchors)) == len(hardest) == 6
    assert (anchors == positives).all()
    assert (anchors != negatives).all()
    assert (near[hardest] < far[hardest]).all()
