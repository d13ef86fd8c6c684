"""Mistakes in `symmetry:`, the group and how it acts."""

from symgen.explanations.entry import Explanation

_CARTPOLE = "states: {observation: {s: [-1, -2, -3, -4]}}, actions: {s: [1, 0]}"
_LINES = "  states: {observation: {s: [-1, -2, -3, -4]}}\n  actions: {s: [1, 0]}"

SYMMETRY = {
    "unknown-group": Explanation(
        "There is no group of that name.",
        """Known are C<n> (the turns of a regular n-gon), D<n> (turns and mirrors, of order 2n; D1
        is one mirror), S<n> (all orders of n things) and products such as 'C2 x C4'. Any other
        finite group is given by generators and relations. Of the continuous groups, SO2 (all turns
        of the plane) and O2 (with mirrors) are known.""",
        "symmetry: {group: Z2, " + _CARTPOLE + "}",
        "symmetry: {group: D1, " + _CARTPOLE + "}",
    ),
    "bad-presentation": Explanation(
        "The generators and relations do not present a usable group.",
        """A generator is named by one small letter, digits may follow, and each has a name of its
        own. Relations that force a generator to be the identity make it useless, which is nearly
        always a mistake in a relation.""",
        "symmetry:\n  group: {generators: [s], relations: [ss, sss]}\n" + _LINES,
        "symmetry:\n  group: {generators: [s], relations: [ss]}\n" + _LINES,
    ),
    "bad-word": Explanation(
        "A word in the generators cannot be read.",
        """A word is generators one after the other, with powers if need be: rsrs, r^4, r^2 s. It
        acts from right to left: rs is first s, then r.""",
        "symmetry:\n  group: {generators: [s], relations: ['s*s']}\n" + _LINES,
        "symmetry:\n  group: {generators: [s], relations: ['s s']}\n" + _LINES,
    ),
    "unknown-generator": Explanation(
        "A generator that the group does not have.",
        "C<n> has r, D<n> has r and s (D1 only s), S<n> has s (swaps the first two) and c (moves "
        "every one on).",
        "symmetry: {group: D1, states: {observation: {r: [-1, -2, -3, -4]}}, actions: {s: [1, 0]}}",
        "symmetry: {group: D1, " + _CARTPOLE + "}",
    ),
    "missing-generator": Explanation(
        "Nothing says what a generator does.",
        "Each generator needs an entry, also one that moves nothing: write trivial for it.",
        "symmetry: {group: D2, states: {observation: {r: [-1, -2, -3, -4]}}, actions: {r: [1, 0], "
        "s: trivial}}",
        "symmetry:\n  group: D2\n  states: {observation: {r: [-1, -2, -3, -4], s: trivial}}\n"
        "  actions: {r: [1, 0], s: trivial}",
    ),
    "unknown-term": Explanation(
        "The environment has no observation term of that name.",
        """Below states: stand the names of the observation terms: the keys of a Dict observation
        space, or the one word `observation` where the space is not a Dict. The generators stand one
        level further in.""",
        "symmetry: {group: D1, states: {s: [-1, -2, -3, -4]}, actions: {s: [1, 0]}}",
        "symmetry: {group: D1, " + _CARTPOLE + "}",
    ),
    "missing-term": Explanation(
        "Nothing says how the group moves an observation term.",
        "Each term needs an entry, also one that the group does not move: write trivial for it.",
        "symmetry: {group: D1, states: {}, actions: {s: [1, 0]}}",
        "symmetry: {group: D1, " + _CARTPOLE + "}",
    ),
    "no-auto": Explanation(
        "The adapter does not know how the group acts here.",
        """auto asks the adapter, which knows some environments and some groups. For any other,
        spell out by generator what happens to each entry, or write trivial where the group moves
        nothing.""",
        "symmetry: {group: D1, states: auto, actions: {s: [1, 0]}}",
        "symmetry: {group: D1, " + _CARTPOLE + "}",
    ),
    "bad-field-type": Explanation(
        "It cannot be read how an observation term moves.",
        """A term is auto, trivial, grid (a picture moves as pictures do), tokens (its entries are
        permuted), a printed field type BASE: FIBRE such as 'grid 9x9: 3 trivial' or 'point:
        signed(s=-1 2)', or one move per generator: an index list, a matrix, or for pictures a word
        (turn, half_turn, mirror, flip, transpose, keep).""",
        "symmetry: {group: D1, states: {observation: mirrored}, actions: {s: [1, 0]}}",
        "symmetry: {group: D1, states: {observation: 4 sign}, actions: {s: [1, 0]}}",
    ),
    "bad-representation": Explanation(
        "It cannot be read how the actions move.",
        """actions is auto, trivial, a sum of representations such as 'regular' or '2 trivial +
        sign', or one entry per generator: an index list, a mapping of action names, or a
        matrix.""",
        "symmetry: {group: D1, states: {observation: 4 sign}, actions: regulr}",
        "symmetry: {group: D1, states: {observation: 4 sign}, actions: regular}",
    ),
    "size-mismatch": Explanation(
        "An action of the group has another size than what it moves.",
        """An index list has one number for each entry of the observation term or each action, a
        matrix as many rows and columns. `symgen check -v` prints the terms, their shapes and the
        names of the actions. A move is linear: there is no column for a shift. Where the mirror
        does not lie at 0 (MountainCar's valley is at -0.52), write an observation wrapper that
        subtracts its centre, register the wrapped environment and name it with --import.""",
        "symmetry: {group: D1, states: {observation: {s: [-1, -2, -3]}}, actions: {s: [1, 0]}}",
        "symmetry: {group: D1, " + _CARTPOLE + "}",
    ),
    "not-a-permutation": Explanation(
        "A list, or a mapping of names, is not a permutation.",
        """Entry i of a list says where entry i goes. A list that contains 0 counts from 0; any
        other counts from 1, and a minus sign turns the sign of the entry. Every place is named
        exactly once. In a mapping of action names, actions that are not named stay where they
        are.""",
        "symmetry: {group: D1, states: {observation: {s: [-1, -2, -3, -3]}}, actions: {s: [1, 0]}}",
        "symmetry: {group: D1, " + _CARTPOLE + "}",
    ),
    "not-orthogonal": Explanation(
        "A matrix is not orthogonal.",
        """A symmetry keeps lengths, so its matrix times its transpose is the identity, to nine
        digits. Give all digits of sines and cosines, or name the representation (standard is the
        plane that C<n> and D<n> turn).""",
        "symmetry:\n  group: D1\n  states:\n"
        "    observation: {s: [[-2, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, -1]]}\n"
        "  actions: {s: [1, 0]}",
        "symmetry:\n  group: D1\n  states:\n"
        "    observation: {s: [[-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, -1]]}\n"
        "  actions: {s: [1, 0]}",
    ),
    "broken-relation": Explanation(
        "The moves do not satisfy a relation of the group.",
        """What the generators do must multiply as the generators themselves: a mirror done twice is
        nothing, a quarter turn done four times is nothing. The message names the relation that
        fails and an entry that does not come back. Either a list is wrong, or the moves form
        another group than the one named.""",
        "symmetry: {group: D1, states: {observation: {s: [2, 3, 4, 1]}}, actions: {s: [1, 0]}}",
        "symmetry: {group: D1, states: {observation: {s: [2, 1, 4, 3]}}, actions: {s: [1, 0]}}",
    ),
    "inexact-rotation": Explanation(
        "A pixel grid cannot carry this turn exactly.",
        """Only half turns, mirrors, and on square pictures quarter turns take pixels to pixels: the
        groups C1, C2, C4, D1, D2 and D4. Any finer turn needs interpolation, which is not exact:
        the family steerable_conv does that, with states: plane. Otherwise use one of these groups,
        or crop the picture to a square.""",
        "environment: {adapter: gridworld}\nsymmetry: {group: C8, states: grid, actions: trivial}\n"
        "network: {family: graph_attention}",
        "environment: {adapter: gridworld}\nsymmetry: {group: C4, states: grid, actions: auto}\n"
        "network: {family: graph_attention}",
    ),
    "plane-family": Explanation(
        "The family cannot turn a picture between its pixels.",
        """Groups such as C8, D8, SO2 and O2 turn pictures by angles that take pixels between
        pixels. The family steerable_conv follows them up to an interpolation error that `symgen
        verify` measures; families that move pixels to pixels cannot, except baselines that no group
        binds (cnn, vit, mlp with constraint: none).""",
        "environment: {adapter: gridworld, view: rgb}\nsymmetry: {group: C8, states: plane, "
        "actions: trivial}\n"
        "network: {family: graph_attention}",
        "environment: {adapter: gridworld, view: rgb}\n"
        "symmetry: {group: C8, states: plane, actions: trivial, constraint: none}\n"
        "network: {family: cnn}",
    ),
    "plane-action": Explanation(
        "The family follows the usual action on pictures only.",
        """steerable_conv solves its kernels for r turning a picture counter-clockwise and s
        mirroring left and right. Write states: grid (C1, C2, C4, D1, D2, D4) or states: plane
        (C<n>, D<n>, SO2, O2). A generator that does something else to the picture needs group_conv,
        graph_attention or group_mlp.""",
        "environment: {adapter: gridworld}\n"
        "symmetry: {group: D1, states: {observation: {s: flip}}, actions: {s: [2, 1, 0, 3]}}\n"
        "network: {family: steerable_conv}",
        "environment: {adapter: gridworld}\n"
        "symmetry: {group: D1, states: grid, actions: {s: [0, 3, 2, 1]}}\n"
        "network: {family: steerable_conv}",
    ),
    "band-limit": Explanation(
        "SO2 and O2 have no such representation of finite size.",
        """All turns act on finitely many numbers only as sums of trivial, sign (O2: the mirrors)
        and irrep(k), which turns two numbers k times as fast as the plane, k from 1 to 15; standard
        is irrep(1). Regular and quotient representations and permutations belong to finite groups
        such as C16.""",
        "environment: {adapter: gymnasium_env, id: CartPole-v1}\n"
        "symmetry: {group: SO2, states: {observation: regular}, actions: trivial}",
        "environment: {adapter: gymnasium_env, id: CartPole-v1}\n"
        "symmetry: {group: SO2, states: {observation: 2 irrep(1)}, actions: trivial, "
        "constraint: none}\n"
        "network: {family: mlp}",
    ),
    "unknown-action": Explanation(
        "The environment has no action of that name.",
        "`symgen check -v` prints the names of the actions. Actions without names are given by an "
        "index list.",
        "environment: {adapter: gridworld}\n"
        "symmetry: {group: C4, actions: {r: {up: left, left: bottom, down: right, right: up}}}\n"
        "network: {family: graph_attention}",
        "environment: {adapter: gridworld}\n"
        "symmetry: {group: C4, actions: {r: {up: left, left: down, down: right, right: up}}}\n"
        "network: {family: graph_attention}",
    ),
    "action-not-permuted": Explanation(
        "A generator does not permute discrete actions.",
        """A discrete action can only become another action: no signs, no mixtures. Of an action
        with several components a component may change places with one of the same size, and its
        choices among themselves.""",
        "symmetry: {group: D1, states: {observation: 4 sign}, actions: {s: [-2, -1]}}",
        "symmetry: {group: D1, states: {observation: 4 sign}, actions: {s: [2, 1]}}",
    ),
    "action-bounds": Explanation(
        "The group does not keep the bounds of a continuous action.",
        """An action is clipped to its bounds before the environment takes it. Where the group takes
        a possible action to an impossible one, clipping breaks the symmetry. Exchange only
        components with the same bounds, give a sign only to components whose bounds are symmetric,
        and mix none but those without any bound. A bound on one side counts: with actions from 0
        on, -0.7 would be played as 0. A condition with transform: asks the same of networks without
        a symmetry, for it plays moved actions.""",
        "environment: {adapter: gymnasium_env, id: BipedalWalker-v3}\n"
        "symmetry: {group: C8, states: {observation: 12 standard}, actions: 2 standard}\n"
        "network: {family: group_mlp, hidden: 4 regular}",
        "environment: {adapter: gymnasium_env, id: BipedalWalker-v3}\n"
        "symmetry: {group: C2, states: {observation: 24 sign}, actions: {r: [3, 4, 1, 2]}}\n"
        "network: {family: group_mlp, hidden: 4 regular}",
    ),
    "squashed-action": Explanation(
        "A squashed policy does not commute with the group's action on the actions.",
        """Soft actor-critic takes tanh of every component to stay inside the bounds. Doing so first
        and turning then is the same as turning first only where the group exchanges components or
        changes their signs; a turn by 45 degrees takes the box to another one. Use a group that
        permutes the components up to sign, or ppo, which does not squash.""",
        "environment: {adapter: gymnasium_env, id: BipedalWalker-v3}\n"
        "symmetry: {group: C8, states: {observation: 12 standard}, actions: 2 standard}\n"
        "network: {family: group_mlp, hidden: 4 regular}\ntrain: {algorithm: sac}",
        "environment: {adapter: gymnasium_env, id: BipedalWalker-v3}\n"
        "symmetry: {group: C4, states: {observation: 12 standard}, actions: 2 standard}\n"
        "network: {family: group_mlp, hidden: 4 regular}\ntrain: {algorithm: sac}",
    ),
    "one-orbit": Explanation(
        "The group takes every value that is observed to every other.",
        """Where only indices are observed and each is the image of any other, an invariant value
        has nothing to tell apart: it is a constant, and so is everything that is learnt from it.
        The group is larger than the symmetry of the task, or moves the values in another way.""",
        "environment: {adapter: gymnasium_env, id: FrozenLake-v1}\n"
        "symmetry: {group: C16, states: {observation: 'point: regular'}, actions: trivial}",
        "environment: {adapter: gymnasium_env, id: FrozenLake-v1}\n"
        "symmetry: {group: C2, states: {observation: 'grid 4x4: trivial'}, actions: trivial}",
    ),
    "blind-policy": Explanation(
        "An element of the group moves the actions and nothing that is observed.",
        """An equivariant policy answers a moved observation with the moved action. Where the
        observation is not moved and the actions are, it must treat the actions that are exchanged
        as equal, and can only choose among them blindly. So it is of indices that an element leaves
        alone while it moves the actions. Say how the observation moves, or that the actions do
        not.""",
        "symmetry: {group: D1, states: trivial, actions: {s: [1, 0]}}",
        "symmetry: {group: D1, states: {observation: 4 sign}, actions: {s: [1, 0]}}",
    ),
    "invariant-policy": Explanation(
        "An invariant policy is asked for, and the group moves the actions.",
        """An invariant policy does the same in every orientation. Where the actions turn with the
        picture that is wrong: up becomes left. Write output: equivariant; or, where the same action
        is right in every orientation, actions: trivial.""",
        "symmetry: {group: D1, output: invariant, " + _CARTPOLE + "}",
        "symmetry: {group: D1, output: equivariant, " + _CARTPOLE + "}",
    ),
}
