"""Tries to hand in the figures with the answer."""


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
    return {"placement": placement, "max_kvpr": 0.0, "gap": 0.0, "published_score": 100.0}
