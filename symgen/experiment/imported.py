"""What a run was trained with beside its spec: the modules of `--import`, which nothing imports by
itself.
"""

import contextlib
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace

from symgen.envs._trusted import trusted
from symgen.errors import SpecError, UserError
from symgen.experiment.files import read_json
from symgen.experiment.run import Run


@contextlib.contextmanager
def imports_hinted(run: Run) -> Iterator[None]:
    """Around what makes a run's environment: where there is none of its id, say which module
    registers it.

    Raises:
        SpecError: what happens inside, with this hint.
    """
    try:
        yield
    except SpecError as error:
        modules = [name for name in _trained_with(run) if name not in trusted()]
        if not modules:
            raise
        words = shlex.join(word for name in modules for word in ("--import", name))
        hint = (
            f"{run.folder} was trained with {words}: put that after symgen (in Python: import "
            "it first)"
        )
        hinted = (
            replace(mistake, hint=hint) if mistake.code == "bad-environment" else mistake
            for mistake in error.diagnostics
        )
        raise SpecError(hinted) from error


def _trained_with(run: Run) -> list[str]:
    """The modules, as versions.json has them or the command in it."""
    try:
        known = read_json(run.folder / "versions.json")
    except UserError:  # a hint is all that it is read for
        return []
    imports = known.get("imports")
    command = known.get("command")
    if isinstance(imports, list) and imports:
        return [str(name) for name in imports]
    return _typed([str(word) for word in command]) if isinstance(command, list) else []


def _typed(command: Sequence[str]) -> list[str]:
    """The modules of a command.

    >>> _typed(["symgen", "--import", "one", "train", "my.yaml", "--import=two"])
    ['one', 'two']
    """
    pairs = zip(command, [*command[1:], ""], strict=True)
    apart = [following for word, following in pairs if word == "--import" and following]
    return apart + [
        word.removeprefix("--import=") for word in command if word.startswith("--import=")
    ]
