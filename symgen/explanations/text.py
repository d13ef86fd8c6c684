"""Mistakes in the text and the shape of a spec."""

from symgen.explanations.entry import Explanation

TEXT = {
    "unreadable-file": Explanation(
        "The spec file cannot be opened.",
        """The path does not exist, is a directory, or may not be read. Paths are relative to the
        directory you are in.""",
        "symgen check specs/control/cartpole.yml",
        "symgen check specs/control/cartpole_group.yaml",
        outside=True,
    ),
    "not-plain-data": Explanation(
        "A mapping given from Python holds something that YAML cannot express.",
        "A spec given as a mapping is plain data: text, numbers, booleans, null, lists, and "
        "mappings with text keys.",
        'symgen.check({"symgen": 1, "environment": CartPole()})',
        'symgen.check({"symgen": 1, "environment": {"adapter": "gymnasium_env", "id": '
        '"CartPole-v1"}, ...})',
        outside=True,
    ),
    "not-text": Explanation(
        "The spec is not readable text.",
        r"""A spec is UTF-8 text without control characters. Another encoding, a binary file, or an
        escape such as \0 in a quoted value gives this error.""",
        r'environment: {adapter: gymnasium_env, id: "CartPole\0-v1"}',
        "environment: {adapter: gymnasium_env, id: CartPole-v1}",
    ),
    "too-large": Explanation(
        "The spec, or something it asks for, is larger than is allowed.",
        """A spec is a page of text: at most 256 KiB, 20,000 keys and values, 24 levels; anchors may
        not expand to more. Groups whose elements have to be listed, pictures, graphs and
        representations have bounds too, which the message names. They are checked before any memory
        is spent.""",
        "symmetry: {group: C100000}",
        "symmetry: {group: D1, states: {observation: {s: [-1, -2, -3, -4]}}, actions: {s: [1, 0]}}",
    ),
    "yaml-syntax": Explanation(
        "The file is not valid YAML.",
        """The caret stands where the reader gave up; the cause is there or on the line above: a
        bracket or a quote that is not closed, a tab in the indentation, a colon without a space, or
        lines that do not line up.""",
        "network: {family: group_mlp, hidden: 8 regular",
        "network: {family: group_mlp, hidden: 8 regular}",
    ),
    "duplicate-key": Explanation(
        "A key is given twice in the same mapping.",
        "Most YAML readers silently keep the last one, which hides mistakes; symgen keeps neither.",
        "train: {algorithm: ppo, steps: 1000, steps: 2000}",
        "train: {algorithm: ppo, steps: 2000}",
    ),
    "yaml-tag": Explanation(
        "A YAML tag (!something) is used.",
        """A spec is plain data: it never names types or objects, so no tag has a meaning in it. To
        make text of something that looks like a number, put it in quotes.""",
        "train: {algorithm: !!str ppo}",
        "train: {algorithm: ppo}",
    ),
    "yaml-alias": Explanation(
        "An alias (*name) refers to nothing, or to itself.",
        """An alias repeats a part of the file that was marked with an anchor (&name) further up. It
        cannot refer to what comes later, or to what it is a part of.""",
        "evaluate: {noisy: *noise}",
        "evaluate: {noisy: &noise {observation_noise: 0.1}, again: *noise}",
    ),
    "multiple-documents": Explanation(
        "The file holds more than one YAML document.",
        "A line of three dashes begins a second document. One file is one spec.",
        "symgen: 1\n---\nsymgen: 1",
        "symgen: 1",
    ),
    "key-not-text": Explanation(
        "A key is not text.",
        "Every key of a spec is text. A number, true, null, a list or a mapping cannot be one; "
        "quotes make text of it.",
        "evaluate: {1: {observation_noise: 0.1}}",
        'evaluate: {"1": {observation_noise: 0.1}}',
    ),
    "number-too-large": Explanation(
        "An integer does not fit into 64 bits.",
        "No option of a spec is that large; a digit may have been repeated by accident.",
        "train: {algorithm: ppo, steps: 100000000000000000000000}",
        "train: {algorithm: ppo, steps: 100_000}",
    ),
    "not-a-spec": Explanation(
        "The file is empty, a list, or a single value.",
        """A spec is a mapping with the keys symgen, environment, symmetry and network, and if need
        be graph, train and evaluate.""",
        "- symgen: 1",
        "symgen: 1",
    ),
    "unknown-key": Explanation(
        "A key that is not known here.",
        """Every key is checked, so that a misspelt option is not ignored in silence. `symgen
        schema` lists all of them; the keys of environment, network and train depend on the adapter,
        family and algorithm named there.""",
        "network: {family: group_mlp, hiden: 8 regular}",
        "network: {family: group_mlp, hidden: 8 regular}",
    ),
    "missing-key": Explanation(
        "A key that must be there is missing.",
        "The caret stands under the mapping it belongs to.",
        "environment: {id: CartPole-v1}",
        "environment: {adapter: gymnasium_env, id: CartPole-v1}",
    ),
    "wrong-type": Explanation(
        "A value has the wrong type.",
        """The message names what is expected and what was found. Note that yes, no, on and off are
        text (booleans are true and false), that a number in quotes is text, and that 1.0 is not an
        integer.""",
        "train: {algorithm: ppo, steps: 1.5}",
        "train: {algorithm: ppo, steps: 2}",
    ),
    "wrong-value": Explanation(
        "A value is of the right type but not an allowed one.",
        "It is not one of the words that are known here, or it is out of range; the message names "
        "what is allowed.",
        "train: {algorithm: ppo, steps: -5}",
        "train: {algorithm: ppo, steps: 5}",
    ),
    "not-finite": Explanation(
        "A number is infinite or not a number.",
        """.inf and .nan are valid YAML, and so is a number too large to be represented, such as
        1e999; none of them is a quantity that a spec can use.""",
        "evaluate: {noisy: {observation_noise: .inf}}",
        "evaluate: {noisy: {observation_noise: 0.1}}",
    ),
    "bad-edit": Explanation(
        "A change names no place in a spec.",
        """A dotted path such as network.width names a key by the keys around it, a number names an
        entry of a list. It begins with a section of the spec. A held-out condition changes options
        of the environment only: environment.<option>.""",
        "evaluate: {wider: {network.width: 128}}",
        "evaluate: {wider: {environment.id: CartPole-v0}}",
    ),
}
