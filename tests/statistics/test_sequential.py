"""Seeds until arms are told apart: against adastop, against every permutation, and its traps."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from symgen.statistics._deals import PairDeals, joint_sums
from symgen.statistics.sequential import Design, Verdict, _linked, _Study, boundaries, decide

PATH = Path(__file__).parents[1] / "golden" / "statistics" / "adastop.json"
GOLDEN = json.loads(PATH.read_text(encoding="utf-8"))
WORDS = {"smaller": "worse", "larger": "better", "equal": "equal so far", "continue": "undecided"}


def so_far(scores, batches):
    return {name: rows[:batches] for name, rows in scores.items()}


def stages(study, batches):
    """What we decide after so many batches, and what adastop did."""
    design = Design(study["batch"], study["batches"], GOLDEN["level"], GOLDEN["permutations"])
    standing = decide(so_far(study["scores"], batches), design)
    ours = [[v.first, v.second, v.decision] for v in standing.verdicts]
    theirs = [[*pair, WORDS[word]] for *pair, word in study["stages"][batches - 1]]
    return ours, theirs, standing


@pytest.mark.parametrize("name", GOLDEN["studies"])
def test_the_boundary_of_pairs_decides_as_adastop_after_every_batch(name, monkeypatch):
    monkeypatch.setattr(_Study, "joint_boundary", lambda self, pairs: 0.0)
    study = GOLDEN["studies"][name]
    for batches in range(1, len(study["stages"]) + 1):
        ours, theirs, standing = stages(study, batches)
        assert ours == theirs
        assert standing.ended == (batches == len(study["stages"]))


@pytest.mark.parametrize("name", GOLDEN["studies"])
def test_the_joint_boundary_decides_no_sooner_and_of_two_arms_the_same(name):
    study = GOLDEN["studies"][name]
    for batches in range(1, len(study["stages"]) + 1):
        ours, theirs, _ = stages(study, batches)
        if len(study["scores"]) == 2:
            assert ours == theirs
        assert [row for row in ours if row[2] in ("better", "worse") and row not in theirs] == []


def slow_boundaries(batches, level, of):
    """B_1 to B_k for two arms by loops over all permutations, as the paper writes them."""
    size = len(batches[0]) // 2
    halves = list(itertools.combinations(range(2 * size), size))
    history = []
    for chosen in itertools.product(halves, repeat=len(batches)):
        signed = [
            sum(score if place in half else -score for place, score in enumerate(batch))
            for batch, half in zip(batches, chosen, strict=True)
        ]
        history.append(np.abs(np.cumsum(signed)))
    alive = list(history)
    boundaries = []
    for k in range(len(batches)):
        allowed = level * (k + 1) / of * len(history) - (len(history) - len(alive))
        candidates = sorted({round(row[k], 9) for row in alive})
        boundary = next(b for b in candidates if sum(row[k] > b + 1e-9 for row in alive) <= allowed)
        alive = [row for row in alive if row[k] <= boundary + 1e-9]
        boundaries.append(boundary)
    return boundaries


@pytest.mark.parametrize("ties", [False, True])
def test_boundaries_are_those_of_all_permutations(ties):
    rng = np.random.default_rng(3)
    drawn = rng.integers(3, size=(2, 2, 3)) if ties else rng.normal(size=(2, 2, 3))
    deals = PairDeals(3, 2, 20_000, paired=False)
    pooled = [[*drawn[0, batch], *drawn[1, batch]] for batch in range(2)]
    sums = np.cumsum([deals.signs(batch) @ pooled[batch] for batch in range(2)], axis=0)
    limits = boundaries(list(np.abs(sums)), Design(3, 2, level=0.2))
    np.testing.assert_allclose(limits, slow_boundaries(pooled, 0.2, 2), atol=1e-8)


def test_batches_are_enumerated_as_far_as_they_fit():
    deals = PairDeals(3, 4, 10_000, paired=False)
    assert (deals.count, deals.enumerated, deals.rows) == (20, 3, 8_000)
    assert PairDeals(5, 4, 20_000, paired=False).rows == 252 * 79
    assert PairDeals(9, 4, 20_000, paired=False).rows == 20_000  # 48620 splits: none enumerated
    identity = [1, 1, 1, -1, -1, -1]
    assert deals.signs(0)[0].tolist() == deals.signs(3)[0].tolist() == identity
    assert (deals.signs(3).sum(axis=1) == 0).all()
    joint = np.concatenate([deals.signs(batch) for batch in range(3)], axis=1)
    assert len(np.unique(joint, axis=0)) == 8_000


@pytest.mark.parametrize("limit", [20_000, 100])
def test_pairs_stay_within_seeds(limit):
    deals = PairDeals(3, 4, limit, paired=True)
    assert deals.enumerated == (4 if limit == 20_000 else 2)
    for batch in range(4):
        signs = deals.signs(batch)
        assert signs[0].tolist() == [1, 1, 1, -1, -1, -1]
        assert (signs[:, :3] == -signs[:, 3:]).all()
        assert len(np.unique(signs, axis=0)) == 8


def test_joint_deals_keep_every_score_and_pairs_their_seed():
    scores = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    across = joint_sums(scores, 0, 400, paired=False)
    within = joint_sums(scores, 0, 400, paired=True)
    for sums in (across, within):
        assert sums[0].tolist() == [11.0, 22.0, 44.0]
        np.testing.assert_allclose(sums.sum(axis=1), 77.0)
        np.testing.assert_allclose(sums[1:].mean(axis=0), 77 / 3, rtol=0.1)
    assert (within % 10).min() > 0  # one score of either seed in every arm
    assert (across % 10).min() == 0


def test_linked_arms():
    assert _linked([("a", "b"), ("c", "d"), ("d", "e")]) == [("a", "b"), ("c", "d", "e")]
    assert _linked([("a", "b"), ("c", "d"), ("d", "a")]) == [("a", "b", "c", "d")]


def test_pairs_find_what_seeds_hide():
    rng = np.random.default_rng(4)
    shared = rng.normal(0, 10, size=(4, 5))
    scores = {
        "a": shared + rng.normal(1, 0.3, size=(4, 5)),
        "b": shared + rng.normal(0, 0.3, (4, 5)),
    }
    lists = {name: values.tolist() for name, values in scores.items()}
    assert decide(lists, Design(5, 4, paired=True)).verdicts[0].decision == "better"
    assert decide(lists, Design(5, 4)).verdicts[0].decision == "equal so far"
    assert "from 10 seeds on" in decide(lists, Design(5, 4, paired=True)).note


def test_nothing_depends_on_how_often_it_is_asked_or_on_batches_had_by_mistake():
    rng = np.random.default_rng(0)
    far = {"a": (rng.normal(size=(4, 5)) + 9).tolist(), "b": rng.normal(size=(4, 5)).tolist()}
    design = Design(5, 4)
    assert decide(far, design) == decide(far, design) == decide(so_far(far, 1), design)
    assert decide(far, design).verdicts[0].seeds == 5


def test_only_undecided_arms_need_more():
    rng = np.random.default_rng(1)
    scores = {name: rng.normal(size=(1, 5)).tolist() for name in "ab"}
    scores["far"] = (rng.normal(size=(1, 5)) + 50).tolist()
    standing = decide(scores, Design(5, 4))
    assert standing.needed == ("a", "b")
    assert [v.decision for v in standing.verdicts] == ["undecided", "worse", "worse"]
    # the arm that has ended needs no second batch
    for name in "ab":
        scores[name] += rng.normal(size=(1, 5)).tolist()
    again = decide(scores, Design(5, 4))
    assert (again.batch, again.verdicts[1:]) == (2, standing.verdicts[1:])
    # with a baseline alone, what it does not meet is not decided
    assert len(decide(scores, Design(5, 4), [("a", "far")]).verdicts) == 1


def test_before_the_first_batch_every_arm_is_needed():
    standing = decide({"a": [], "b": []}, Design(5, 4))
    assert standing.needed == ("a", "b")
    assert (standing.batch, standing.verdicts[0].decision) == (0, "undecided")


def test_all_ties_are_never_told_apart():
    scores = {"a": [[1.0] * 5] * 4, "b": [[1.0] * 5] * 4}
    assert decide(scores, Design(5, 4)).verdicts == (Verdict("a", "b", "equal so far", 20, 0.0),)


def test_designs_that_can_decide_nothing_say_so():
    assert "cannot tell any two arms apart" in decide({"a": [], "b": []}, Design(2, 1)).note
    assert "from 6 seeds on" in decide({"a": [], "b": []}, Design(3, 4)).note
    assert decide({"a": [], "b": []}, Design(5, 4)).note == ""
    # and it is so: the farthest apart that scores can be
    apart = {"a": [[9.0, 9.1, 9.2]] * 4, "b": [[0.0, 0.1, 0.2]] * 4}
    assert decide(so_far(apart, 1), Design(3, 4)).verdicts[0].decision == "undecided"
    assert decide(so_far(apart, 2), Design(3, 4)).verdicts[0].decision == "better"


@pytest.mark.parametrize(
    ("scores", "pairs"),
    [
        ({"a": [[1.0, 2.0]], "b": [[1.0]]}, None),
        ({"a": [[1.0, np.nan]], "b": [[1.0, 2.0]]}, None),
        ({"a": [[1.0, 2.0]]}, None),
        ({"a": [[1.0, 2.0]], "b": [[1.0, 2.0]]}, [("a", "c")]),
        ({"a": [[1.0, 2.0]], "b": [[1.0, 2.0]]}, [("a", "a")]),
    ],
)
def test_what_is_no_study_is_refused(scores, pairs):
    with pytest.raises(ValueError, match=r"finite scores|no pair|no two arms"):
        decide(scores, Design(2, 3), pairs)


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"level": 0.0}, {"permutations": 5}])
def test_what_is_no_design_is_refused(wrong):
    with pytest.raises(ValueError, match=r"design|level"):
        Design(**wrong)
