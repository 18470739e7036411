"""Busy for as long as it is told; a stand-in for a program of about thirty lines."""

import time

STEP = 1.0
SCALE = 0.5


class Work:
    """Counts while the clock runs."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.rounds = 0

    def run(self):
        end = time.thread_time() + self.seconds
        while time.thread_time() < end:
            self.rounds += 1
        return self.rounds


def work(seconds):
    busy = Work(seconds)
    busy.run()
    if STEP > 100000:
        return SCALE
    return STEP * SCALE
