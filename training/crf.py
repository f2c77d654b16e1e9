"""Fitting a linear-chain tagger: conditional likelihood by AdaGrad, then whole numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from guardrail.detect.persons.tagging import FIELD, NEXT, OFFSET, OUT, TAGS, Tagger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Ints = NDArray[np.int32]
    Example = tuple[Ints, Ints]  # buckets (units, features), tags (units)

_BATCH = 32
_RATE = 0.2
_NEVER = -1e4
_LIMIT = OFFSET - 1


def _allowed() -> Floats:
    table = np.full((TAGS, TAGS), _NEVER, np.float32)
    for tag, after in enumerate(NEXT):
        table[tag, list(after)] = 0
    return table


@dataclass(frozen=True, slots=True)
class Care:
    """What keeps weights from learning examples by heart.

    drop: the share of features that are left out at random of each look at an example.
    calm: the mean of the weights after that many last epochs is given back.
    """

    drop: float = 0.0
    calm: int = 1


CARE = Care()


def fit(
    examples: Sequence[Example],
    bits: int,
    *,
    epochs: int = 6,
    ridge: float = 1e-6,
    care: Care = CARE,
) -> tuple[Floats, Floats]:
    """Weights (buckets + 1, tags) and moves (tags, tags); the last bucket stays empty."""
    random = np.random.default_rng(7)
    weights = np.zeros(((1 << bits) + 1, TAGS), np.float32)
    moves = np.zeros((TAGS, TAGS), np.float32)
    square, square_moves = np.full_like(weights, 1e-2), np.full_like(moves, 1e-2)
    allowed = _allowed()
    order = np.argsort([len(tags) for _, tags in examples], kind="stable")
    batches = [order[i : i + _BATCH] for i in range(0, len(order), _BATCH)]
    mean = np.zeros_like(weights)
    for epoch in range(epochs):
        for number in random.permutation(len(batches)):
            chosen = [examples[i] for i in batches[number]]
            ids = np.concatenate([x for x, _ in chosen])
            if care.drop:
                ids = np.where(random.random(ids.shape, np.float32) < care.drop, 1 << bits, ids)
            gold = np.concatenate([y for _, y in chosen])
            lengths = [len(y) for _, y in chosen]
            emit = weights[ids].sum(1)
            there, move_gradient = _gradient(emit, gold, lengths, moves + allowed)
            there[:, OUT] = 0
            used, places = np.unique(ids, return_inverse=True)
            step = np.zeros((len(used), TAGS), np.float32)
            np.add.at(step, places.reshape(ids.shape), there[:, None, :])
            step += ridge * len(chosen) * weights[used]
            square[used] += step**2
            weights[used] -= _RATE * step / np.sqrt(square[used])
            weights[-1] = 0
            square_moves += move_gradient**2
            moves -= _RATE * move_gradient / np.sqrt(square_moves)
        if epoch >= epochs - care.calm:
            mean += weights * (1 - care.drop) / care.calm
    return mean, np.maximum(moves + allowed, -50)


def _gradient(
    emit: Floats, gold: Ints, lengths: Sequence[int], moves: Floats
) -> tuple[Floats, Floats]:
    """Expected minus seen, for each unit and tag, and for each move."""
    size, longest = len(lengths), max(lengths)
    padded = np.zeros((size, longest + 1, TAGS), np.float32)
    padded[:, :, 1:] = _NEVER  # beyond the end, and before the start, everything is out
    tags = np.zeros((size, longest + 1), np.int64)
    inside = np.arange(longest + 1)[None, :] < np.asarray(lengths)[:, None]
    padded[inside] = emit
    tags[inside] = gold
    forward = np.empty_like(padded)
    forward[:, 0] = padded[:, 0] + moves[OUT]
    for t in range(1, longest + 1):
        forward[:, t] = padded[:, t] + _logsum(forward[:, t - 1, :, None] + moves, 1)
    backward = np.zeros_like(padded)
    for t in range(longest - 1, -1, -1):
        backward[:, t] = _logsum(moves + (padded[:, t + 1] + backward[:, t + 1])[:, None, :], 2)
    whole = _logsum(forward[:, -1], 1)[:, None, None]
    share = np.exp(forward + backward - whole)
    pairs = np.exp(
        forward[:, :-1, :, None]
        + moves
        + (padded[:, 1:] + backward[:, 1:])[:, :, None, :]
        - whole[..., None]
    )
    live = inside[:, :-1, None, None]
    move_gradient = (pairs * live).sum((0, 1)) + share[:, 0, :].sum(0)[None, :] * (
        np.arange(TAGS)[:, None] == OUT
    )
    np.add.at(move_gradient, (tags[:, :-1][inside[:, :-1]], tags[:, 1:][inside[:, :-1]]), -1)
    np.add.at(move_gradient, (np.zeros(size, int), tags[:, 0]), -1)
    there = share[inside]
    there[np.arange(len(gold)), gold] -= 1
    return there, move_gradient.astype(np.float32)


def _logsum(values: Floats, axis: int) -> Floats:
    top = values.max(axis, keepdims=True)
    total: Floats = np.squeeze(top, axis) + np.log(np.exp(values - top).sum(axis))
    return total


def pack(weights: Floats, moves: Floats, bits: int, least: float, floor: float) -> bytes:
    """The file of a tagger."""
    largest = float(np.quantile(np.abs(weights[weights != 0]), 0.9999))
    scale = largest / _LIMIT
    fields = np.clip(np.rint(weights[:, 1:] / scale), -_LIMIT, _LIMIT).astype(np.int64) + OFFSET
    packed = sum(fields[:, k].astype(np.uint64) << np.uint64(FIELD * k) for k in range(TAGS - 1))
    rounded = np.rint(moves / scale).astype(int).tolist()
    head = {"bits": bits, "scale": scale, "least": least, "floor": floor, "moves": rounded}
    return json.dumps(head).encode() + b"\n" + np.asarray(packed).astype("<u8").tobytes()


def tagger(weights: Floats, moves: Floats, bits: int, least: float, floor: float) -> Tagger:
    """The tagger as it will run."""
    return Tagger.of(pack(weights, moves, bits, least, floor))
