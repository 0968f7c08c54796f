"""What SCHEM's two searches cost at the size of Stanford Online Products.

    python benchmarks/schem_search.py [--threads 1] [--device cpu]

11,318 classes, 59,551 images, 512 dimensions, groups of 10. Random unit vectors stand in for embeddings: an exact
search costs the same whatever it finds. Side by side: the class search, the classification loss that the training step
pays anyway, the image search in the classes found, the image search over all images, and faiss for that last one.
Medians over repeats; nothing is written.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import faiss
import numpy as np
import torch
from torch.nn import functional

from hardmine.losses.signature_softmax import classification_loss
from hardmine.mining.class_signatures import class_pool
from hardmine.mining.feature_bank import FeatureBank, instance_pool

CLASSES, IMAGES, DIMENSIONS, GROUPS, GROUP = 11_318, 59_551, 512, 5, 10
POOL = 16  # classes at alpha 4
WANTED = 200  # images at beta 5


def milliseconds(work: Callable[[], object], device: str, repeats: int = 15) -> float:
    """Median time of ``work``, after two runs that do not count."""
    times = []
    for number in range(repeats + 2):
        start = time.perf_counter()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        if number >= 2:
            times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--device", default="cpu")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    faiss.omp_set_num_threads(chosen.threads)
    generator = torch.Generator().manual_seed(0)

    def unit(count: int) -> torch.Tensor:
        vectors = torch.randn(count, DIMENSIONS, generator=generator)
        return functional.normalize(vectors, dim=1).to(chosen.device)

    anchors, batch, signatures, embeddings = unit(GROUP), unit(GROUP * GROUPS), unit(CLASSES), unit(IMAGES)
    labels = np.sort(np.random.default_rng(0).integers(0, CLASSES, IMAGES))
    bank = FeatureBank(IMAGES, DIMENSIONS, None, chosen.device)
    bank.write(np.arange(IMAGES), embeddings, 0)
    weight = signatures.clone().requires_grad_()
    targets = torch.arange(GROUP * GROUPS, device=chosen.device)
    others = np.flatnonzero(labels != 0)

    def classify() -> None:
        weight.grad = None
        classification_loss(batch, targets, functional.normalize(weight, dim=1)).backward()

    def everywhere() -> np.ndarray:
        return instance_pool(anchors, others, bank, lambda rows: embeddings[rows], 0, WANTED)

    index = faiss.IndexFlatIP(DIMENSIONS)
    index.add(embeddings.cpu().numpy())
    queries = anchors.cpu().numpy()
    candidates = np.flatnonzero(np.isin(labels, class_pool(anchors, signatures, 0, POOL).cpu().numpy()))

    def in_classes() -> np.ndarray:
        return instance_pool(anchors, candidates, bank, lambda rows: embeddings[rows], 0, 40)

    rows = [
        ("class search: 10 anchors against all signatures, top 16", lambda: class_pool(anchors, signatures, 0, POOL)),
        ("classification loss, forward and backward, 50 images", classify),
        (f"image search in {POOL} classes ({len(candidates)} images), top 40", in_classes),
        ("image search over all images, top 200", everywhere),
        ("the same by faiss.IndexFlatIP (10 lists of 200)", lambda: index.search(queries, WANTED)),
    ]
    print(f"torch {torch.__version__}, {chosen.device}, {chosen.threads} thread(s)")
    for name, work in rows:
        print(f"{milliseconds(work, chosen.device):9.2f} ms   {name}", flush=True)
    print(f"{IMAGES * DIMENSIONS * 4 / 1e6:9.1f} MB   bank in float32, half of that in float16")
    print(f"{CLASSES * DIMENSIONS * 4 / 1e6:9.1f} MB   signatures; four times that with gradient and Adam's moments")


if __name__ == "__main__":
    main()
