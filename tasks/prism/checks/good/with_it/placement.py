"""Models with the most requests and memory first, each where the pressure is least with it."""


def place(gpu_count, gpu_memory_gb, models):
    weights = [model["rate_per_s"] / model["slo_s"] for model in models]
    mean = sum(weights) / len(weights)
    hardness = [
        model["size_gb"] / gpu_memory_gb + weight / mean / 4
        for model, weight in zip(models, weights, strict=True)
    ]
    free_gb = [gpu_memory_gb] * gpu_count
    load = [0.0] * gpu_count
    placement = [0] * len(models)
    for number in sorted(range(len(models)), key=lambda number: -hardness[number]):
        size_gb, weight = models[number]["size_gb"], weights[number]
        fitting = [gpu for gpu in range(gpu_count) if free_gb[gpu] > size_gb]
        if not fitting:
            return largest_first(gpu_count, gpu_memory_gb, models)
        pressures = [(load[gpu] + weight) / (free_gb[gpu] - size_gb) for gpu in fitting]
        gpu = fitting[pressures.index(min(pressures))]
        placement[number] = gpu
        free_gb[gpu] -= size_gb
        load[gpu] += weight
    return placement


def largest_first(gpu_count, gpu_memory_gb, models):
    """Largest models first, each on the GPU with the most memory left."""
    free_gb = [gpu_memory_gb] * gpu_count
    placement = [0] * len(models)
    for number in sorted(range(len(models)), key=lambda number: -models[number]["size_gb"]):
        gpu = free_gb.index(max(free_gb))
        placement[number] = gpu
        free_gb[gpu] -= models[number]["size_gb"]
    return placement
