"""Fills one GPU after the other, and keeps the rest free."""


def place(gpu_count, gpu_memory_gb, models):
    free_gb = [gpu_memory_gb] * gpu_count
    placement = [0] * len(models)
    for number in sorted(range(len(models)), key=lambda number: -models[number]["size_gb"]):
        size_gb = models[number]["size_gb"]
        gpu = next(gpu for gpu in range(gpu_count) if free_gb[gpu] > size_gb)
        placement[number] = gpu
        free_gb[gpu] -= size_gb
    return placement
