"""What repaired telemetry is worth: our loss, and the published figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

COUNTERS = ("rx_mbps", "tx_mbps")
FLOOR_MBPS = 1.0  # an error is relative to the true rate, but to no less than this
CLOSE = 0.10  # the largest error of a counter that is right, as far as confidence goes


def loss(truth: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, float]:
    """The objective and its parts.

    Confidence is scored by Brier's rule, which is proper: the best confidence is the probability of
    being right.
    """
    errors = [(name, _error(true, got)) for name, true, got, _ in _counters(truth, answer)]
    wrong = [float(answer[name]["is_up"] is not truth[name]["is_up"]) for name in truth]
    confidences = [confidence for *_, confidence in _counters(truth, answer)]
    brier = [
        (confidence - (error <= CLOSE)) ** 2
        for (_, error), confidence in zip(errors, confidences, strict=True)
    ] + [
        (answer[name]["is_up_confidence"] - (1 - missed)) ** 2
        for name, missed in zip(truth, wrong, strict=True)
    ]
    counter_error = fmean(error for _, error in errors)
    status_error, calibration_error = fmean(wrong), fmean(brier)
    return {
        "repair_loss": 0.75 * counter_error + 0.05 * status_error + 0.20 * calibration_error,
        "counter_error": counter_error,
        "calibration_error": calibration_error,
        "faulty_error": fmean(error for name, error in errors if truth[name]["is_faulty"]),
        "sound_error": fmean(error for name, error in errors if not truth[name]["is_faulty"]),
    }


def published(truth: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, float]:
    """Quality of counters, statuses and confidence as published, and their weighted sum w.

    Counters whose true rate is 0 are left out of the quality of counters.
    """
    counters = fmean(
        1 - min(1.0, abs(got - true) / true) for _, true, got, _ in _counters(truth, answer) if true
    )
    statuses = fmean(float(answer[name]["is_up"] is truth[name]["is_up"]) for name in truth)
    confidence = fmean(_calibration(*counter) for _, *counter in _counters(truth, answer))
    return {
        "counter_quality": counters,
        "status_quality": statuses,
        "confidence_quality": confidence,
        "published_w": 0.75 * counters + 0.05 * statuses + 0.20 * confidence,
    }


def published_score(w: float) -> float:
    """The published points of a mean w: 50 for 0.82, 100 for perfect repair."""
    return 50 * (w - 0.80) / 0.02 if w <= 0.82 else 50 + 50 * (w - 0.82) / 0.18


def _counters(
    truth: Mapping[str, Any], answer: Mapping[str, Any]
) -> Iterator[tuple[str, float, float, float]]:
    """Interface, true rate, repaired rate and confidence of every counter."""
    for name, true in truth.items():
        for counter in COUNTERS:
            repaired = answer[name]
            yield name, true[counter], repaired[counter], repaired[f"{counter}_confidence"]


def _error(true_mbps: float, got_mbps: float) -> float:
    return min(1.0, abs(got_mbps - true_mbps) / max(true_mbps, FLOOR_MBPS))


def _calibration(true_mbps: float, got_mbps: float, confidence: float) -> float:
    accuracy = 1 - abs(true_mbps - got_mbps) / max(true_mbps, got_mbps, 1.0)
    if accuracy > 0.8:
        quality = 1.0 if confidence > 0.7 else 0.5 + 1.25 * (confidence - 0.3)
    elif confidence < 0.3:
        quality = 0.8
    else:
        quality = 0.8 - 2 * confidence * (1 - accuracy)
    return min(1.0, max(0.0, quality))
