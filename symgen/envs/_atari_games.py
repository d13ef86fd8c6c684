"""The Atari 2600 games of the Arcade Learning Environment and the actions that each of them uses.

Known without the emulator, so that a spec is checked without it; the tests compare them with
ale-py's own.
"""

import re
from collections.abc import Mapping

ACTIONS = (
    *("noop", "fire", "up", "right", "left", "down"),
    *("up_right", "up_left", "down_right", "down_left", "up_fire", "right_fire"),
    *(
        "left_fire",
        "down_fire",
        "up_right_fire",
        "up_left_fire",
        "down_right_fire",
        "down_left_fire",
    ),
)
"""What a joystick with one button can do, in the order of the emulator's numbers."""

RAM = 128
"""Bytes of the console's memory."""

_EVERY = """
    Adventure Alien BankHeist BattleZone Berzerk Boxing Centipede ChopperCommand Crossbow
    Darkchambers Defender DonkeyKong DoubleDunk Earthworld ElevatorAction Entombed Et FishingDerby
    FlagCapture Frostbite Gravitar Hangman HauntedHouse Hero HumanCannonball IceHockey Jamesbond
    Kangaroo Klax Krull LaserGates MarioBros MiniatureGolf MontezumaRevenge Pitfall Pitfall2
    PrivateEye Riverraid RoadRunner Robotank Seaquest Solaris SpaceWar StarGunner Superman Tennis
    Trondead Venture VideoCube WordZapper YarsRevenge Zaxxon
"""
"""The games that use all actions."""

_SOME = {
    (0, 1, 3, 4, 11, 12): "AirRaid Carnival DemonAttack Galaxian NameThisGame Pong SirLancelot "
    "SpaceInvaders",
    (0, 1, 2, 3, 4, 5, 10, 11, 12, 13): "Amidar MrDo TimePilot WizardOfWor",
    (0, 1, 2, 3, 4, 11, 12): "Assault",
    (0, 2, 3, 4, 5, 6, 7, 8, 9): "Asterix CrazyClimber Koolaid LostLuggage MsPacman",
    (0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15): "Asteroids",
    (0, 1, 11, 12): "Atlantis Atlantis2",
    (1, 3, 4): "Backgammon",
    (0, 1, 2, 3, 4, 5): "BasicMath KingKong Qbert",
    (0, 1, 2, 3, 4, 6, 7, 11, 12): "BeamRider",
    (0, 1, 2, 5): "Blackjack Casino",
    (0, 1, 2, 5, 10, 13): "Bowling Pooyan UpNDown",
    (0, 1, 3, 4): "Breakout Kaboom",
    (0, 1, 3, 4, 5, 8, 9, 11, 12): "Enduro",
    (0, 2, 5): "Freeway",
    (0, 2, 3, 4, 5): "Frogger Pacman Surround",
    (0, 1, 2, 3, 4, 10, 11, 12): "Gopher",
    (0, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17): "JourneyEscape",
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13): "KeystoneKapers",
    (0, 2, 3, 4, 5, 8, 9, 11, 12, 13, 14, 15, 16, 17): "KungFuMaster",
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9): "Othello TicTacToe3D VideoChess",
    (0, 1, 3, 4, 5, 11, 12, 13): "Phoenix",
    (0, 3, 4): "Skiing",
    (0, 1, 3, 4, 5): "Tetris",
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12): "Turmoil",
    (0, 2, 3, 4, 5, 10, 11, 12): "Tutankham",
    (1, 6, 7, 8, 9): "VideoCheckers",
    (0, 1, 2, 3, 4, 5, 10, 11, 12): "VideoPinball",
}
"""The others, by the numbers of the actions they use."""

GAMES: Mapping[str, tuple[int, ...]] = {
    **{game: numbers for numbers, games in _SOME.items() for game in games.split()},
    **dict.fromkeys(_EVERY.split(), tuple(range(len(ACTIONS)))),
}
"""The numbers of the actions that each game uses, by its name in Gymnasium's ids."""

_WITHOUT_BUTTON = ("LostLuggage", "Skiing")
"""Games whose controller has no button that does anything: the emulator does not take it."""


def numbers(game: str, full: bool) -> tuple[int, ...]:
    """The numbers of the actions that a game uses, or of all that the emulator takes.

    >>> numbers("Pong", False)
    (0, 1, 3, 4, 11, 12)
    >>> len(numbers("Pong", True)), len(numbers("Skiing", True))
    (18, 9)
    """
    if not full:
        return GAMES[game]
    without = game in _WITHOUT_BUTTON
    return tuple(k for k, name in enumerate(ACTIONS) if not (without and "fire" in name))


def rom(game: str) -> str:
    """The name of the file that ale-py keeps a game in.

    >>> rom("MsPacman"), rom("TicTacToe3D")
    ('ms_pacman', 'tic_tac_toe_3d')
    """
    return re.sub(r"(?<!^)(\d?[A-Z])", r"_\1", game).lower()
