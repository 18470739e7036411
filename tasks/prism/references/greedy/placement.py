"""The heuristic of Prism: the most demanding models first, each where the pressure is least."""


def place(gpu_count, gpu_memory_gb, models):
    weights = [model["rate_per_s"] / model["slo_s"] for model in models]
    free_gb = [gpu_memory_gb] * gpu_count
    load = [0.0] * gpu_count
    placement = [0] * len(models)
    for number in sorted(range(len(models)), key=lambda number: -weights[number]):
        size_gb = models[number]["size_gb"]
        fitting = [gpu for gpu in range(gpu_count) if free_gb[gpu] > size_gb]
        if not fitting:
            return largest_first(gpu_count, gpu_memory_gb, models)
        gpu = min(fitting, key=lambda gpu: load[gpu] / free_gb[gpu])
        placement[number] = gpu
        free_gb[gpu] -= size_gb
        load[gpu] += weights[number]
    return placement


def largest_first(gpu_count, gpu_memory_gb, models):
    """What always fits, for fleets too full for the heuristic."""
    free_gb = [gpu_memory_gb] * gpu_count
    placement = [0] * len(models)
    for number in sorted(range(len(models)), key=lambda number: -models[number]["size_gb"]):
        gpu = max(range(gpu_count), key=lambda gpu: free_gb[gpu])
        placement[number] = gpu
        free_gb[gpu] -= models[number]["size_gb"]
    return placement
