"""GPUs of one kind, the models to be placed on them, and what a placement does to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, inf
from typing import Any, NamedTuple


class Model(NamedTuple):
    """A language model that is served.

    Attributes:
        size_gb: memory that its weights take.
        rate_per_s: requests that arrive for it.
        slo_s: seconds in which a request is to be answered.
    """

    size_gb: float
    rate_per_s: float
    slo_s: float

    @property
    def weight(self) -> float:
        """Its part in the pressure: requests count the more, the sooner they are due."""
        return self.rate_per_s / self.slo_s


class Gpu(NamedTuple):
    """What a placement leaves of a GPU.

    Attributes:
        free_gb: memory that is left for the KV cache of all its models.
        weight: of all its models.
    """

    free_gb: float
    weight: float

    @property
    def kvpr(self) -> float:
        """The KV-cache pressure ratio, in 1/GB; infinite where no memory is left."""
        return self.weight / self.free_gb if self.free_gb > 0 else inf


@dataclass(frozen=True)
class Fleet:
    """One case: every model is to be placed on one of the GPUs."""

    gpu_count: int
    gpu_memory_gb: float
    models: tuple[Model, ...]

    @classmethod
    def of(cls, data: dict[str, Any]) -> Fleet:
        """Reads what `data` wrote."""
        models = tuple(Model(**model) for model in data["models"])
        return cls(data["gpu_count"], data["gpu_memory_gb"], models)

    def data(self) -> dict[str, Any]:
        """The fleet as plain data, which is also what a program is told."""
        return {
            "gpu_count": self.gpu_count,
            "gpu_memory_gb": self.gpu_memory_gb,
            "models": [model._asdict() for model in self.models],
        }

    def gpus(self, placement: Sequence[int]) -> list[Gpu]:
        """The GPUs after each model was put on the GPU of that number."""
        placed: list[list[Model]] = [[] for _ in range(self.gpu_count)]
        for model, gpu in zip(self.models, placement, strict=True):
            placed[gpu].append(model)
        return [
            Gpu(
                free_gb=self.gpu_memory_gb - fsum(model.size_gb for model in models),
                weight=fsum(model.weight for model in models),
            )
            for models in placed
        ]

    @property
    def even_kvpr(self) -> float:
        """The pressure of every GPU if models could be cut up and shared out evenly.

        No placement is below: the largest of several ratios is at least the ratio of their sums.
        """
        free_gb = self.gpu_count * self.gpu_memory_gb - fsum(model.size_gb for model in self.models)
        return fsum(model.weight for model in self.models) / free_gb

    @property
    def bound_kvpr(self) -> float:
        """A figure that no placement is below: as above, or one model alone on a GPU."""
        alone = (Gpu(self.gpu_memory_gb - one.size_gb, one.weight).kvpr for one in self.models)
        return max(self.even_kvpr, *alone)

    def round_robin(self) -> list[int]:
        """The published baseline, whether it fits or not."""
        return [number % self.gpu_count for number in range(len(self.models))]

    def largest_first(self) -> list[int]:
        """Largest first, each on the GPU with the most memory left: fits on every workload."""
        free_gb = [self.gpu_memory_gb] * self.gpu_count
        placement = [0] * len(self.models)
        for number in sorted(range(len(self.models)), key=lambda n: -self.models[n].size_gb):
            gpu = max(range(self.gpu_count), key=free_gb.__getitem__)
            placement[number] = gpu
            free_gb[gpu] -= self.models[number].size_gb
        return placement

    def fits(self, placement: Sequence[int]) -> bool:
        """Whether every GPU keeps some memory free."""
        return all(gpu.free_gb > 0 for gpu in self.gpus(placement))
