"""What SCHEM's searches cost at the size of Stanford Online Products: python -m benchmarks.schem_search.

11,318 classes, 59,551 images, 512 dimensions, groups of 10. Random unit vectors stand in for embeddings: an exact
search costs the same whatever it finds. The class search and the image search in the classes found against the
classification loss that every step pays anyway; the image search over all images against faiss. One thread.
"""

import faiss
import numpy as np
import torch
from torch.nn import functional

from benchmarks import table
from benchmarks.table import Row
from hardmine.methods.schem.bank import FeatureBank, instance_pool
from hardmine.methods.schem.classification_loss import classification_loss
from hardmine.methods.schem.signatures import class_pool

CLASSES, IMAGES, DIMENSIONS, GROUPS, GROUP = 11_318, 59_551, 512, 5, 10
POOL = 16  # classes at alpha 4
WANTED = 200  # images at beta 5


def run() -> list[Row]:
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    generator = torch.Generator().manual_seed(0)

    def unit(count: int) -> torch.Tensor:
        vectors = torch.randn(count, DIMENSIONS, generator=generator)
        return functional.normalize(vectors, dim=1)

    anchors, batch, signatures, embeddings = unit(GROUP), unit(GROUP * GROUPS), unit(CLASSES), unit(IMAGES)
    labels = np.sort(np.random.default_rng(0).integers(0, CLASSES, IMAGES))
    bank = FeatureBank(IMAGES, DIMENSIONS, None, "cpu")
    bank.write(np.arange(IMAGES), embeddings, 0)
    weight = signatures.clone().requires_grad_()
    targets = torch.arange(GROUP * GROUPS)
    others = np.flatnonzero(labels != 0)

    def classify() -> None:
        weight.grad = None
        classification_loss(batch, targets, functional.normalize(weight, dim=1)).backward()

    def everywhere() -> np.ndarray:
        return instance_pool(anchors, others, bank, lambda rows: embeddings[rows], 0, WANTED)

    index = faiss.IndexFlatIP(DIMENSIONS)
    index.add(embeddings.numpy())
    queries = anchors.numpy()
    candidates = np.flatnonzero(np.isin(labels, class_pool(anchors, signatures, 0, POOL).numpy()))

    def in_classes() -> np.ndarray:
        return instance_pool(anchors, candidates, bank, lambda rows: embeddings[rows], 0, 40)

    ways = {
        "classes": lambda: class_pool(anchors, signatures, 0, POOL),
        "loss": classify,
        "images": in_classes,
        "everywhere": everywhere,
        "faiss": lambda: index.search(queries, WANTED),
    }
    found = {name: 1000 * value for name, value in table.alternate(ways, rounds=15, warm=2).items()}
    what = f"SCHEM: class search, {CLASSES:,} classes"
    how = "peer: the classification loss, forward and backward"
    inside = f"SCHEM: image search in {POOL} classes ({len(candidates)} images)"
    whole = f"SCHEM: image search over {IMAGES:,} images, top {WANTED}"
    return [
        Row("method steps", what, found["classes"], "ms", found["loss"], at_most=0.2, how=how),
        Row("method steps", inside, found["images"], "ms", found["loss"], how=how),
        Row("method steps", whole, found["everywhere"], "ms", found["faiss"], how="peer: faiss, ten lists"),
    ]


if __name__ == "__main__":
    table.main(run)
