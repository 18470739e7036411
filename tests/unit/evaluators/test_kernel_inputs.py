"""What a program learns from the inputs of one call says nothing of those of another."""

from __future__ import annotations

from random import Random

from adrs_evaluators.kernel.judge_boot import Drawn

SEED = "0123456789abcdef" * 4
WORDS, HIGH, ALL = 624, 1 << 31, (1 << 32) - 1


class Judge:
    def arguments(self, workload: object, random: Random) -> list[bytes]:
        return [random.randbytes(4 * WORDS)]

    def reference(self, workload: object, arguments: list[bytes]) -> list[bytes]:
        return arguments


def untempered(word: int) -> int:
    """A word of the generator's state from a word that it gave."""
    word ^= word >> 18
    word ^= word << 15 & 0xEFC60000
    given = word
    for _ in range(4):
        word = given ^ (word << 7 & 0x9D2C5680)
    given = word
    for _ in range(2):
        word = given ^ word >> 11
    return word


def seeded_with(given: bytes) -> int | None:
    """The integer that seeds a generator which gives these bytes first."""
    state = [untempered(int.from_bytes(given[at : at + 4], "little")) for at in range(0, 2496, 4)]
    for i in reversed(range(WORDS)):
        parts = []
        for j in (i, i - 1):
            mixed = state[j] ^ state[(j + 397) % WORDS]
            odd = mixed >> 31
            parts.append((mixed ^ 0x9908B0DF * odd) << 1 & ALL | odd)
        state[i] = parts[0] & HIGH | parts[1] & ~HIGH
    for i in [1, *range(WORDS - 1, 1, -1)]:
        before = state[i - 1 or WORDS - 1]
        state[i] = (state[i] + i ^ (before ^ before >> 30) * 1566083941) & ALL
    start = [19650218]
    for i in range(1, WORDS):
        start.append(1812433253 * (start[-1] ^ start[-1] >> 30) + i & ALL)
    added = [
        state[i] - (start[i] ^ (state[i - 1] ^ state[i - 1] >> 30) * 1664525) & ALL
        for i in range(3, WORDS)
    ]
    for length in range(1, 100):
        key = {(at + 2) % length: word - (at + 2) % length & ALL for at, word in enumerate(added)}
        if all(
            word - (at + 2) % length & ALL == key[(at + 2) % length]
            for at, word in enumerate(added)
        ):
            return sum(word << 32 * at for at, word in key.items())
    return None


def test_the_seed_of_all_inputs_does_not_follow_from_those_of_one_call() -> None:
    block = bytes(Drawn(Judge(), None, SEED, [2]).blocks[0][: 4 * WORDS])
    known = seeded_with(block)
    assert known is not None
    assert Random(known).randbytes(4 * WORDS) == block
    assert SEED.encode() not in known.to_bytes(400)
