"""Glyphs: fine-grained zero-shot retrieval of letters, rendered from the fonts that matplotlib ships.

Letters that differ by one accent are the natural hard negatives. Everything is a function of the settings.
"""

import unicodedata
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hardmine.artefacts import writing
from hardmine.errors import UserError
from hardmine.settings.datasets import Glyphs

from .items import Items

__all__ = ["FACES", "choose_letters", "download", "draw", "preprocess"]

FACES = tuple(
    f"DejaVu{family}{style}"
    for family, styles in {
        "Sans": ("", "-Bold", "-Oblique", "-BoldOblique"),
        "SansMono": ("", "-Bold", "-Oblique", "-BoldOblique"),
        "Serif": ("", "-Bold", "-Italic", "-BoldItalic"),
    }.items()
    for style in styles
)
CANVAS = 64
_CATEGORIES = {"Lu", "Ll", "Lt", "Lo"}
_POINTS = 44
_BASELINE = 46


def download(folder: Path, settings: Glyphs) -> None:
    """Render the "archive": every letter that all faces share, once a face, on a 64×64 canvas.

    Writes ``faces.npz``: ``code_points`` int32 [L], ``bitmaps`` uint8 [L, 12, 64, 64]; letters that an
    earlier letter equals in any face, and modifier letters, are left out.
    """
    code_points, bitmaps = draw()
    with writing(folder / "faces.npz") as temporary:
        np.savez_compressed(temporary, code_points=code_points, bitmaps=bitmaps)


def draw() -> tuple[np.ndarray, np.ndarray]:
    """Render all letters; see ``download``."""
    import matplotlib
    from matplotlib.ft2font import FT2Font

    fonts = [Path(matplotlib.get_data_path(), "fonts", "ttf", f"{face}.ttf") for face in FACES]
    shared = set.intersection(*(set(FT2Font(str(font)).get_charmap()) for font in fonts))
    letters = sorted(code for code in shared if unicodedata.category(chr(code)) in _CATEGORIES)
    drawers = [ImageFont.truetype(str(font), _POINTS, layout_engine=ImageFont.Layout.BASIC) for font in fonts]
    seen: set[tuple[int, bytes]] = set()
    stacks = []
    for code in letters:
        stack = np.stack([_render(chr(code), drawer) for drawer in drawers])
        looks = {(face, bitmap.tobytes()) for face, bitmap in enumerate(stack)}
        if stack.any() and not looks & seen:
            stacks.append((code, stack))
        seen |= looks
    return np.array([code for code, _ in stacks], dtype=np.int32), np.stack([stack for _, stack in stacks])


def _render(letter: str, font: ImageFont.FreeTypeFont) -> np.ndarray:
    image = Image.new("L", (CANVAS, CANVAS))
    ImageDraw.Draw(image).text((CANVAS // 2, _BASELINE), letter, fill=255, font=font, anchor="ms")
    return np.asarray(image)


def choose_letters(available: int, settings: Glyphs) -> dict[str, np.ndarray]:
    """Draw disjoint sets of letters, one a split, as indices into the archive.

    Raises:
        UserError: the settings ask for more letters than there are.
    """
    wanted = {
        "train": settings.train_letters,
        "validation": settings.validation_letters,
        "test": settings.test_letters,
        "warm": settings.warm_letters,
    }
    if sum(wanted.values()) > available:
        raise UserError(
            f"dataset: {sum(wanted.values())} letters are asked for, {available} exist; "
            "lower train_letters, validation_letters, test_letters or warm_letters."
        )
    order = np.random.default_rng([settings.seed, 1]).permutation(available)
    ends = np.cumsum(list(wanted.values()))
    return {split: np.sort(part) for split, part in zip(wanted, np.split(order, ends)[:-1], strict=True)}


def preprocess(raw: Path, settings: Glyphs) -> tuple[np.ndarray, Items]:
    """Make the images: a face, a random affine map, contrast and noise for each.

    Returns:
        uint8 [N, size, size, 1] and their list, splits one after another, letters ascending.
    """
    with np.load(raw / "faces.npz") as archive:
        code_points, bitmaps = archive["code_points"], archive["bitmaps"]
    chosen = choose_letters(len(code_points), settings)
    generator = np.random.default_rng([settings.seed, 2])
    images, paths, classes, splits, roles = [], [], [], [], []
    for split, letters in chosen.items():
        for letter in letters:
            name = f"U+{code_points[letter]:04X}"
            for number in range(settings.images_per_letter):
                face = int(generator.integers(len(FACES)))
                images.append(_distort(bitmaps[letter, face], settings, generator))
                paths.append(f"{name}/{number:03d}-{FACES[face]}")
                classes.append(name)
                splits.append(split)
                roles.append("train" if split in ("train", "warm") else "both")
    return np.stack(images)[..., None], Items(paths, classes, splits, roles)


def _distort(bitmap: np.ndarray, settings: Glyphs, generator: np.random.Generator) -> np.ndarray:
    """One image, uint8 [size, size]: the bitmap under a random affine map, with contrast and noise."""
    angle = np.deg2rad(generator.uniform(-1, 1) * settings.rotation)
    shear = generator.uniform(-1, 1) * settings.shear
    zoom = 1 + generator.uniform(-1, 1) * settings.scale
    shift = generator.uniform(-1, 1, 2) * settings.translation * 2
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    double = 2 * settings.size
    matrix = turn @ np.array([[1.0, shear], [0.0, 1.0]]) / zoom * (CANVAS / double)
    offset = CANVAS / 2 - matrix @ (double / 2 + shift)
    data = (matrix[0, 0], matrix[0, 1], offset[0], matrix[1, 0], matrix[1, 1], offset[1])
    moved = Image.fromarray(bitmap).transform((double, double), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    letter = np.asarray(moved.reduce(2), dtype=np.float32)
    contrast = 1 - generator.uniform(0, 1) * settings.contrast
    ground = generator.uniform(0, 1) * 255 * (1 - contrast)
    noise = generator.standard_normal(letter.shape, dtype=np.float32) * settings.noise
    return np.clip(ground + contrast * letter + noise, 0, 255).astype(np.uint8)
