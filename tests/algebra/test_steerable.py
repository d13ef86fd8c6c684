"""Solved kernels: they commute, they are all there are, they depend on nothing but the question;
and the cache.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

from symgen.algebra import base as bases
from symgen.algebra import basis_cache, steerable
from symgen.algebra.catalogue import group
from symgen.algebra.homomorphism import Representation
from symgen.algebra.orbits import canonical, intertwiners
from symgen.algebra.representation import parse
from symgen.errors import UserError

PAIRS = [
    ("C1", "trivial", "trivial", 3),
    ("C2", "regular", "sign", 3),
    ("C4", "regular", "regular", 3),
    ("C4", "trivial", "regular", 5),
    ("C4", "irrep(1)", "regular", 3),
    ("D1", "regular", "sign", 3),
    ("D2", "regular", "quotient(s)", 3),
    ("D4", "quotient(s)", "irrep(1)", 3),
    ("D4", "regular", "trivial", 5),
    ("C3", "regular", "trivial", 3),
    ("C8", "regular", "irrep(1)", 5),
    ("D8", "irrep(3)", "quotient(s)", 3),
    ("SO2", "irrep(1)", "irrep(2)", 5),
    ("SO2", "trivial", "irrep(1)", 3),
    ("O2", "irrep(1)", "sign", 5),
    ("O2", "sign", "irrep(1)", 3),
    ("D4", "irrep(1)", "irrep(1)", 1),
]


def solved(name, target, source, side):
    this = group(name)
    return (
        parse(this, target),
        parse(this, source),
        steerable.kernels(parse(this, target), parse(this, source), side),
    )


def by_hand(target, source, side):
    """The slow obvious twin: on each ring, solve the constraint for circular harmonics as a null
    space; then sample.
    """
    turns = target.group.planar.turns
    row, column = np.indices((side, side)).reshape(2, -1) - (side - 1) / 2
    radius, angle, found = np.hypot(row, column), np.arctan2(-row, column), []
    for ring, width, top in steerable.rings(side):
        profile = np.exp(-0.5 * ((radius - ring) / width) ** 2)
        for k in range(top + 1):
            t = 2 * np.pi * k / turns
            turn = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
            mirror = np.diag([(-1.0) ** k, -((-1.0) ** k)])
            images = {"r": turn, "s": mirror} if k else {"r": np.eye(1), "s": np.eye(1)}
            harmonic = (
                np.stack([np.cos(k * angle), np.sin(k * angle)]) if k else np.ones((1, len(angle)))
            )
            harmonic = np.where((radius == 0) & (k > 0), 0.0, harmonic)  # the centre has no angle
            # K(u) = A h(u) commutes where A: harmonics x source -> target is an intertwiner
            size = len(harmonic) * source.size
            moves = tuple(np.kron(images[g], source.matrix(g)) for g in target.group.generators)
            for one in intertwiners(target, Representation(target.group, "h", size, moves)):
                found.append(
                    np.einsum(
                        "ahc,hu->auc", one.reshape(target.size, -1, source.size), harmonic * profile
                    )
                )
    return np.array(found).reshape(len(found), -1)


@pytest.mark.parametrize(("name", "target", "source", "side"), PAIRS)
def test_the_kernels_are_all_that_commute(name, target, source, side):
    _, _, found = solved(name, target, source, side)
    to, of, _ = solved(name, target, source, side)
    flat, expected = found.reshape(len(found), -1), by_hand(to, of, side)
    rank = np.linalg.matrix_rank(expected, 1e-3)
    assert len(flat) == rank
    assert np.abs(flat @ flat.T - np.eye(rank)).max() < 1e-12
    inside = expected - expected @ flat.T @ flat
    assert np.abs(inside).max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize(("name", "target", "source", "side"), PAIRS)
def test_elements_that_take_pixels_to_pixels_are_exact(name, target, source, side):
    """K(g u) = rho_out(g) K(u) rho_in(g)^-1 in float64, although escnn's samples are float32."""
    to, of, found = solved(name, target, source, side)
    window = bases.plane(group(name), side, side)
    for word in steerable.exact_words(group(name)):
        moved = np.einsum("ab,kbuc,dc->kaud", to.matrix(word), found, of.matrix(word))
        assert np.abs(found[:, :, window.permutation(word)] - moved).max() < 1e-14
    if name == "C4" and side == 3 and target == "regular":
        wrong = np.einsum("ab,kbuc->kauc", to.matrix("r"), found)
        assert np.abs(found[:, :, window.permutation("r")] - wrong).max() > 0.1  # the test can fail


