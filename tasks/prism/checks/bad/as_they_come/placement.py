"""Takes models as they come, each on the GPU with the most memory left, blind to requests."""


def largest_first(gpu_count, gpu_memory_gb, models):
    """Largest models first, each on the GPU with the most memory left."""
    free_gb = [gpu_memory_gb] * gpu_count
    placement = [0] * len(models)
    for number in sorted(range(len(models)), key=lambda number: -models[number]["size_gb"]):
        gpu = free_gb.index(max(free_gb))
        placement[number] = gpu
        free_gb[gpu] -= models[number]["size_gb"]
    return placement


def place(gpu_count, gpu_memory_gb, models):
    free_gb = [gpu_memory_gb] * gpu_count
    placement = []
    for model in models:
        gpu = free_gb.index(max(free_gb))
        placement.append(gpu)
        free_gb[gpu] -= model["size_gb"]
    if min(free_gb) <= 0:
        return largest_first(gpu_count, gpu_memory_gb, models)
    return placement
