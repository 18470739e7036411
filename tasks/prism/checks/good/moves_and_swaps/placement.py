"""Takes pressure off the most pressed GPU by moves and swaps, as long as one helps."""


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
    placement = largest_first(gpu_count, gpu_memory_gb, models)
    sizes = [model["size_gb"] for model in models] + [0.0]  # the last one: nothing comes back
    weights = [model["rate_per_s"] / model["slo_s"] for model in models] + [0.0]
    free_gb = [gpu_memory_gb] * gpu_count
    load = [0.0] * gpu_count
    for number, gpu in enumerate(placement):
        free_gb[gpu] -= sizes[number]
        load[gpu] += weights[number]

    def after(gpu, leaves, comes):
        left_gb = free_gb[gpu] + sizes[leaves] - sizes[comes]
        return (load[gpu] - weights[leaves] + weights[comes]) / left_gb if left_gb > 0 else 1e9

    while True:
        worst = max(range(gpu_count), key=lambda gpu: load[gpu] / free_gb[gpu])
        best = (load[worst] / free_gb[worst] - 1e-9, None)
        for mine in [number for number, gpu in enumerate(placement) if gpu == worst]:
            others = [(number, gpu) for number, gpu in enumerate(placement) if gpu != worst]
            others += [(len(models), gpu) for gpu in range(gpu_count) if gpu != worst]
            for theirs, other in others:
                pressure = max(after(worst, mine, theirs), after(other, theirs, mine))
                if pressure < best[0]:
                    best = (pressure, (mine, theirs, other))
        if best[1] is None:
            return placement
        mine, theirs, other = best[1]
        for gpu, leaves, comes in ((worst, mine, theirs), (other, theirs, mine)):
            free_gb[gpu] += sizes[leaves] - sizes[comes]
            load[gpu] += weights[comes] - weights[leaves]
        placement[mine] = other
        if theirs < len(models):
            placement[theirs] = worst
