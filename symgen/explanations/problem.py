"""Mistakes in what surrounds the symmetry: environment, graph, network, training, evaluation."""

from symgen.explanations.entry import Explanation

_GRID = "environment: {adapter: gridworld}\nsymmetry: {group: C4}\n"
_TRAINED = (
    "environment: {adapter: gridworld, split: train}\nsymmetry: {group: C4}\nnetwork: "
    "{family: graph_attention}\n"
)
_PIXELS = (
    "environment: {adapter: dm_control, domain: cartpole, task: swingup, observe: pixels, "
    "size: 84}\nsymmetry: {group: D1, constraint: none}\nnetwork: {family: cnn}\n"
)
_TOKENS = (
    "symmetry: {group: S4, states: {observation: tokens}, actions: trivial}\n"
    "network: {family: group_mlp, hidden: 16 trivial}\n"
)

_SIGNS = "symmetry: {group: D1, states: {observation: 4 sign}, actions: 2 sign}\n"
_FREE = "environment: {adapter: gymnasium_env, id: Drift-v0}\n" + _SIGNS
_REMEMBERING = (
    "environment: {adapter: gymnasium_env, id: Remembering-v0}\n"
    "symmetry: {group: D1, states: {observation: 4 sign, action: 2 sign}, actions: 2 sign}\n"
)

