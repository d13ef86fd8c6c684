"""The replay row by row: what follows what, endings, n steps by hand, the ring, its memory, and its
state.
"""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from symgen.envs._stepping import Step
from symgen.errors import UserError
from symgen.problem.interface import Action
from symgen.rl._replay import Replay

NUMBER = spaces.Box(-1000, 1000, (1,), np.float32)
BIG = 1.0  # gigabytes
TWO = Action("continuous", ("x", "y"), (2,), (-1.0, -1.0), (1.0, 1.0))
ONE = Action("continuous", ("x",), (1,), (-1.0,), (1.0,))


def replay(capacity=100, envs=1, space=NUMBER):
    return Replay(space, ONE, capacity, envs, BIG)


def add(memory, observation, reward=1.0, ending="", valid=True, action=0.5, final=None):
    """One step of a single environment, to `observation`."""
    memory.add(
        np.array([[action]], np.float32),
        Step(
            np.array([[observation]], np.float32),
            np.array([reward], np.float32),
            np.array([ending == "terminated"]),
            np.array([ending == "truncated"]),
            np.array([valid]),
            {},
        ),
        {} if final is None else {0: np.array([final], np.float32)},
    )


def everything(memory, n_step=1, gamma=0.5, seed=0):
    """Every different transition that is drawn: {observation: (rewards, discount, next
    observation)}.
    """
    batch = memory.sample(2000, n_step, gamma, torch.Generator().manual_seed(seed))
    columns = (
        batch.observations[:, 0],
        batch.rewards,
        batch.discounts,
        batch.next_observations[:, 0],
    )
    rows = torch.stack(columns, 1).unique(dim=0).tolist()
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0]: tuple(row[1:]) for row in rows}


def episode(ending, same_step):
    """Observations 0, 1, 2, 3 (final), then 10, 11 of the next episode."""
    memory = replay()
    memory.begin(np.array([[0.0]], np.float32))
    add(memory, 1, 1)
    add(memory, 2, 2)
    if same_step:
        add(memory, 10, 4, ending, final=3)
    else:
        add(memory, 3, 4, ending)
        add(memory, 10, 777, valid=False)  # the step that only resets
    add(memory, 11, 8)
    return memory


@pytest.mark.parametrize("same_step", [False, True])
def test_what_follows_what(same_step):
    assert everything(episode("terminated", same_step)) == {
        0: (1, 0.5, 1), 1: (2, 0.5, 2), 2: (4, 0, 3), 10: (8, 0.5, 11),
    }  # fmt: skip
    # truncated: worth what the final observation is worth, not the next episode's first
    assert everything(episode("truncated", same_step))[2] == (4, 0.5, 3)


@pytest.mark.parametrize("same_step", [False, True])
def test_three_steps_by_hand(same_step):
    # gamma 0.5: from 0 all three rewards 1 + 2 / 2 + 4 / 4 = 3; from 1 two of them, then the
    # episode is over
    assert everything(episode("terminated", same_step), n_step=3) == {
        0: (3, 0, 3), 1: (4, 0, 3), 2: (4, 0, 3), 10: (8, 0.5, 11),
    }  # fmt: skip
    # cut off after one, two or three steps the final observation counts 1/2, 1/4, 1/8; from 10
    # nothing newer is known
    assert everything(episode("truncated", same_step), n_step=3) == {
        0: (3, 0.125, 3), 1: (4, 0.25, 3), 2: (4, 0.5, 3), 10: (8, 0.5, 11),
    }  # fmt: skip
    assert everything(episode("truncated", same_step), n_step=2)[0] == (2, 0.25, 2)


def test_a_ring_forgets_the_oldest():
    memory = replay(capacity=5)
    memory.begin(np.array([[0.0]], np.float32))
    for k in range(1, 40):
        add(memory, k, k)
        known = everything(memory, n_step=2, gamma=1.0)
        oldest = max(0, k - memory.rows + 1)
        assert sorted(known) == list(range(oldest, k))
        assert known[k - 1] == (k, 1, k)  # the newest: one reward only
        for x in range(oldest, k - 1):
            assert known[x] == (2 * x + 3, 1, x + 2)
    assert len(memory) == memory.rows - 1 >= 5
    assert memory.filled == memory.rows


def test_a_fresh_start_cuts_the_episode_off():
    memory = replay()
    memory.begin(np.array([[0.0]], np.float32))
    add(memory, 1)
    add(memory, 2)
    memory.begin(np.array([[50.0]], np.float32))
    add(memory, 51)
    assert everything(memory, n_step=3) == {0: (1.5, 0.25, 2), 1: (1, 0.5, 2), 50: (1, 0.5, 51)}
    # after an ending whose final observation has a row of its own, nothing is wasted
    ended = episode("terminated", same_step=True)
    add(ended, 20, ending="truncated", final=12)
    before = ended.newest.copy()
    ended.begin(np.array([[50.0]], np.float32))
    assert (ended.newest == before).all()
    assert everything(ended)[11] == (1, 0.5, 12)


