"""The embed verb: a trained network's embeddings of the validation and test images."""

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save

from hardmine.artefacts import Job, read_record, writing
from hardmine.errors import UserError
from hardmine.images import open_store
from hardmine.methods import method_class
from hardmine.settings.backbones import backbone_from
from hardmine.settings.methods import run_from

from .device import prepare_device
from .device_faults import telling_of_devices
from .loop import embed_rows, read_weights

__all__ = ["embed"]


@telling_of_devices
def embed(job: Job, folder: Path, threads: int, device_name: str) -> None:
    """Write ``embeddings.safetensors``: ``rows`` int64 [N] of the packed array, and float32 [N, D] for each embedding.

    Raises:
        UserError: the model file is damaged or does not fit the settings.
    """
    device = prepare_device(device_name, threads, alone=True)
    store, _ = open_store(Path(job.where["packed"]), "validation", "test")
    made = read_record(job.where["model"])
    chosen = made.resolved if made else {}
    crop = chosen["training"]["augmentation"].get("crop", 0) if chosen else job.settings.get("crop", 0)
    size = crop or int(store.pixels.shape[1])
    settings = run_from(job.settings["method"] | chosen.get("method", {}))
    backbone = backbone_from(job.settings["backbone"])
    network = method_class(settings.method).build_network(settings, backbone, store.channels, size)
    path = Path(job.where["model"], "model.safetensors")
    try:
        network.load_state_dict(read_weights(path))
    except RuntimeError as error:
        raise UserError(
            f"{path}: does not fit the network of the settings: {str(error).splitlines()[-1].strip()}"
        ) from None
    network.to(device).to(memory_format=torch.channels_last)
    tensors: dict[str, np.ndarray] = {"rows": store.rows, **embed_rows(network, store, device, size)}
    with writing(folder / "embeddings.safetensors") as temporary:
        temporary.write_bytes(save({name: np.ascontiguousarray(value) for name, value in tensors.items()}))
