"""What the entries of the vectors of Gymnasium's environments are called, as it documents them."""


def _moving(*positions: str, speeds: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Joints, then their velocities; `speeds` are those of joints whose place is not observed.

    >>> _moving("z", "hip", speeds=("x",))
    ('z', 'hip', 'x velocity', 'z velocity', 'hip velocity')
    """
    return (*positions, *(f"{name} velocity" for name in (*speeds, *positions)))


_LEGS = tuple(
    f"{leg} {joint}"
    for leg in ("front left", "front right", "back left", "back right")
    for joint in ("hip", "ankle")
)

ENTRY_NAMES: dict[str, tuple[str, ...]] = {
    "CartPole": ("cart position", "cart velocity", "pole angle", "pole angular velocity"),
    "MountainCar": ("position", "velocity"),
    "MountainCarContinuous": ("position", "velocity"),
    "Pendulum": ("cos angle", "sin angle", "angular velocity"),
    "Acrobot": (
        *("cos angle 1", "sin angle 1", "cos angle 2", "sin angle 2"),
        *("angular velocity 1", "angular velocity 2"),
    ),
    **dict.fromkeys(
        ("LunarLander", "LunarLanderContinuous"),
        (
            *("x", "y", "x velocity", "y velocity", "angle", "angular velocity"),
            *("left leg touches", "right leg touches"),
        ),
    ),
    "Ant": (  # with include_cfrc_ext_in_observation: false
        *("z", "w orientation", "x orientation", "y orientation", "z orientation", *_LEGS),
        *("x velocity", "y velocity", "z velocity"),
        *("x angular velocity", "y angular velocity", "z angular velocity"),
        *(f"{joint} velocity" for joint in _LEGS),
    ),
    "HalfCheetah": _moving(
        *("z", "pitch", "back thigh", "back shin", "back foot"),
        *("front thigh", "front shin", "front foot"),
        speeds=("x",),
    ),
    "Hopper": _moving("z", "pitch", "thigh", "leg", "foot", speeds=("x",)),
    "Walker2d": _moving(
        *("z", "pitch", "right thigh", "right leg", "right foot"),
        *("left thigh", "left leg", "left foot"),
        speeds=("x",),
    ),
    "Swimmer": _moving("angle", "first joint", "second joint", speeds=("x", "y")),
    "Reacher": (
        *("cos first joint", "cos second joint", "sin first joint", "sin second joint"),
        *("target x", "target y", "first joint velocity", "second joint velocity"),
        *("from target to fingertip x", "from target to fingertip y"),
    ),
    "InvertedPendulum": _moving("cart", "pole"),
    "InvertedDoublePendulum": (
        *("cart", "sin first pole", "sin second pole", "cos first pole", "cos second pole"),
        *("cart velocity", "first pole velocity", "second pole velocity", "force on the cart"),
    ),
}
"""By the id without its version."""
