"""Tries more CPU time than it may have, in threads and children."""

import os


def place(gpu_count, gpu_memory_gb, models):
    for _ in range(6):
        if os.fork() == 0:
            break
    while True:
        sum(range(100_000))
