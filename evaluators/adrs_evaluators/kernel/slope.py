"""From the elapsed seconds of two batches to the time of one call."""

from __future__ import annotations

# What two batches may take beside their calls: wake-ups of both sides, frames, copies. On a quiet
# machine it is 100 to 200 µs.
_MOST_FIXED_S = 200e-6


def per_call_s(short_s: float, long_s: float, calls: int, min_effect: float) -> float:
    """Seconds of one call, without what every batch takes however many calls it has.

    Fixed costs are what the slope between the batches leaves over. A program that dawdles in the
    short batch makes them look large; so no more is believed than could be true, and never enough
    for an effect that counts. Why this holds is in docs/decisions/kernel-timing.md.

    Args:
        short_s: elapsed seconds of a batch of `calls`.
        long_s: elapsed seconds of a batch of twice as many.
        min_effect: the relative improvement that counts.
    """
    both_s = short_s + long_s
    fixed_s = 2 * (2 * short_s - long_s)
    believed_s = min(max(fixed_s, 0.0), _MOST_FIXED_S, both_s * min(min_effect, 1.0) / 2)
    return (both_s - believed_s) / (3 * calls)