def test_steerable_kernels_are_the_smooth_ones_among_the_equivariant():
    """C4, 3x3, regular to regular: 24 of the 36 that commute with quarter turns."""
    assert len(solved("C4", "regular", "regular", 3)[2]) == 24
    assert (
        steerable.weights(
            parse(group("C4"), "3 regular + trivial"), parse(group("C4"), "2 regular"), 3
        )
        == 24 * 6 + 12
    )


def test_nothing_is_solved_where_nothing_commutes():
    assert len(solved("SO2", "irrep(9)", "irrep(1)", 3)[2]) == 0


def test_a_basis_depends_on_its_space_alone():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((4, 9))
    turned = np.linalg.qr(rng.standard_normal((4, 4)))[0] @ vectors
    assert np.allclose(canonical(vectors), canonical(turned), atol=1e-10)
    assert np.allclose(canonical(np.concatenate([vectors, turned])), canonical(vectors), atol=1e-10)
    assert not np.allclose(
        np.linalg.qr(vectors.T)[0], np.linalg.qr(turned.T)[0], atol=1e-3
    )  # others do not


def test_refused():
    with pytest.raises(ValueError, match="is odd"):
        solved("C4", "regular", "regular", 4)
    with pytest.raises(ValueError, match="steered by"):
        solved("S3", "trivial", "trivial", 3)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMGEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_an_array_is_computed_once(cache):
    made = []

    def compute():
        made.append(1)
        return np.arange(6.0).reshape(2, 3)

    for _ in range(2):
        assert np.array_equal(
            basis_cache.cached("a", compute, (None, 3)), np.arange(6.0).reshape(2, 3)
        )
    assert len(made) == 1
    assert [path.name for path in cache.iterdir()] == ["a.npz"]  # nothing half written is left


@pytest.mark.parametrize("broken", [b"", b"no archive", None])
def test_a_broken_file_is_computed_again(cache, broken):
    expected = np.ones((2, 3))
    basis_cache.cached("a", lambda: expected * 2, (None, 3))
    path = cache / "a.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if broken is None else broken)
    assert np.array_equal(basis_cache.cached("a", lambda: expected, (None, 3)), expected)
    assert np.array_equal(
        basis_cache.cached("a", lambda: expected * 3, (None, 3)), expected
    )  # it was stored again
    assert np.array_equal(
        basis_cache.cached("a", lambda: np.ones((2, 4)), (None, 4)), np.ones((2, 4))
    )  # other shape


def test_a_folder_that_cannot_be_written_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SYMGEN_CACHE", str(tmp_path / "file" / "below"))
    assert basis_cache.cached("a", lambda: np.ones(3), (3,)).tolist() == [1, 1, 1]


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.delenv("SYMGEN_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert basis_cache.folder() == tmp_path / "symgen"


def test_without_escnn_the_way_out_is_told_and_the_cache_is_enough(cache):
    code = (
        "import sys; sys.modules['escnn'] = None\n"
        "from symgen.algebra.catalogue import group\nfrom symgen.algebra.representation "
        "import parse\n"
        "from symgen.algebra import steerable\nfour = group('C4')\n"
        "print(len(steerable.kernels(parse(four, 'trivial'), parse(four, 'regular'), 3)))"
    )
    run = [sys.executable, "-c", code]
    alone = subprocess.run(
        run, capture_output=True, text=True, env={**os.environ, "SYMGEN_CACHE": str(cache)}
    )
    assert "missing-package" in alone.stderr
    assert "--no-deps escnn" in alone.stderr
    steerable.kernels.cache_clear()
    solved("C4", "trivial", "regular", 3)
    after = subprocess.run(
        run, capture_output=True, text=True, env={**os.environ, "SYMGEN_CACHE": str(cache)}
    )
    assert after.stdout.strip() == "6"


def test_the_error_is_a_user_error():
    assert issubclass(UserError, Exception)
    assert "escnn" in steerable.INSTALL