PROBLEM = {
    "unknown-adapter": Explanation(
        "There is no adapter of that name.",
        "An adapter is a file in symgen/envs; its name is the keyword. gymnasium_env takes any "
        "registered environment.",
        "environment: {adapter: gymnasium, id: CartPole-v1}",
        "environment: {adapter: gymnasium_env, id: CartPole-v1}",
    ),
    "unknown-family": Explanation(
        "There is no network family of that name.",
        "A family is a file in symgen/families; its name is the keyword.",
        "network: {family: equivariant_mlp}",
        "network: {family: group_mlp}",
    ),
    "unknown-algorithm": Explanation(
        "There is no algorithm of that name.",
        "An algorithm is a file in symgen/rl; its name is the keyword.",
        "train: {algorithm: PPO2}",
        "train: {algorithm: ppo}",
    ),
    "action-kind": Explanation(
        "The algorithm needs a continuous action.",
        """Soft actor-critic asks two networks what an action is worth, and follows their slope in
        the action: the action must be a vector of real numbers. For choices among a few actions use
        ppo.""",
        "environment: {adapter: gymnasium_env, id: CartPole-v1}\ntrain: {algorithm: sac}",
        "environment: {adapter: gymnasium_env, id: CartPole-v1}\ntrain: {algorithm: ppo}",
    ),
    "untrained-memory": Explanation(
        "The algorithm cannot train a network that remembers.",
        """A recurrent network is trained on sequences, each from the state that was stored before
        it. ppo keeps the steps of a rollout in their order and trains so; soft actor-critics draw
        single transitions from what they have stored, of which nobody knows what the network
        remembered.""",
        "network: {family: group_mlp, hidden: 8 regular, memory: gru}\n"
        "train: {algorithm: discrete_sac}",
        "network: {family: group_mlp, hidden: 8 regular, memory: gru}\ntrain: {algorithm: ppo}",
    ),
    "decoder-target": Explanation(
        "There is nothing to decode, or too much.",
        """The decoder of ppo is a linear map, in training only, from the features of the policy to
        the real numbers that are observed: positions, velocities. Bytes, indices and the previous
        action and reward are not decoded, nor is an image of more than 1,024 numbers, of which a
        linear map finds nothing again.""",
        _GRID + "network: {family: graph_attention}\n"
        "train: {algorithm: ppo, steps: 1000, decoder: 1.0}",
        _GRID + "network: {family: graph_attention}\ntrain: {algorithm: ppo, steps: 1000}",
    ),
    "teacher-not-found": Explanation(
        "There is no run to clone at that path, or it has no such checkpoint.",
        """A teacher is the folder of one seed, runs/<spec>/<variant>/<seed>, relative to the
        working folder or absolute. It must have been trained, if only for a while; checkpoint: best
        is there once an episode has ended.""",
        "train: {algorithm: clone, teacher: runs/cartpol_group/base/0}",
        "train: {algorithm: clone, teacher: runs/cartpole_group/base/0}",
    ),
    "teacher-actions": Explanation(
        "The teacher's actions are not those of the student.",
        """A student learns what its teacher would do, so both must do the same things: actions of
        one kind, of the same names, number and bounds.""",
        "train: {algorithm: clone, teacher: runs/pendulum_d1/base/0}",
        "train: {algorithm: clone, teacher: runs/cartpole_group/base/0}",
    ),
    "teacher-environment": Explanation(
        "The teacher was trained in another environment.",
        """It is asked about everything that happens in the student's environment, and knows only
        its own: the adapter and the options that say what happens must be the same, and its spec
        must still compile. Each may see the environment in its own way: patches, frames, previous
        and what the adapter shows (hide of gymnasium_env, observe of dm_control, observes of atari)
        may differ.""",
        "environment: {adapter: gymnasium_env, id: CartPole-v1, max_episode_steps: 200}\n"
        "train: {algorithm: clone, teacher: runs/cartpole_group/base/0}",
        "environment: {adapter: gymnasium_env, id: CartPole-v1}\n"
        "train: {algorithm: clone, teacher: runs/cartpole_group/base/0}",
    ),
    "unbounded-action": Explanation(
        "The algorithm acts inside bounds, and the action has none.",
        """The policy of soft actor-critic is a Gaussian squashed by tanh into the box of possible
        actions, so every component needs a lower and an upper bound. ppo's Gaussian is not squashed
        and needs none.""",
        _FREE + "train: {algorithm: sac}",
        _FREE + "train: {algorithm: ppo}",
    ),
    "term-name": Explanation(
        "An observation has a name that the network needs for itself.",
        """Critics that judge actions read an observation's terms by name, and the action under the
        name `action`. A term of that name (a previous action, say) needs another key in the
        environment's observation space.""",
        _REMEMBERING + "train: {algorithm: sac}",
        _REMEMBERING + "train: {algorithm: ppo}",
    ),
    "bad-environment": Explanation(
        "The environment cannot be made, or cannot be described.",
        """The adapter could not find the environment, or its observations or actions are of a kind
        that no network here takes. The message is the adapter's.""",
        "environment: {adapter: gymnasium_env, id: CartPol-v1}",
        "environment: {adapter: gymnasium_env, id: CartPole-v1}",
    ),
    "bad-patches": Explanation(
        "There is no picture that could be cut into these patches.",
        """patches: 6 cuts a picture into squares of 6x6 pixels, which become tokens. The
        environment must observe a picture (row, column, channel), and the squares must divide both
        its sides.""",
        "environment: {adapter: gymnasium_env, id: CartPole-v1, patches: 2}",
        "environment: {adapter: gymnasium_env, id: CartPole-v1}",
    ),
    "missing-package": Explanation(
        "An optional package is missing.",
        "Some environments and tools need packages that are installed on demand; the message names "
        "the extra.",
        'pip install "symgen"             # and a spec with adapter: minigrid',
        'pip install "symgen[minigrid]"',
        outside=True,
    ),
    "no-places": Explanation(
        "A graph is given, and the observation has no places.",
        """A graph connects the places that the group moves: the cells of a grid, or tokens. A plain
        vector has none. Leave graph: out, or declare a term as tokens.""",
        "graph: {topology: complete}",
        "network: {family: group_mlp}",
    ),
    "bad-topology": Explanation(
        "There is no such topology, or it does not fit.",
        """complete connects all places and fits any observation; grid (four neighbours), king
        (eight), torus and radius <n> need a grid; cycle (each place and the next, the last and the
        first) and path (the same, with two ends) need tokens; {edges: [[0, 1], ...]} names every
        edge.""",
        _GRID + "graph: {topology: queen}\nnetwork: {family: graph_attention}",
        _GRID + "graph: {topology: king}\nnetwork: {family: graph_attention}",
    ),
    "bad-edge": Explanation(
        "An edge of the graph is not possible.",
        """An edge is [from, to], two numbers of places from 0 up; on a grid they are counted row by
        row. Attributes may follow as a mapping; where labels: names an attribute, every edge must
        have it.""",
        _GRID + "graph: {topology: {edges: [[0, 81]]}}\nnetwork: {family: graph_attention}",
        _GRID
        + "graph: {topology: {edges: [[0, 8], [8, 80], [80, 72], [72, 0]]}}\nnetwork: {family: "
        "graph_attention}",
    ),
    "bad-labels": Explanation(
        "The pairs of places cannot be labelled like that.",
        """distance tells pairs apart by how far they are, offset (on a grid) also by direction,
        absolute by everything the group allows. Any other word is an attribute of edges that are
        given one by one.""",
        _GRID + "graph: {labels: offsets}\nnetwork: {family: graph_attention}",
        _GRID + "graph: {labels: offset}\nnetwork: {family: graph_attention}",
    ),
    "not-an-automorphism": Explanation(
        "A generator does not keep the graph.",
        """Every generator must take edges to edges, with the same attribute where that labels them.
        Otherwise the network would have to treat as equal what the graph tells apart. Add the edges
        that are missing, or use a smaller group.""",
        _GRID + "graph: {topology: {edges: [[0, 1]]}}\nnetwork: {family: graph_attention}",
        _GRID + "graph: {topology: grid}\nnetwork: {family: graph_attention}",
    ),
    "idle-triangles": Explanation(
        "The triangle layer cannot have an effect.",
        """Triangles change how places attend to each other; the row of the class token has none.
        With one block the token is read out before anything has told it, so the network would be
        blind to mirrors, as if there were no triangles. A second block, the readout of patches, or
        triangles that windows read out (local: {readout: both}) make them count.""",
        _GRID + "graph: {orientation: triangles}\nnetwork: {family: graph_attention, global: "
        "{layers: 1}}",
        _GRID + "graph: {orientation: triangles}\nnetwork: {family: graph_attention, global: "
        "{layers: 2}}",
    ),
    "unavailable-constraint": Explanation(
        "The network family does not offer this constraint.",
        """exact and relaxed are built into the layers of some families; the baselines (cnn, vit,
        mlp) offer none, which only measures the symmetry. The message lists what the family offers.
        The settings of relaxed belong to its forms: banks and index to form: banks, which
        graph_attention does not have. augment and mirror_loss bind nothing and change the training:
        they fit every family, and want a group whose elements can be listed, observations whose
        dtype can hold what the group makes of them, and a network without memory.""",
        "network: {family: mlp}",
        "network: {family: mlp}\nsymmetry:\n  group: D1\n  states: {observation: {s: [-1, -2, "
        "-3, -4]}}\n"
        "  actions: {s: [1, 0]}\n  constraint: none",
    ),
    "hidden-fibre": Explanation(
        "The hidden layers cannot carry what they must.",
        """The fibre says how the group moves the hidden channels. Where all of them are invariant,
        nothing can say in which direction something was seen: a heading, a sign, or the difference
        between left and right is lost. regular carries everything.""",
        "network: {family: group_mlp, hidden: 8 trivial}",
        "network: {family: group_mlp, hidden: 8 regular}",
    ),
    "no-power": Explanation(
        "An output could show nothing of the symmetry, whatever the weights.",
        """What the hidden layers leave alone, the outputs cannot follow. Where an element moves no
        hidden channel, the policy is the same for the actions that it exchanges; where no
        equivariant map leads from what is observed through the layers to an invariant number, the
        value is a constant. An odd activation takes signs to signs, and from a sign there is no map
        to an invariant.""",
        "symmetry: {group: D1, states: {observation: 4 sign}, actions: regular}\n"
        "network: {family: group_mlp, hidden: 8 sign, activation: tanh}",
        "symmetry: {group: D1, states: {observation: 4 sign}, actions: regular}\n"
        "network: {family: group_mlp, hidden: 8 regular, activation: tanh}",
    ),
    "pointwise-nonlinearity": Explanation(
        "The activation does not commute with the hidden fibre.",
        """relu and its like act on each channel alone, so they commute with a group that permutes
        channels and with nothing else: relu(-x) is not -relu(x). An odd function such as tanh also
        allows signs. Matrices allow none.""",
        "network: {family: group_mlp, hidden: 8 sign, activation: relu}",
        "network: {family: group_mlp, hidden: 8 regular, activation: relu}",
    ),
    "no-picture": Explanation(
        "The observation does not suit the network family.",
        """cnn, vit, group_conv and graph_attention need an observation on a grid (graph_attention
        also takes tokens); for plain vectors there are group_mlp and mlp.""",
        "network: {family: graph_attention}",
        "network: {family: group_mlp}",
    ),
    "patch-size": Explanation(
        "The patches do not fit the picture.",
        "A patch is a square of pixels, and patches tile the picture: their side divides both of "
        "its sides.",
        _GRID + "network: {family: graph_attention, patch: 2}",
        _GRID + "network: {family: graph_attention, patch: 3}",
    ),
    "stride": Explanation(
        "The windows of a convolution, or of pooling, do not fit the picture.",
        """Along every side that the group reverses the windows must reach from one end to the
        other: size + 2 padding - kernel is a multiple of the stride (of the side of a tile, for
        pooling). Otherwise some pixels are left over at one end, and a turned or mirrored picture
        is read at other places than the picture was: stride 2 on an even picture with an odd
        kernel, or tiles of 2 on an odd picture. The message names the changes that mend it.""",
        _GRID + "network: {family: group_conv, layers: [{fields: 8 regular, stride: 2, padding: 0, "
        "kernel: 2}]}",
        _GRID + "network: {family: group_conv, layers: [{fields: 8 regular, stride: 2, padding: 0, "
        "kernel: 3}]}",
    ),
    "width": Explanation(
        "The width does not fit the heads or the fibre.",
        "Channels come in whole copies of the fibre, and every head takes as many of them as any "
        "other.",
        _GRID + "network: {family: graph_attention, width: 60, heads: 8, fibre: regular}",
        _GRID + "network: {family: graph_attention, width: 64, heads: 8, fibre: regular}",
    ),
    "condition-name": Explanation(
        "A held-out condition has a name that is taken.",
        "training is the name of the environment that the agent was trained on, which every "
        "evaluation shows as well.",
        "evaluate: {training: {observation_noise: 0.1}}",
        "evaluate: {noisy: {observation_noise: 0.1}}",
    ),
    "bad-axis": Explanation(
        "A study varies something that is no part of a spec, or in no way.",
        "An axis is a dotted path into environment, symmetry, graph, network or train, and a list "
        "of values for it. Seeds and held-out conditions belong to all arms alike. A value that "
        "does not check is no mistake: its arm is left out of the study, and listed.",
        "ablate: {network.hiden: [8 regular, 16 regular]}",
        "ablate: {network.hidden: [8 regular, 16 regular]}",
    ),
    "bad-where": Explanation(
        "A condition between the axes of a study cannot be read.",
        'A condition compares axes with values: "constraint == exact or group in [D1, C1]", with '
        "and, or, not and brackets. An axis is named by its path, or by the end of it where that "
        "is the end of one axis only.",
        "ablate: {symmetry.group: [D1, C1], network.depth: [1, 2], where: 'gruop == D1'}",
        "ablate: {symmetry.group: [D1, C1], network.depth: [1, 2], where: 'group == D1'}",
    ),
    "arm-name": Explanation(
        "An arm of a study has a name that no folder can have.",
        "An arm is trained in a folder of its own, which is called as the arm is. base is the spec "
        "itself, which is an arm of every study.",
        "ablate: {arms: {base: {network.depth: 3}}}",
        "ablate: {arms: {deeper: {network.depth: 3}}}",
    ),
    "changed-interface": Explanation(
        "A held-out condition changes what the agent observes or can do.",
        """A trained network keeps its inputs and outputs. A condition may change levels, sizes of
        rivers, gravity, and whatever else leaves the shape of the observation and the actions
        alone.""",
        _GRID + "network: {family: graph_attention}\nevaluate: {larger: {environment.size: 11}}",
        _GRID
        + "network: {family: graph_attention}\nevaluate: {harder: {environment.crossings: 2}}",
    ),
    "no-tokens": Explanation(
        "A held-out condition, or train.sensors, concerns tokens, and there are none.",
        """shuffle, noise_channels, duplicate and occlude change the tokens of an observation:
        entries of a vector, or patches of an image, that the group permutes. Of an image that a
        network reads as pixels, shuffle and occlude take blocks: {patch: 6}. Something must be left
        where tokens are taken away.""",
        "evaluate: {shuffled: {shuffle: per_episode}}",
        _TOKENS + "evaluate: {shuffled: {shuffle: per_episode}}",
    ),
    "fixed-tokens": Explanation(
        "The network cannot play, or be trained, with another number of tokens.",
        """noise_channels, duplicate and occlude give it more tokens than it was trained with, or
        fewer. That works where every weight is shared over the tokens, the group is S<n> on them,
        and neither the actions nor other terms move with them. occlude: {fraction: 0.3, zeroed:
        true} sets tokens to zero and leaves their number as it is. Under train.sensors the number
        always stays: the network is planned for it.""",
        "symmetry: {group: S4, states: {observation: tokens}, actions: trivial, constraint: none}\n"
        "network: {family: mlp}\nevaluate: {twice: {duplicate: 2}}",
        _TOKENS + "evaluate: {twice: {duplicate: 2}}",
    ),
    "stacked-tokens": Explanation(
        "Tokens whose frames stand side by side already cannot change places one frame at a time.",
        """shuffle: every 100 asks what happens when a sensor's past and its present part. Where an
        adapter stacks the frames itself, a whole stack changes places, and every token keeps its
        past. The key frames that adapters share comes after the shuffle.""",
        _PIXELS + "evaluate: {a: {shuffle: {every: 100, patch: 12}}}",
        _PIXELS + "evaluate: {a: {shuffle: {patch: 12}}}",
    ),
    "no-memory": Explanation(
        "A held-out condition takes away a memory that the network does not have.",
        "memory: zeroed sets the memory to zero before every step. Frames and previous actions are "
        "part of the observation and stay.",
        "evaluate: {forgetful: {memory: zeroed}}",
        "network: {family: group_mlp, hidden: 8 regular, memory: gru}\n"
        "evaluate: {forgetful: {memory: zeroed}}",
    ),
    "level-overlap": Explanation(
        "A held-out condition may show levels that were trained on.",
        """Seeds of levels are not levels: two seeds may make the same level, or its turned image.
        environment.split sorts levels by what they are, up to turns and mirrors: train on split:
        train, test on split: test. Evaluation measures how many levels of a condition were trained
        on, and prints it.""",
        _TRAINED + "evaluate: {held_out: {seed_range: [5000, 5200]}}",
        _TRAINED + "evaluate: {held_out: {environment.split: test}}",
    ),
}
