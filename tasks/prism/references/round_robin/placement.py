"""Model after model to GPU after GPU; largest first to the emptiest where that does not fit."""


def place(gpu_count, gpu_memory_gb, models):
    placement = [number % gpu_count for number in range(len(models))]
    used_gb = [0.0] * gpu_count
    for gpu, model in zip(placement, models, strict=True):
        used_gb[gpu] += model["size_gb"]
    if max(used_gb) < gpu_memory_gb:
        return placement
    free_gb = [gpu_memory_gb] * gpu_count
    for number in sorted(range(len(models)), key=lambda number: -models[number]["size_gb"]):
        gpu = max(range(gpu_count), key=lambda gpu: free_gb[gpu])
        placement[number] = gpu
        free_gb[gpu] -= models[number]["size_gb"]
    return placement
