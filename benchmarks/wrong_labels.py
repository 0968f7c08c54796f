"""How many labels that were switched on purpose stand first in the list of 'hardmine inspect'?

    python -m benchmarks.wrong_labels MODEL                 glyphs, rendered on the spot: letters that no training saw
    python -m benchmarks.wrong_labels MODEL IMAGES          a folder or a list, as 'hardmine inspect' takes it

Prints a table: share of the switched labels among the first 5 % of the list (as many as were switched, so precision and
recall are one number), mean and standard deviation over five draws.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import hardmine
from hardmine.datasets import glyphs
from hardmine.inspecting.looking import look_at_files
from hardmine.inspecting.near import Surroundings, bound_of, groups_of, numbers_of_groups, surroundings_of
from hardmine.inspecting.sources import labels_of_files
from hardmine.inspecting.verdicts import judge
from hardmine.settings.datasets import Glyphs

SHARE, DRAWS = 0.05, 5


def switched(vectors: np.ndarray, labels: np.ndarray, alike: bool, seed: int) -> np.ndarray:
    """Labels of which 5 % are another class: a drawn one, or with ``alike`` one of the three with the nearest means."""
    generator = np.random.default_rng(seed)
    rows = generator.choice(len(labels), round(SHARE * len(labels)), replace=False)
    count = labels.max() + 1
    new = labels.copy()
    new[rows] = (labels[rows] + generator.integers(1, count, len(rows))) % count
    if alike:
        means = np.stack([vectors[labels == label].mean(axis=0) for label in range(count)])
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        order = np.argsort(-(means @ means.T) + 3 * np.eye(count), axis=1)
        new[rows] = order[labels[rows], generator.integers(0, min(3, count - 1), len(rows))]
    return new


def hits(scores: np.ndarray, wrong: np.ndarray) -> float:
    """Share of the wrong labels among as many lowest scores; ties in the order of a fixed draw."""
    ties = np.random.default_rng(0).permutation(len(scores))
    return float(wrong[np.lexsort((ties, scores))[: wrong.sum()]].mean())


def votes(around: Surroundings, labels: np.ndarray, count: int, against: bool) -> np.ndarray:
    """Share of the nearest with the own label, and with ``against`` less the share of the best other."""
    found = labels[around.rows[around.numbers, :count]]
    own = (found == labels[:, None]).mean(axis=1)
    if not against:
        return own
    others = np.where(found == labels[:, None], -1, found)
    best = [np.bincount(row[row >= 0], minlength=1).max() for row in others]
    return own - np.array(best) / count


def class_means(vectors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cosine with the mean of the own class without the image itself, less the best other mean."""
    sums = np.zeros((labels.max() + 1, vectors.shape[1]))
    np.add.at(sums, labels, vectors)
    cosines = vectors @ (sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)).T
    rest = sums[labels] - vectors
    own = (vectors * rest).sum(axis=1) / np.maximum(np.linalg.norm(rest, axis=1), 1e-12)
    cosines[np.arange(len(labels)), labels] = -np.inf
    return own - cosines.max(axis=1)


def inspected(vectors: np.ndarray, labels: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """The rank of each label in the list of 'hardmine inspect', from 0; last where it has no verdict."""
    found = judge(vectors, labels, pictures)
    ranks = np.full(len(labels), len(labels))
    ranks[found.rows] = np.arange(len(found.rows))
    return ranks


def measured(vectors: np.ndarray, labels: np.ndarray) -> list[str]:
    """Lines of the table."""
    around = surroundings_of(vectors, 1)
    unknown = [""] * len(labels)
    groups = groups_of(vectors, [str(row) for row in range(len(labels))], unknown, unknown, around, bound_of(around))
    pictures = numbers_of_groups(len(labels), groups)
    lines = []
    for alike in (False, True):
        found: dict[str, list[float]] = {}
        for seed in range(DRAWS):
            new = switched(vectors, labels, alike, seed)
            wrong = new != labels
            for count in (5, 10, 20):
                for against in (False, True):
                    name = f"votes of {count}{', against the best other' if against else ''}"
                    found.setdefault(name, []).append(hits(votes(around, new, count, against), wrong))
            found.setdefault("class means, without the image", []).append(hits(class_means(vectors, new), wrong))
            found.setdefault("hardmine inspect", []).append(hits(inspected(vectors, new, pictures), wrong))
        target = "a class alike" if alike else "any class"
        lines += [f"| {target} | {name} | {np.mean(v):.3f} ± {np.std(v, ddof=1):.3f} |" for name, v in found.items()]
    return lines


def letters() -> tuple[np.ndarray, np.ndarray]:
    """Glyphs of the validation and test letters, uint8 [N, 32, 32, 1], and their classes."""
    settings = Glyphs(name="glyphs", size=32)
    with tempfile.TemporaryDirectory() as place:
        glyphs.download(Path(place), settings)
        images, items = glyphs.preprocess(Path(place), settings)
    kept = [row for row, split in enumerate(items.splits) if split in ("validation", "test")]
    return images[kept], np.unique([items.classes[row] for row in kept], return_inverse=True)[1]


def main() -> None:
    """Embed, switch, look, print."""
    model = hardmine.load(sys.argv[1])
    if len(sys.argv) > 2:
        looked = look_at_files(model, labels_of_files(Path(sys.argv[2])), lambda done, total: None)
        vectors, labels = looked.vectors, np.unique(looked.classes, return_inverse=True)[1]
    else:
        images, labels = letters()
        vectors = model.embed(images)
    print(f"{len(labels):,} images, {labels.max() + 1} classes, {vectors.shape[1]} dimensions")
    print("| switched to | list by | first 5 % |\n|---|---|---|")
    print("\n".join(measured(vectors, labels)))


if __name__ == "__main__":
    main()
