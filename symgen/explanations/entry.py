"""One error code, explained."""

from dataclasses import dataclass
from textwrap import fill, indent


@dataclass(frozen=True)
class Explanation:
    """An error code, explained.

    Args:
        title: one line.
        text: why it is a mistake and what to do, a few sentences.
        wrong: a piece of a spec that gives this code (a command or a call, for mistakes outside a
            spec).
        right: the same piece put right.
        outside: True for what happens outside a spec: a file, a run, an environment at work.
    """

    title: str
    text: str
    wrong: str
    right: str
    outside: bool = False

    def __str__(self) -> str:
        text = fill(" ".join(self.text.split()), 96)
        wrong, right = (indent(example.strip("\n"), "    ") for example in (self.wrong, self.right))
        return f"{self.title}\n\n{text}\n\nWrong:\n\n{wrong}\n\nRight:\n\n{right}"
