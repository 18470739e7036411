"""Tries to change what the judge knows: no rates, no sizes, endless patience."""


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
    for model in models:
        model |= {"rate_per_s": 0.0, "size_gb": 0.0, "slo_s": 1e9}
    models.clear()
    return placement
