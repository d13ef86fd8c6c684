"""Sensors that change places: what is drawn, and when it is drawn again."""

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from symgen.envs._counted import normal, orders, words
from symgen.envs._sensing import Sensing
from symgen.envs.sensors import Sensors

NEXT = AutoresetMode.NEXT_STEP
SAME = AutoresetMode.SAME_STEP
TOKENS = {"observation": 1}


class Counting(VectorEnv):
    """Its observation counts: environment * 10^4 + episode * 100 + step, and the token behind the
    point. Environment i ends its episodes after `lengths[i]` steps.
    """

    def __init__(self, lengths, mode=NEXT, shape=(5,), named=False, dtype=np.float64):
        self.num_envs = len(lengths)
        self.metadata = {"autoreset_mode": mode}
        low = -1e6 if np.issubdtype(dtype, np.floating) else 0
        box = spaces.Box(low, 255 if low == 0 else 1e6, shape, dtype)
        self.single_observation_space = box
        self.named = named
        if named:
            clock = spaces.Box(-np.inf, np.inf, (1,), np.float64)
            self.single_observation_space = spaces.Dict({"x": box, "y": box, "clock": clock})
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.single_action_space = spaces.Discrete(2)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.lengths = np.array(lengths)
        self.box = box

    def reset(self, *, seed=None, options=None):
        self.step_of = np.zeros(self.num_envs, int)
        self.episode = np.zeros(self.num_envs, int)
        self.over = np.zeros(self.num_envs, bool)
        return self.observed(), {}

    def step(self, actions):
        same = self.metadata["autoreset_mode"] is SAME
        info = {}
        self._begin(self.over)
        self.step_of += ~self.over
        ended = (self.step_of == self.lengths) & ~self.over
        self.over = ended
        if same:
            info["final_obs"] = self.finals(ended)
            self._begin(ended)
            self.over = np.zeros_like(ended)
        return self.observed(), np.ones(self.num_envs), ended, np.zeros_like(ended), info

    def _begin(self, which):
        self.step_of[which] = 0
        self.episode[which] += 1

    def observed(self):
        count = np.arange(self.num_envs) * 10_000 + self.episode * 100 + self.step_of
        entries = np.arange(np.prod(self.box.shape)).reshape(self.box.shape) / 1000
        batch = count.reshape(-1, *[1] * entries.ndim) + entries
        batch = batch.astype(self.box.dtype)
        if not self.named:
            return batch
        return {"x": batch, "y": -batch, "clock": self.step_of[:, None].astype(float)}

    def finals(self, ended):
        observed = self.observed()
        if self.named:
            return {name: objects(batch, ended) for name, batch in observed.items()}
        return objects(observed, ended)


def objects(batch, ended):
    """As Gymnasium gives final observations."""
    array = np.full(len(batch), None, dtype=object)
    for row in np.flatnonzero(ended):
        array[row] = batch[row]
    return array


def seen(observation):
    """[environment, token]: which token stands where; and the count of each environment."""
    tokens = np.round((observation % 1) * 1000).astype(int)
    return tokens, np.floor(observation[:, 0] + 1e-6).astype(int)


def walk(envs, steps, seed=0):
    """What is observed in a row, and what the final observations were, by step and environment."""
    observation, _ = envs.reset(seed=seed)
    rows, finals = [observation], {}
    for step in range(steps):
        observation, _, ended, _, info = envs.step(np.zeros(envs.num_envs, int))
        rows.append(observation)
        for env in np.flatnonzero(ended) if "final_obs" in info else ():
            finals[step + 1, env] = info["final_obs"][env]
    return np.array(rows), finals


