"""What every error code means: `symgen explain CODE`.

Each entry about specs has a wrong and a right example; a test puts both into a whole spec and proves that the wrong one
gives this code and the right one gives none.
"""

from dataclasses import dataclass
from textwrap import fill


@dataclass(frozen=True)
class Explanation:
    """An error code, explained.

    Args:
        title: one line.
        text: why it is a mistake and what to do, a few sentences.
        wrong: a piece of a spec that gives this code (a command, for mistakes outside a spec).
        right: the same piece put right.
        outside: True for mistakes outside a spec, which are a UserError.
    """

    title: str
    text: str
    wrong: str
    right: str
    outside: bool = False

    def __str__(self) -> str:
        wrong, right = (_indented(text) for text in (self.wrong, self.right))
        return f"{self.title}\n\n{fill(self.text, 100)}\n\nWrong:\n\n{wrong}\n\nRight:\n\n{right}"


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.rstrip("\n").split("\n"))


_TEXT = {
    "unreadable-file": Explanation(
        "The spec file cannot be opened.",
        "The path does not exist, is a directory, or may not be read. Paths are relative to the directory you are in.",
        "symgen check specs/no_such_file.yaml",
        "symgen check specs/control/cartpole_group.yaml",
    ),
    "not-text": Explanation(
        "The spec is not readable text.",
        "A spec is UTF-8 text without control characters. Another encoding, a binary file, or an escape such as \\0 in a "
        "quoted value gives this error.",
        'environment: {adapter: gymnasium_env, id: "CartPole\\0-v1"}',
        "environment: {adapter: gymnasium_env, id: CartPole-v1}",
    ),
    "not-plain-data": Explanation(
        "A mapping given from Python holds something that YAML cannot express.",
        "A spec given as a mapping is plain data: text, numbers, booleans, null, lists and mappings with text keys.",
        "symgen.check({'symgen': 1, 'environment': object()})",
        "symgen.check({'symgen': 1, 'environment': {'adapter': 'gymnasium_env', 'id': 'CartPole-v1'}})",
    ),
    "too-large": Explanation(
        "The spec, or something it asks for, is larger than is allowed.",
        "A spec is a page of text: at most 256 KiB, 20,000 keys and values, 24 levels. Anchors that expand to more than "
        "that are refused too. The bound is checked before any memory is spent.",
        "evaluate: [[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "evaluate: {noisy: {observation_noise: 0.1}}",
    ),
    "yaml-syntax": Explanation(
        "The file is not valid YAML.",
        "The caret stands where the reader gave up; the cause is there or on the line above: a bracket or a quote that is "
        "not closed, a tab in the indentation, a colon without a space, or lines of one mapping that do not line up.",
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
        "A spec is plain data: it never names types or objects, so no tag has a meaning in it. To make text of something "
        "that looks like a number, put it in quotes.",
        "train: {algorithm: !!str ppo}",
        "train: {algorithm: ppo}",
    ),
    "yaml-alias": Explanation(
        "An alias (*name) refers to nothing, or to itself.",
        "An alias repeats a part of the file that was marked with an anchor (&name) further up. It cannot refer to what "
        "comes later or to what it is a part of.",
        "evaluate: {noisy: *noise}",
        "evaluate: {noisy: &noise {observation_noise: 0.1}, again: *noise}",
    ),
    "multiple-documents": Explanation(
        "The file holds more than one YAML document.",
        "A line of three dashes begins a second document. One file is one spec; put the second into a file of its own.",
        "---\nsymgen: 1\n---\nsymgen: 1",
        "symgen: 1",
    ),
    "key-not-text": Explanation(
        "A key is not text.",
        "Every key of a spec is text. A number, true, null, a list or a mapping cannot be one; quotes make text of it.",
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
        "A spec is a mapping with the keys symgen, environment, symmetry, network, and optionally graph, train, evaluate.",
        "- symgen: 1",
        "symgen: 1",
    ),
}

_SHAPE = {
    "unknown-key": Explanation(
        "A key that is not known here.",
        "Every key is checked, so that a misspelt option cannot be ignored in silence. `symgen schema` lists all of them; "
        "the keys of environment, network and train depend on the adapter, the family and the algorithm named there.",
        "symmetry: {group: D1, states: {observation: {s: [-1, -2, -3, -4]}}, action: {s: [1, 0]}}",
        "symmetry: {group: D1, states: {observation: {s: [-1, -2, -3, -4]}}, actions: {s: [1, 0]}}",
    ),
    "missing-key": Explanation(
        "A key that must be there is missing.",
        "The caret stands under the mapping it belongs to.",
        "environment: {id: CartPole-v1}",
        "environment: {adapter: gymnasium_env, id: CartPole-v1}",
    ),
    "wrong-type": Explanation(
        "A value has the wrong type.",
        "The message names what is expected and what was found. Note that yes, no, on and off are text (booleans are true "
        "and false), that a number in quotes is text, and that 1.0 is not an integer.",
        "train: {algorithm: ppo, steps: 1.5}",
        "train: {algorithm: ppo, steps: 2}",
    ),
    "wrong-value": Explanation(
        "A value is of the right type but not an allowed one.",
        "It is not one of the words that are known here, or it is out of range; the message names what is allowed.",
        "train: {algorithm: ppo, steps: -5}",
        "train: {algorithm: ppo, steps: 5}",
    ),
    "not-finite": Explanation(
        "A number is infinite or not a number.",
        ".inf and .nan are valid YAML, and so is a number too large to be represented, such as 1e999; none is a quantity "
        "that a spec can use.",
        "evaluate: {noisy: {observation_noise: .inf}}",
        "evaluate: {noisy: {observation_noise: 0.1}}",
    ),
    "bad-edit": Explanation(
        "A dotted path does not name a place in a spec.",
        "A dotted path such as network.width names a key by the keys around it; a number names an entry of a list. It "
        "begins with one of the spec's own top-level keys.",
        "evaluate: {harder: {enviroment.id: CartPole-v0}}",
        "evaluate: {harder: {environment.id: CartPole-v0}}",
    ),
}

CODES: dict[str, Explanation] = {**_TEXT, **_SHAPE}
