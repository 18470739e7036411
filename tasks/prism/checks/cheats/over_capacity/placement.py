"""Tries to spread demand only: more weights on a GPU than it has memory."""


def place(gpu_count, gpu_memory_gb, models):
    load = [0.0] * gpu_count
    placement = []
    for number, model in enumerate(models):
        gpu = 0 if number % 2 else load.index(min(load))
        load[gpu] += model["rate_per_s"] / model["slo_s"]
        placement.append(gpu)
    return placement