def test_environments_have_rings_of_their_own():
    memory = replay(capacity=20, envs=2)
    memory.begin(np.array([[0.0], [100.0]], np.float32))
    for k in range(1, 30):
        ended = np.array([k % 3 == 0, k % 7 == 0])
        finals = {int(i): np.array([-k - 100.0 * i], np.float32) for i in np.flatnonzero(ended)}
        seen = np.array([[k], [100 + k]], np.float32)
        ones = np.ones(2, bool)
        step = Step(seen, np.ones(2, np.float32), ~ones, ended, ones, {})
        memory.add(np.zeros((2, 1), np.float32), step, finals)
        for x, (_, _, after) in everything(memory).items():
            position = x % 100
            ends = (position + 1) % (3 if x < 100 else 7) == 0
            assert after == (-(position + 1) - 100 * (x >= 100) if ends else x + 1)


def test_draws_are_uniform():
    memory = episode("terminated", same_step=False)
    drawn = memory.sample(40_000, 1, 0.9, torch.Generator().manual_seed(0)).observations[:, 0]
    counts = torch.stack([(drawn == x).sum() for x in (0, 1, 2, 10)]) / 40_000
    assert (counts - 0.25).abs().max() < 0.01


def test_an_empty_replay_cannot_be_drawn_from():
    memory = replay()
    with pytest.raises(ValueError, match="empty"):
        memory.sample(4, 1, 0.9, torch.Generator())
    memory.begin(np.array([[0.0]], np.float32))
    with pytest.raises(ValueError, match="empty"):
        memory.sample(4, 1, 0.9, torch.Generator())


PICTURES = spaces.Dict(
    {"view": spaces.Box(0, 255, (85, 85, 9), np.uint8), "step": spaces.Discrete(5)}
)


def test_pictures_stay_bytes():
    memory = Replay(PICTURES, TWO, 10, 3, BIG)
    observation = {name: np.stack([space.sample()] * 3) for name, space in PICTURES.items()}
    memory.begin(observation)
    ones = np.ones(3, np.float32)
    never = ones < 0
    step = Step(observation, ones, never, never, ones > 0, {})
    memory.add(np.zeros((3, 2), np.float32), step, {})
    batch = memory.sample(4, 1, 0.9, torch.Generator())
    assert batch.observations["view"].dtype == torch.uint8
    assert batch.observations["step"].dtype == torch.int64
    assert np.array_equal(batch.next_observations["view"][0].numpy(), observation["view"][0])


def test_memory_is_bounded_and_the_way_out_fits():
    with pytest.raises(
        UserError, match=r"100,000 transitions of 65,048 bytes needs 6\.51 gigabytes"
    ) as caught:
        Replay(PICTURES, TWO, 100_000, 4, 2.0)
    assert caught.value.code == "replay-memory"
    fits = int(caught.value.hint.split("replay: ")[1].split(" ")[0].replace("_", ""))
    assert 30_000 < fits < 31_000
    assert (
        Replay(PICTURES, TWO, fits, 4, 2.0).observations["view"].nbytes < 2e9
    )  # reserved, not yet written


def test_what_is_saved_comes_back():
    first = episode("truncated", same_step=True)
    second = replay()
    second.restore({name: tensor.clone() for name, tensor in first.tensors().items()})
    assert everything(second) == everything(first)
    for memory in (first, second):
        add(memory, 12, 16)
    assert everything(second) == everything(first)
    assert first.tensors()["rewards"].shape == (
        1,
        first.filled,
    )  # rows that were never used are not saved
    with pytest.raises(ValueError, match="the saved replay holds"):
        replay(capacity=200, envs=2).restore(first.tensors())
    with pytest.raises(ValueError, match="rings of 102 rows, this one of 52"):
        replay(capacity=50).restore(first.tensors())


@pytest.mark.parametrize("steps", [3, 6, 7, 8, 23])
def test_what_is_saved_comes_back_in_a_larger_replay(steps):
    small, large = replay(capacity=5), replay(capacity=50)
    small.begin(np.array([[0.0]], np.float32))
    for k in range(1, steps + 1):
        add(small, k, k)
    large.restore({name: tensor.clone() for name, tensor in small.tensors().items()})
    assert everything(large, n_step=2) == everything(small, n_step=2)
    for k in range(steps + 1, steps + 30):  # and it forgets nothing from now on
        add(large, k, k)
    assert sorted(everything(large)) == list(range(max(0, steps - small.rows + 1), steps + 29))
