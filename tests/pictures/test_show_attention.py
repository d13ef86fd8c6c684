"""Attention is recorded as it is computed, and moves as the observation does."""

import numpy as np
import pytest
import torch

from symgen.algebra import base as bases
from symgen.algebra.catalogue import group
from symgen.compiler import compile_spec
from symgen.pictures import (
    attention,
)
from symgen.pictures.draw_attention import _heads, draw_attention
from tests.experiment.doubles import SPEC
from tests.pictures.examples import ATTENTION, edited, is_png
from tests.pictures.legible import complaints


def test_attention_is_recorded_as_the_kernel_computes_it():
    q, k, v = torch.randn(3, 2, 4, 5, 8, dtype=torch.float64).unbind(0)
    mask = torch.randn(5, 5, dtype=torch.float64)
    with attention.AttentionRecorder() as recorder:
        fused = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=0.3)
        plain = torch.softmax(0.3 * q @ k.transpose(-2, -1) + mask, -1) @ v
    assert len(recorder.maps) == 2
    assert torch.allclose(recorder.maps[0], recorder.maps[1])
    assert torch.allclose(recorder.maps[0] @ v, fused)
    assert torch.allclose(fused, plain)


def test_the_map_of_a_moved_observation_is_the_moved_map(tmp_path):
    spec = edited({**ATTENTION, "graph": {"topology": "complete"}}, network={"readout": "both"})
    compiled = compile_spec(spec, verify=False, seed=0)
    paths = draw_attention(compiled, tmp_path / "attention.png", tmp_path / "attention_heads.png")
    assert [path.name for path in paths] == ["attention.png", "attention_heads.png"]
    assert all(map(is_png, paths))
    _, observation = attention.frames(compiled, 3, 0)
    before = attention.place_attention(compiled, observation)
    after = attention.place_attention(compiled, compiled.act_on_observation("r", observation))
    assert before is not None
    assert after is not None
    assert (before.token, before.base.shape, len(before.layers)) == (True, (5, 5), 2)
    assert before.layers[0].shape == (len(observation), 2, 25)
    assert attention.equivariance_error(before, after, "r") < 1e-12
    # the control: an observation that was not moved
    assert attention.equivariance_error(before, before, "r") > 1e-4


def test_a_class_token_that_nothing_reads_is_not_shown(tmp_path, figures):
    compiled = compile_spec(ATTENTION, verify=False, seed=0)  # readout: patches
    _, observation = attention.frames(compiled, 2, 0)
    shown = attention.place_attention(compiled, observation)
    maps = attention.attention_maps(compiled.network, observation)
    last = [weights for weights in maps if weights.shape[-1] == 26][-1]
    assert shown is not None
    assert not shown.token
    assert np.allclose(shown.layers[-1], last[:, :, 1:, 1:].mean(2))
    assert not np.allclose(shown.layers[-1], last[:, :, 0, 1:])  # the control: the token's row
    draw_attention(compiled, tmp_path / "a.png", tmp_path / "b.png")
    assert all("all places together attend" in figure.get_suptitle() for figure in figures)
    for figure in figures:  # a colour bar says what a colour means
        labels = [axes.get_ylabel() for part in figure.subfigs for axes in part.axes]
        assert any("attention to a place" in label and "darker: more" in label for label in labels)
        assert complaints(figure) == []


@pytest.mark.parametrize("places", [3, 40])
def test_heads_over_tokens_are_a_table_that_can_be_read(places, tmp_path, figures):
    base = bases.tokens(group(f"C{places}"), places)
    rng = np.random.default_rng(0)
    seen = attention.PlaceAttention(
        base, tuple(rng.random((3, 8, places)) / places for _ in range(2)), True
    )
    _heads([0, 4, 9], {"": seen, "r": seen}, tmp_path / "heads.png")
    panels = [
        axes
        for axes in figures[0].axes
        if axes.images and axes.images[0].get_array().shape[:2] == (8, places)
    ]
    assert len(panels) == 4  # layers times (as seen, moved by r)
    assert complaints(figures[0]) == []


def test_a_vision_transformer_does_not_move_its_maps():
    spec = edited(SPEC, network={"family": "vit"})
    compiled = compile_spec({**spec, "network": {"family": "vit"}}, verify=False, seed=0)
    _, observation = attention.frames(compiled, 1, 0)
    before = attention.place_attention(compiled, observation)
    after = attention.place_attention(compiled, compiled.act_on_observation("r", observation))
    assert before is not None
    assert after is not None
    assert attention.equivariance_error(before, after, "r") > 1e-4


def test_no_attention_no_picture(tmp_path):
    assert (
        draw_attention(compile_spec(SPEC, verify=False), tmp_path / "a.png", tmp_path / "b.png")
        == []
    )
