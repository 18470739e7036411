"""Tries to leave before it can be judged."""

import os


def place(gpu_count, gpu_memory_gb, models):
    os._exit(0)