def by_episode(rows):
    """{(environment, episode): [step, token]}, from observations alone."""
    orders = {}
    for observation in rows:
        tokens, counts = seen(observation)
        for env, count in enumerate(counts):
            orders.setdefault((env, count % 10_000 // 100), []).append(tokens[env])
    return {key: np.array(tokens) for key, tokens in orders.items()}


@pytest.mark.parametrize("mode", [NEXT, SAME])
def test_an_order_holds_for_an_episode_and_changes_with_it(mode):
    envs = Sensors(Counting([3, 5, 40], mode), Sensing(shuffle=True), TOKENS)
    rows, finals = walk(envs, 40)
    episodes = by_episode(rows)
    for (env, episode), tokens in episodes.items():
        assert (np.sort(tokens, axis=1) == np.arange(5)).all()
        assert (tokens == tokens[0]).all(), (env, episode)
    distinct = {tuple(tokens[0]) for (env, _), tokens in episodes.items() if env == 0}
    assert len(distinct) > 4  # control: episodes differ
    assert len({tuple(episodes[env, 0][0]) for env in range(3)}) > 1
    assert mode is NEXT or len(finals) > 15
    for (_, env), final in finals.items():  # what ends an episode is of that episode
        tokens, (count,) = seen(final[None])
        assert (tokens[0] == episodes[env, count % 10_000 // 100][0]).all()


@pytest.mark.parametrize("mode", [NEXT, SAME])
def test_another_order_after_so_many_steps(mode):
    envs = Sensors(Counting([22, 9], mode), Sensing(shuffle=True, every=4), TOKENS)
    episodes = by_episode(walk(envs, 21)[0])
    tokens = episodes[0, 0]
    blocks = [tokens[start : start + 4] for start in range(0, 20, 4)]
    assert all((block == block[0]).all() for block in blocks)
    assert len({tuple(block[0]) for block in blocks}) > 2
    once = by_episode(walk(Sensors(Counting([22, 9], mode), Sensing(shuffle=True), TOKENS), 21)[0])
    assert (once[0, 0][0] == tokens[0]).all()  # it begins as without


@pytest.mark.parametrize("mode", [NEXT, SAME])
def test_what_is_drawn_depends_on_no_other_episode_and_environment(mode):
    """Paired episodes: the k-th episode of an environment has the same order, however long those
    before it were and however many environments stand beside.
    """
    sensing = Sensing(shuffle=True, occlude=0.4, noise_channels=2, every=3)

    def drawn(lengths, seed=7):
        envs = Sensors(Counting(lengths, mode), sensing, TOKENS)
        orders: dict = {}
        envs.reset(seed=seed)
        for _ in range(60):
            for env, episode in enumerate(envs._episode):
                orders.setdefault((env, int(episode)), envs.order[env].tolist())
            envs.step(np.zeros(len(lengths), int))
        return orders

    first, second = drawn([5, 9]), drawn([12, 3, 4, 8])
    common = first.keys() & second.keys()
    assert len(common) > 6
    assert all(first[key] == second[key] for key in common)
    other = drawn([5, 9], seed=8)  # control
    assert sum(first[key] == other[key] for key in common) < len(common) / 2


def test_noise_is_paired_and_has_its_size():
    def noise(lengths):
        envs = Sensors(Counting(lengths), Sensing(noise_channels=50, sigma=0.1), TOKENS)
        return walk(envs, 4, seed=3)[0][..., 5:]

    few, many = noise([9] * 4), noise([9] * 400)
    np.testing.assert_array_equal(few, many[:, :4])
    assert many.std() == pytest.approx(0.1, rel=0.02)
    assert abs(many.mean()) < 1e-3
    flat = many.reshape(len(many), -1)
    assert np.abs(np.corrcoef(flat) - np.eye(5)).max() < 0.03  # a step says nothing of another


def test_numbers_of_counters_are_random():
    """Every order of three equally often, and bits that are one half of the time one."""
    drawn = orders(3, 0, np.arange(60_000))
    counts = np.unique(drawn @ [1, 10, 100], return_counts=True)[1]
    assert len(counts) == 6
    assert abs(counts / 10_000 - 1).max() < 0.05
    bits = words(np.arange(20_000), 1)[:, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)
    assert abs(bits.mean(0) - 0.5).max() < 0.02
    numbers = normal(0, np.arange(50_000))
    assert abs(numbers.mean()) < 0.02
    assert numbers.std() == pytest.approx(1, abs=0.02)
    assert abs((numbers**3).mean()) < 0.06


def test_duplicates_are_the_same_numbers():
    envs = Sensors(Counting([9, 9]), Sensing(duplicate=3), TOKENS)
    rows = walk(envs, 5)[0]
    plain = walk(Counting([9, 9]), 5)[0]
    np.testing.assert_array_equal(rows, np.tile(plain, 3))
    assert envs.single_observation_space.shape == (15,)


def test_occluded_tokens_are_gone():
    envs = Sensors(Counting([4] * 200), Sensing(occlude=0.4), TOKENS)
    episodes = by_episode(walk(envs, 8)[0])
    assert envs.single_observation_space.shape == (3,)
    missing = np.zeros(5)
    for tokens in episodes.values():
        assert tokens.shape[1] == 3
        assert (tokens == tokens[0]).all()
        assert (np.diff(tokens[0]) > 0).all()  # what is left stays in order
        missing[np.setdiff1d(np.arange(5), tokens[0])] += 1
    assert abs(missing / missing.mean() - 1).max() < 0.2  # each as often as the others


def test_occluded_tokens_may_be_zero_instead():
    envs = Sensors(Counting([4] * 3), Sensing(occlude=0.4, zeroed=True), TOKENS)
    observation = envs.reset(seed=0)[0]
    plain = Counting([4] * 3).reset()[0]
    assert ((observation == 0).sum(1) >= 2).all()
    assert ((observation == plain) | (observation == 0)).all()
    assert observation in envs.observation_space


@pytest.mark.parametrize("mode", [NEXT, SAME])
def test_terms_move_together_and_the_others_stay(mode):
    envs = Sensors(
        Counting([3, 4], mode, (4, 2), named=True), Sensing(shuffle=True), {"x": 1, "y": 1}
    )
    observation, _ = envs.reset(seed=1)
    moved = False
    for _ in range(9):
        assert observation in envs.observation_space
        np.testing.assert_array_equal(observation["x"], -observation["y"])
        pairs = np.round(observation["x"] % 1 * 1000).astype(int)
        assert (pairs[..., 0] % 2 == 0).all()  # a token moves as a whole
        np.testing.assert_array_equal(pairs[..., 1], pairs[..., 0] + 1)
        moved |= (pairs[..., 0] != np.arange(0, 8, 2)).any()
        before = observation
        observation, _, ended, _, info = envs.step(np.zeros(2, int))
        for env in np.flatnonzero(ended) if mode is SAME else ():
            final = info["final_obs"]["x"][env]
            np.testing.assert_allclose(final, before["x"][env] + 1)
            np.testing.assert_array_equal(final, -info["final_obs"]["y"][env])
            assert info["final_obs"]["clock"][env] == before["clock"][env] + 1
    assert moved


def test_blocks_of_an_image_change_places():
    plain = Counting([5, 5], shape=(4, 6, 3))
    envs = Sensors(Counting([5, 5], shape=(4, 6, 3)), Sensing(shuffle=True), TOKENS, patch=2)
    here, there = plain.reset()[0], envs.reset(seed=0)[0]
    assert there.shape == here.shape
    assert not np.array_equal(here, there)

    def blocks(image):
        return sorted(
            image[row : row + 2, column : column + 2].tolist()
            for row in (0, 2) for column in (0, 2, 4)
        )  # fmt: skip

    assert all(blocks(a) == blocks(b) for a, b in zip(here, there, strict=True))
    still = Sensors(Counting([5, 5], shape=(4, 6, 3)), Sensing(), TOKENS, patch=2)
    np.testing.assert_array_equal(still.reset()[0], here)  # apart and together again
    holes = Sensors(
        Counting([5, 5], shape=(4, 6, 3)), Sensing(occlude=0.5, zeroed=True), TOKENS, patch=2
    )
    image = holes.reset(seed=2)[0]
    assert ((image == 0).all(-1).sum((1, 2)) >= 12).all()
    assert ((image == here) | (image == 0)).all()


def test_noise_is_no_whole_number():
    envs = Sensors(Counting([5], shape=(4, 2), dtype=np.uint8), Sensing(noise_channels=3), TOKENS)
    observation = envs.reset(seed=0)[0]
    assert observation.dtype == np.float32
    assert observation in envs.observation_space
    assert np.abs(observation[:, 4:]).max() > 0
    kept = Sensors(Counting([5], shape=(4, 2), dtype=np.uint8), Sensing(shuffle=True), TOKENS)
    assert kept.reset(seed=0)[0].dtype == np.uint8


def test_what_cannot_be_cut_is_refused():
    with pytest.raises(ValueError, match="do not fit 4x6"):
        Sensors(Counting([5], shape=(4, 6, 3)), Sensing(), TOKENS, patch=3)
    with pytest.raises(ValueError, match="no order in common"):
        Sensors(Counting([5], shape=(4, 2), named=True), Sensing(), {"x": 1, "clock": 1})


def test_it_is_fast():
    """512 environments side by side and a reshuffle every 25 steps: 256,000 steps in 0.2 s on one
    core (here 25 times as long, for the core may be busy).
    """
    import time

    envs = Sensors(
        Counting([1000] * 512), Sensing(shuffle=True, every=25, noise_channels=5), TOKENS
    )
    envs.reset(seed=0)
    actions = np.zeros(512, int)
    start = time.perf_counter()
    for _ in range(500):
        envs.step(actions)
    assert time.perf_counter() - start < 5


def test_every_environment_may_have_a_seed_of_its_own():
    envs = Sensors(Counting([9] * 3), Sensing(shuffle=True, noise_channels=1), TOKENS)
    one = envs.reset(seed=5)[0]
    np.testing.assert_array_equal(envs.reset(seed=[5, 5, 5])[0], one)
    other = envs.reset(seed=[5, 6, 5])[0]
    np.testing.assert_array_equal(other[[0, 2]], one[[0, 2]])
    assert not np.array_equal(other[1], one[1])
    some = envs.reset(seed=5, options={"reset_mask": np.array([False, True, False])})[0]
    np.testing.assert_array_equal(some, one)
    assert envs.reset(seed=2**80)[0].shape == one.shape
