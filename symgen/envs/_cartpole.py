"""A cart on a track with a pole that swings freely on it: constants, equations of motion, reward.

Source: CartPoleSwingUpHarder, the environment of Tang & Ha 2021, "The Sensory Neuron as a
Transformer" (arXiv:2109.02869), appendix. The pole is a uniform rod. Its angle is 0
where it stands and grows towards -x, so that its middle is at (x - l/2 sin, l/2 cos). With wind w
and gravity that leans to +x by the tilt, Lagrange's equations of the second kind read

    M x'' - m l/2 (angle'' cos - angle'^2 sin) = F + w + M g sin(tilt) - b x'
    m l^2/3 angle'' - m l/2 x'' cos           = m g l/2 sin(angle - tilt)

which `advance` solves for x'' and angle''; without wind and tilt they are the paper's.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GRAVITY = 9.82
"""m/s^2, g."""
TOTAL_MASS = 1.0
"""kg, M: cart and pole, half a kilogram each."""
POLE_MASS = 0.5
"""kg, m."""
POLE_LENGTH = 0.6
"""m, l."""
FORCE = 10.0
"""N of an action of 1."""
FRICTION = 0.1
"""N s/m between cart and track, b."""
TIME_STEP = 0.01
"""s."""
TRACK = 2.4
"""m on either side of the middle; beyond them the episode has ended."""
SPREAD = 0.2
"""Standard deviation of the four numbers of a start near the hanging pole."""
FASTEST_START = 10.0
"""m/s and rad/s, the largest velocities of a harder start."""


@dataclass(frozen=True)
class World:
    """What breaks the mirror; with both at zero nothing does, to the last bit.

    Args:
        wind: N on the cart, towards +x.
        tilt: rad by which gravity leans to +x.
    """

    wind: float = 0.0
    tilt: float = 0.0


class CartPole(NamedTuple):
    """A state.

    Args:
        position: m, of the cart.
        velocity: m/s.
        angle: rad, of the pole; 0 where it stands, and grows towards -x.
        spin: rad/s.
        steps: of the episode, done so far.
    """

    position: float
    velocity: float
    angle: float
    spin: float
    steps: int

    def mirrored(self) -> Self:
        """Left and right changed about."""
        x, velocity, angle, spin, steps = self
        return type(self)(-x, -velocity, -angle, -spin, steps)


def advance(world: World, state: Floats, action: Floats) -> Floats:
    """The states after one time step, by Euler's explicit method: positions go on with the old
    velocities.

    Args:
        world: wind and tilt.
        state: [4, env]: position, velocity, angle and spin of each environment.
        action: [env], in [-1, 1].
    """
    _, velocity, angle, spin = state
    sine = np.sin(angle)
    cosine = np.cos(angle)
    # sin(angle - tilt), exact where there is no tilt
    lean = sine * np.cos(world.tilt) - cosine * np.sin(world.tilt)
    outside = world.wind + TOTAL_MASS * GRAVITY * np.sin(world.tilt)
    force = FORCE * action + outside - FRICTION * velocity
    weight = GRAVITY * lean
    swing = POLE_MASS * POLE_LENGTH * spin**2 * sine
    bottom = 4.0 * TOTAL_MASS - 3.0 * POLE_MASS * cosine**2
    pull = (4.0 * force + 3.0 * POLE_MASS * weight * cosine - 2.0 * swing) / bottom
    turn = (6.0 * force * cosine + 6.0 * TOTAL_MASS * weight - 3.0 * swing * cosine) / (
        POLE_LENGTH * bottom
    )
    moved: Floats = state + TIME_STEP * np.stack([velocity, pull, spin, turn])
    return moved


def reward(state: Floats) -> Floats:
    """Of the state that a step led to, [env]: at most 1, standing in the middle; a little below 0
    beyond the track.
    """
    position, _, angle, _ = state
    upright = (np.cos(angle) + 1.0) / 2.0
    central = np.cos(np.pi / 2.0 * position / TRACK)
    rewards: Floats = upright * central
    return rewards


def observed(state: Floats, copies: int = 1) -> NDArray[np.float32]:
    """[env, 5 copies]: position, velocity, cosine and sine of the angle, spin; so many times."""
    position, velocity, angle, spin = state
    seen = np.empty((state.shape[1], 5 * copies), dtype=np.float32)
    for entry, numbers in enumerate((position, velocity, np.cos(angle), np.sin(angle), spin)):
        seen[:, entry::5] = numbers[:, None]
    return seen


def start(rng: np.random.Generator, harder: bool) -> Floats:
    """The first state of an episode, [4].

    Args:
        rng: of the random numbers.
        harder: anywhere on the track, at up to FASTEST_START, the pole below the horizontal;
            otherwise near the middle, the pole hanging.
    """
    hanging = np.array([0.0, 0.0, np.pi, 0.0])
    if not harder:
        return hanging + SPREAD * rng.standard_normal(4)
    reach = np.array([TRACK, FASTEST_START, np.pi / 2.0, FASTEST_START])
    return hanging + reach * rng.uniform(-1.0, 1.0, 4)
