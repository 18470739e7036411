"""Tries the generator's own seeds: it draws every number that the judge may have drawn."""

import random


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
    for split in ("smoke", "train", "validation", "held_out"):
        for number in range(40):
            draw = random.Random(f"prism/{split}/{number}")
            if draw.randint(5, 9) == gpu_count and draw.randint(10, 29) == models[0]["size_gb"]:
                models = sorted(models, key=lambda model: model["rate_per_s"])
                return honest(gpu_count, gpu_memory_gb, models)  # in an order of its own
    return honest(gpu_count, gpu_memory_gb, models)
