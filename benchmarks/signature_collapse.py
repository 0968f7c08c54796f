"""Why SCHEM's class search closes in on a few classes without a temperature: python -m benchmarks.signature_collapse

Signatures alone are trained, on fixed synthetic embeddings of 200 classes × 20 that share a large common part, as the
embeddings of an untrained network do. A row says how many classes give 90 % of the negatives in the last quarter.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hardmine.methods.schem.classification_loss import classification_loss
from hardmine.methods.schem.signatures import ClassSignatures, class_pool

CLASSES, IMAGES, DIMENSIONS, STEPS = 200, 20, 64, 480
ROWS: tuple[tuple[str, dict[str, object]], ...] = (
    ("as specified, Adam", {}),
    ("plain SGD with momentum", {"optimiser": "sgd"}),
    ("random classes, same loss", {"mined": False}),
    ("embeddings without their common part", {"centred": True}),
    ("signatures start as class means", {"from_means": True}),
    ("class pools of 8", {"factors": (2,)}),
    ("class pools of 40", {"factors": (10,)}),
    ("scale 16, rate × 20", {"scale": 16.0, "rate": 0.02}),
)


def synthetic(centred: bool, generator: torch.Generator) -> Tensor:
    """Unit vectors [classes, images, dimensions]: a common part, a class's part, noise."""
    common = 3.0 * functional.normalize(torch.randn(1, DIMENSIONS, generator=generator), dim=1)
    classes = functional.normalize(torch.randn(CLASSES, DIMENSIONS, generator=generator), dim=1)
    noise = functional.normalize(torch.randn(CLASSES, IMAGES, DIMENSIONS, generator=generator), dim=2)
    images = functional.normalize(common + classes[:, None] + 0.5 * noise, dim=2)
    return functional.normalize(images - images.mean((0, 1)), dim=2) if centred else images


def classes_in_use(
    optimiser: str = "adam",
    rate: float = 0.001,
    scale: float = 1.0,
    factors: tuple[int, ...] = (3, 4, 5),
    mined: bool = True,
    centred: bool = False,
    from_means: bool = False,
) -> int:
    """Classes that give 90 % of the negatives over the last quarter of the steps."""
    generator, draw = torch.Generator().manual_seed(0), np.random.default_rng(0)
    images = synthetic(centred, generator)
    signatures = ClassSignatures(CLASSES, DIMENSIONS, generator)
    if from_means:
        signatures.weight.data.copy_(functional.normalize(images.mean(1), dim=1))
    kind = torch.optim.Adam if optimiser == "adam" else torch.optim.SGD
    options = {} if optimiser == "adam" else {"momentum": 0.9}
    stepper = kind(signatures.parameters(), lr=rate if optimiser == "adam" else 1.0, **options)
    used = np.zeros(CLASSES)
    for step in range(STEPS):
        anchor = int(draw.integers(CLASSES))
        group = images[anchor, torch.from_numpy(draw.permutation(IMAGES)[:10])]
        size = 4 * int(draw.choice(factors))
        if mined:
            pool = class_pool(group, signatures.unit().detach(), anchor, size).numpy()
        else:
            pool = draw.permutation(np.delete(np.arange(CLASSES), anchor))[:size]
        candidates = np.concatenate([label * IMAGES + np.arange(IMAGES) for label in pool])
        negatives = draw.permutation(candidates)[:40]
        batch = torch.cat([group, images.view(-1, DIMENSIONS)[torch.from_numpy(negatives)]])
        labels = torch.cat([torch.full((10,), anchor), torch.from_numpy(negatives // IMAGES)])
        stepper.zero_grad()
        classification_loss(batch, labels, signatures.unit(), scale).backward()
        stepper.step()
        signatures.renormalise()
        if step >= 3 * STEPS // 4:
            used += np.bincount(negatives // IMAGES, minlength=CLASSES)
    shares = np.sort(used / used.sum())[::-1]
    return int((shares.cumsum() < 0.9).sum() + 1)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print("| | classes that give 90 % of the negatives, of 200 |\n|---|--:|")
    for name, changes in ROWS:
        print(f"| {name} | {classes_in_use(**changes)} |", flush=True)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
