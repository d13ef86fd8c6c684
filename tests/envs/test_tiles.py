import numpy as np
import pytest

from symgen.envs import _tiles
from symgen.envs._lava import LAYERS


@pytest.mark.parametrize("pixels", [1, 2, 3, 8, 16])
def test_tiles_are_symmetric_and_headings_are_turned_copies(pixels):
    tiles = _tiles.cell_tiles(pixels, LAYERS)
    for cell in tiles:
        for k in range(4):
            np.testing.assert_array_equal(cell[k], np.rot90(cell[0], k))
        for still in (cell[0], cell[_tiles.NO_HEADING], cell[_tiles.NO_AGENT]):
            np.testing.assert_array_equal(still, np.fliplr(still))
        for round_ in (cell[_tiles.NO_HEADING], cell[_tiles.NO_AGENT]):
            np.testing.assert_array_equal(round_, np.rot90(round_))


@pytest.mark.parametrize("pixels", [2, 3, 8])
def test_headings_and_cells_look_different(pixels):
    tiles = _tiles.cell_tiles(pixels, LAYERS)
    pictures = tiles.reshape(-1, pixels * pixels * 3)
    assert len(np.unique(pictures, axis=0)) == len(pictures)


@pytest.mark.parametrize("resolution", [5, 14, 18, 20])
def test_resampling_commutes_with_turns_and_mirrors(resolution):
    pictures = np.random.default_rng(0).integers(0, 256, (3, 18, 18, 3), dtype=np.uint8)
    small = _tiles.resample(pictures, resolution, resolution)
    turned = _tiles.resample(np.rot90(pictures, axes=(1, 2)), resolution, resolution)
    np.testing.assert_array_equal(turned, np.rot90(small, axes=(1, 2)))
    mirrored = _tiles.resample(pictures[:, :, ::-1], resolution, resolution)
    np.testing.assert_array_equal(mirrored, small[:, :, ::-1])
    assert not np.array_equal(turned, small)


def test_resampling_averages_by_area():
    picture = np.zeros((1, 3, 3, 3), dtype=np.uint8)
    picture[0, 0, 0], picture[0, 1, 1] = 255, 90
    small = _tiles.resample(picture, 2, 2)  # a target pixel covers 1.5 x 1.5 source pixels
    assert small[0, 0, 0, 0] == round((255 + 90 / 4) / 2.25)
    assert small[0, 1, 0, 0] == round(90 / 4 / 2.25)
