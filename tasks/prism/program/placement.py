"""Which GPU serves which model."""


def place(gpu_count, gpu_memory_gb, models):
    """Models that are hard to place first, each on the GPU that is least pressed with it.

    Returns the number of a GPU for each model, in the order of `models`.
    """
    gpus = [{"number": n, "free_gb": gpu_memory_gb, "load": 0.0} for n in range(gpu_count)]
    placement = [0] * len(models)
    for number in sorted(range(len(models)), key=lambda number: -hardness(models[number])):
        model = models[number]
        weight = model["rate_per_s"] / model["slo_s"]
        chosen, least = None, float("inf")
        for gpu in gpus:
            if gpu["free_gb"] > model["size_gb"]:
                pressure = (gpu["load"] + weight) / (gpu["free_gb"] - model["size_gb"])
                if pressure < least:
                    chosen, least = gpu, pressure
        if chosen is None:
            return most_free(gpu_count, gpu_memory_gb, models)
        chosen["free_gb"] -= model["size_gb"]
        chosen["load"] += weight
        placement[number] = chosen["number"]
    return placement


def hardness(model):
    """Large models are hard to place; of about the same size, those with more urgent requests."""
    return model["size_gb"] + 0.1 * model["rate_per_s"] / model["slo_s"]


def most_free(gpu_count, gpu_memory_gb, models):
    """Largest models first, each on the GPU with the most memory left: this always fits."""
    free_gb = [gpu_memory_gb] * gpu_count
    placement = [0] * len(models)
    for number in sorted(range(len(models)), key=lambda number: -models[number]["size_gb"]):
        gpu = max(range(gpu_count), key=lambda gpu: free_gb[gpu])
        free_gb[gpu] -= models[number]["size_gb"]
        placement[number] = gpu
    return placement
