"""Tries GPUs counted from the end, which a list takes for the same and a dict for new ones."""


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
    return [gpu - gpu_count if number % 2 else gpu for number, gpu in enumerate(placement)]
