"""Tries a number of a GPU that takes forever to read, or wraps round to 0."""


def place(gpu_count, gpu_memory_gb, models):
    return [2**64] * len(models)
