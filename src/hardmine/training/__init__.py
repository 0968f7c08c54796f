"""The loop, checkpoints, device and threads."""
