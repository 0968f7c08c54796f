"""Random changes of a batch of training images on their device, drawn for each image of its own.

Every draw comes from the generator that is passed in, and only for changes that are asked for, so that equal seeds give
equal bytes and a change that is off moves no other.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from hardmine.settings.training import Augmentation

__all__ = ["recoloured", "resized_crops", "with_holes"]

_LUMA = (0.299, 0.587, 0.114)
_TO_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))
_MIDDLE = 127.5


def resized_crops(pixels: Tensor, size: int, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """A box of each image, of random area, proportions and place, brought to a square; mirrored where asked for.

    Args:
        pixels: uint8 [n, H, W, C].
        size: edge of the squares.
        settings: ``crop_scale`` (share of the image's area), ``crop_ratio`` (width over height) and ``mirror``.
        generator: on the CPU.

    Returns:
        float32 [n, C, size, size] in grey levels, channels last in memory; sampled bilinearly.
    """
    assert settings.crop_scale is not None
    count, height, width, _ = pixels.shape
    area = torch.empty(count).uniform_(*settings.crop_scale, generator=generator) * height * width
    low, high = (math.log(bound) for bound in settings.crop_ratio)
    ratio = torch.empty(count).uniform_(low, high, generator=generator).exp()
    wide, tall = (area * ratio).sqrt().clamp(max=width), (area / ratio).sqrt().clamp(max=height)
    left = torch.rand(count, generator=generator) * (width - wide)
    top = torch.rand(count, generator=generator) * (height - tall)
    steps = (torch.arange(size) + 0.5) / size
    across = (left[:, None] + steps * wide[:, None]) * 2 / width - 1
    down = (top[:, None] + steps * tall[:, None]) * 2 / height - 1
    if settings.mirror:
        flip = torch.rand(count, 1, generator=generator) < 0.5
        across = torch.where(flip, across.flip(1), across)
    grid = torch.stack([across[:, None, :].expand(-1, size, -1), down[:, :, None].expand(-1, -1, size)], dim=3)
    images = pixels.permute(0, 3, 1, 2).float()
    return functional.grid_sample(images, grid.to(pixels.device), padding_mode="border", align_corners=False)


def recoloured(images: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """Brightness, contrast, saturation and hue changed by a factor of each image's own, some images made grey.

    All of it is one linear map of each image's colours: c ← b·(k·M·c + (1 - k)·m) with brightness b, contrast k about
    the image's mean luma m, and M for saturation, hue (a rotation about the grey axis) and grey; cut to 0 and 255.

    Args:
        images: float32 [n, C, H, W] in grey levels; colours where C = 3.
        settings: ``brightness``, ``contrast``, ``saturation``, ``hue`` and ``grey``.
        generator: on the CPU.
    """
    count, channels = images.shape[:2]
    brightness = _factors(settings.brightness, count, generator)
    contrast = _factors(settings.contrast, count, generator)
    maps = torch.eye(channels).expand(count, -1, -1)
    if channels == 3:
        saturation = _factors(settings.saturation, count, generator)
        turn = torch.zeros(count)
        if settings.hue:
            turn = (2 * torch.rand(count, generator=generator) - 1) * settings.hue * 2 * math.pi
        if settings.grey:
            saturation = torch.where(torch.rand(count, generator=generator) < settings.grey, 0.0, saturation)
        to_yiq = torch.tensor(_TO_YIQ)
        rotation = torch.zeros(count, 3, 3)
        rotation[:, 0, 0] = 1
        rotation[:, 1, 1] = rotation[:, 2, 2] = saturation * turn.cos()
        rotation[:, 1, 2] = -saturation * turn.sin()
        rotation[:, 2, 1] = saturation * turn.sin()
        maps = torch.linalg.inv(to_yiq) @ rotation @ to_yiq
    weights = torch.tensor(_LUMA if channels == 3 else [1 / channels] * channels, device=images.device)
    luma = torch.einsum("nchw,c->n", images, weights) / (images.shape[2] * images.shape[3])
    linear = (maps * (brightness * contrast)[:, None, None]).to(images.device)
    offset = (brightness * (1 - contrast)).to(images.device) * luma
    changed = torch.einsum("nchw,ndc->ndhw", images, linear) + offset[:, None, None, None]
    return changed.clamp_(0, 255)


def with_holes(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """A box of some images made middle grey (random erasing): 2 to 33 % of the area, proportions 0.3 to 3.3.

    Args:
        images: float32 [n, C, H, W] in grey levels; changed in place.
        share: of the images.
        generator: on the CPU.
    """
    count, _, height, width = images.shape
    chosen = torch.rand(count, generator=generator) < share
    area = torch.empty(count).uniform_(0.02, 0.33, generator=generator) * height * width
    ratio = torch.empty(count).uniform_(math.log(0.3), math.log(3.3), generator=generator).exp()
    tall, wide = (area * ratio).sqrt().clamp(max=height), (area / ratio).sqrt().clamp(max=width)
    top = torch.rand(count, generator=generator) * (height - tall)
    left = torch.rand(count, generator=generator) * (width - wide)
    rows, columns = torch.arange(height) + 0.5, torch.arange(width) + 0.5
    inside_rows = (rows >= top[:, None]) & (rows < (top + tall)[:, None]) & chosen[:, None]
    inside_columns = (columns >= left[:, None]) & (columns < (left + wide)[:, None])
    holes = (inside_rows[:, :, None] & inside_columns[:, None, :]).to(images.device)
    return images.masked_fill_(holes[:, None], _MIDDLE)


def _factors(strength: float, count: int, generator: torch.Generator) -> Tensor:
    """Factors float [n], uniform from 1 - strength to 1 + strength; none is drawn where the strength is 0."""
    if not strength:
        return torch.ones(count)
    return torch.empty(count).uniform_(1 - strength, 1 + strength, generator=generator)
