"""Gymnasium's car as an environment with the adapter's actions and images, and drawn faster."""

from typing import TYPE_CHECKING

import gymnasium
import numpy as np
import pygame
from gymnasium import spaces
from gymnasium.envs.box2d import car_racing as original
from pygame import gfxdraw

from symgen.envs import _car_racing_backgrounds as backgrounds
from symgen.envs._stepping import Info, ResetOptions

if TYPE_CHECKING:
    from symgen.envs.car_racing import Options

LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
"""Brightness of red, green and blue (ITU-R BT.601)."""
WINDOW = (original.WINDOW_W, original.WINDOW_H)
MARGIN = 2.0  # pixels that a line may be thick


class Track(original.CarRacing):
    """Gymnasium's environment, which draws what is on the screen and not the whole world, and a
    background of ours where there is one.

    Law: without a background, its images are Gymnasium's own.

    Args:
        background: colours of the screen in the place of the grass, uint8 (x, y, colour); None for
            grass.
        render_mode: of Gymnasium.

    Attributes:
        blind: whether steps draw no image; they return the one before.
    """

    def __init__(self, background: np.ndarray | None, render_mode: str | None) -> None:
        super().__init__(render_mode=render_mode)
        self.blind = False
        self._background = None
        if background is not None:
            self._background = pygame.surfarray.make_surface(background)
        self._grass = _patches()
        self._drawn_road: object = None
        self._road = np.empty((0, 4, 2))

    def _render(self, mode: str) -> np.ndarray:
        if self.blind and mode == "state_pixels":
            return self.state
        return super()._render(mode)

    def _render_road(self, zoom: float, translation: tuple[float, float], angle: float) -> None:
        if self._drawn_road is not self.road_poly:  # a new track
            self._drawn_road = self.road_poly
            self._road = np.array([polygon for polygon, _ in self.road_poly])
        view = (zoom, translation, angle)
        if self._background is None:
            self._draw(_on_screen(_field(), *view), [self.bg_color])
            self._draw(_on_screen(self._grass, *view), [self.grass_color] * len(self._grass))
        else:
            corners = _on_screen(_field(), *view)[0].tolist()
            gfxdraw.textured_polygon(self._surface(), corners, self._background, 0, 0)
        # a tile changes its colour where the car has been
        self._draw(_on_screen(self._road, *view), [colour for _, colour in self.road_poly])

    def _surface(self) -> pygame.Surface:
        """What is being drawn on, which Gymnasium declares as None."""
        return vars(self)["surf"]

    def _draw(self, polygons: np.ndarray, colours: list) -> None:
        """Those of the polygons (polygon, corner, coordinate) that reach into the window."""
        low = polygons.min(1) <= np.add(WINDOW, MARGIN)
        high = polygons.max(1) >= -MARGIN
        surface = self._surface()
        for k in np.flatnonzero(low.all(1) & high.all(1)):
            corners = polygons[k].tolist()
            colour = [int(part) for part in colours[k]]
            gfxdraw.aapolygon(surface, corners, colour)
            gfxdraw.filled_polygon(surface, corners, colour)


def _field() -> np.ndarray:
    """The square that the world is, as one polygon, (1, 4, 2)."""
    signs = np.array([[[1, 1], [1, -1], [-1, -1], [-1, 1]]])
    return signs * original.PLAYFIELD


def _patches() -> np.ndarray:
    """The squares of brighter grass, (400, 4, 2)."""
    places = np.array([(x, y) for x in range(-20, 20, 2) for y in range(-20, 20, 2)])
    corners = np.array([(1, 0), (0, 0), (0, 1), (1, 1)])
    return (places[:, None] + corners) * original.GRASS_DIM


def _on_screen(
    polygons: np.ndarray, zoom: float, translation: tuple[float, float], angle: float
) -> np.ndarray:
    """Polygons of the world turned, enlarged and shifted."""
    cos = np.cos(angle)
    sin = np.sin(angle)
    turned = polygons @ np.array([[cos, sin], [-sin, cos]])
    return turned * zoom + translation


class Racing(gymnasium.Env):
    """One car, observed and driven as the options say.

    info["success"] says at the end of an episode whether the lap was finished.

    Args:
        options: the adapter's.
        render: whether `render` will be called.
    """

    def __init__(self, options: "Options", render: bool = False) -> None:
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": original.FPS}
        self.render_mode = "rgb_array" if render else None
        self.observation_space = spaces.Box(0, 255, options.shape, np.uint8)
        self.action_space = spaces.Box(-1.0, 1.0, (3,))
        self._options = options
        pattern = backgrounds.pattern(options.background, WINDOW)
        self._track = Track(pattern, self.render_mode)
        self._steps = 0
        self._losing = 0

    def reset(
        self, *, seed: int | None = None, options: ResetOptions = None
    ) -> tuple[np.ndarray, Info]:
        """A new track, and the car at its beginning."""
        self._track.blind = False
        state, _ = self._track.reset(seed=seed)
        self._steps = 0
        self._losing = 0
        return self._image(state), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, Info]:
        """One action for `action_repeat` steps of the simulation, of which the last is drawn."""
        steer, gas, brake = (float(part) for part in action)
        controls = np.array([steer, (gas + 1) / 2, (brake + 1) / 2])
        last = self._options.action_repeat
        total = 0.0
        for count in range(1, last + 1):
            self._track.blind = count < last
            state, reward, terminated, _, info = self._track.step(controls)
            self._steps += 1
            self._losing = self._losing + 1 if reward < 0 else 0
            total += float(reward)
            truncated = not terminated and self._stopped()
            if terminated or truncated:
                break
        if self._track.blind:  # it ended before the step that would have been drawn
            self._track.blind = False
            state = self._track._render("state_pixels")
        told: Info = {}
        if terminated or truncated:
            told["success"] = bool(info.get("lap_finished", False))
        return self._image(state), total, bool(terminated), truncated, told

    def _stopped(self) -> bool:
        """Whether an episode is cut off."""
        patience = self._options.stop_after
        lost = patience is not None and self._losing >= patience
        return lost or self._steps >= self._options.max_steps

    def _image(self, state: np.ndarray) -> np.ndarray:
        """Of Gymnasium's pixels, uint8 (row, column, colour)."""
        image = np.array(state)
        if self._options.gray:
            image = np.rint(image @ LUMINANCE).astype(np.uint8)[..., None]
        self._options.hide_rows.hide(image)
        return image

    def render(self) -> np.ndarray | None:
        """A frame of 600 x 400 pixels; None where the environment was not made for it."""
        return self._track.render() if self.render_mode else None

    def close(self) -> None:
        """Free the world."""
        self._track.close()
