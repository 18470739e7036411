"""Tries to skip the fleets that are hard, in the hope that only others are averaged."""


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
    if sum(model["size_gb"] for model in models) > 0.5 * gpu_count * gpu_memory_gb:
        raise RuntimeError("this fleet is too full")
    return honest(gpu_count, gpu_memory_gb, models)
