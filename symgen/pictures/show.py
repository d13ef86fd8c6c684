"""Pictures of a spec and of a run: what `symgen show` draws.

show_spec    graph, labels, triangles, actions, observation, weights; no torch network is built
show_run     the same of the run's own spec, then its attention (of sensors: their slots), its
             symmetry breaking where the network may break it, and its learning curve
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from symgen.algebra.base import Base
from symgen.algebra.graph import Graph
from symgen.compiler import Compiled, check_spec, plan_spec
from symgen.errors import UserError
from symgen.experiment.run import LAST, ROOT, Run, find
from symgen.experiment.variant import stem
from symgen.operations.sensors import PlaceMap
from symgen.pictures.canvas import FORMATS
from symgen.pictures.draw_actions import draw_actions
from symgen.pictures.draw_graph import draw_graph, draw_labels
from symgen.pictures.draw_observation import draw_observation
from symgen.pictures.draw_triangles import draw_triangles
from symgen.pictures.draw_weights import draw_weights
from symgen.problem.problem import Problem
from symgen.semantics.summary import parameter_names
from symgen.spec.source import Source

__all__ = ["FORMATS", "Album", "Drawn", "is_run", "show_run", "show_spec"]

FOLDER = "show"
"""Below a run."""

PICTURES = ROOT / "pictures"
"""Of specs: beside the runs, not among those of the spec, where every folder is a variant."""


@dataclass(frozen=True)
class Drawn:
    """What was drawn.

    Args:
        pictures: the PNGs.
        notes: what was left out, and why.
    """

    pictures: tuple[Path, ...]
    notes: tuple[str, ...] = ()

    def __add__(self, more: Drawn) -> Drawn:
        return Drawn(self.pictures + more.pictures, self.notes + more.notes)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.pictures), *(f"note: {note}" for note in self.notes)])

    def to_dict(self) -> dict[str, list[str]]:
        """Plain values for JSON."""
        return {"pictures": [str(path) for path in self.pictures], "notes": list(self.notes)}


@dataclass(frozen=True)
class Album:
    """Where pictures go, and as what.

    Args:
        folder: it is made where it is not there.
        kind: one of FORMATS.

    Raises:
        UserError: the folder cannot be written to.
    """

    folder: Path
    kind: str = "png"

    def __post_init__(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{self.folder} cannot be written to: {error.strerror}"
            raise UserError("folder-not-writable", message, "write elsewhere with --out") from error

    def __call__(self, name: str) -> Path:
        """The file of a picture of this name."""
        return self.folder / f"{name}.{self.kind}"


def is_run(target: str) -> bool:
    """Whether what was typed means a run: a folder, or something that is not there and not called
    like a spec.
    """
    path = Path(target)
    return path.is_dir() or (not path.exists() and path.suffix not in (".yaml", ".yml"))


def show_spec(source: Source, folder: Path | None = None, kind: str = "png") -> Drawn:
    """Draw a spec into a folder, by default runs/pictures/<spec>, as one of FORMATS.

    Raises:
        SpecError: the spec is wrong.
        UserError: the folder cannot be written to.
    """
    problem = check_spec(source)
    album = Album(folder or PICTURES / stem(source.name), kind)
    base, graph = drawn_graph(problem)
    if graph is None and problem.pipeline.patches is not None:
        places = _note("the places are patches: observation shows how the group moves them")
    else:
        places = _graph(base, graph, album)
    return (
        places
        + _triangles(problem, base, album)
        + _actions(problem, album)
        + _observation(problem, album)
        + _weights(problem, base, album)
    )


def show_run(
    path: Path, folder: Path | None = None, checkpoint: str = LAST, kind: str = "png"
) -> Drawn:
    """Draw a run: its spec, what its network attends to, how far it breaks the
    symmetry, how it learnt. By default into <run>/show.

    Raises:
        UserError: there is no such run or checkpoint, or the folder cannot be written to.
    """
    from symgen.experiment.load import loaded
    from symgen.spec.source import read

    runs = find(path)
    run = runs[0]
    album = Album(folder or run.folder / FOLDER, kind)
    compiled, _ = loaded(run, checkpoint)
    drawn = show_spec(read(run.folder / "spec.yaml"), album.folder, kind)
    if len(runs) > 1:
        drawn += _note(f"{path} holds {len(runs)} runs; this is {run.label}")
    drawn += _attention(compiled, album, run.seed)
    return drawn + _symmetry_breaking(run, compiled, album) + _curve(runs, album)


def drawn_graph(problem: Problem) -> tuple[Base | None, Graph | None]:
    """The graph that the network uses, or that of the spec, or None; and the places it stands on.

    graph_attention labels pairs of patches even where the spec says nothing about a graph.
    """
    graph = problem.family.graph(problem.design)
    if graph is not None:
        return graph.base, graph
    if problem.graph is not None:
        return problem.graph.base, problem.graph
    spatial = [field.base for field in problem.observation.values() if field.base.size > 1]
    return (spatial[0] if spatial else None), None


def _note(text: str) -> Drawn:
    """Nothing, and why."""
    return Drawn((), (text,))


def _graph(base: Base | None, graph: Graph | None, album: Album) -> Drawn:
    if base is None:
        return _note("nothing is observed at several places, so there is no picture of it")
    drawn = Drawn((draw_graph(base, graph, album("graph")),))
    if graph is None:
        return drawn + _note(
            "the spec has no graph: graph shows the places alone, and there are no labels"
        )
    return drawn + Drawn((draw_labels(graph, album("labels")),))


def _triangles(problem: Problem, base: Base | None, album: Album) -> Drawn:
    if problem.spec.graph is None or problem.spec.graph.orientation != "triangles" or base is None:
        return Drawn(())
    if base.kind != "grid":
        return _note(f"triangles are drawn on grids, not on {base}")
    try:
        return Drawn((draw_triangles(base, album("triangles")),))
    except ValueError as error:  # a strip of one row has none
        return _note(f"triangles are left out: {error}")


def _actions(problem: Problem, album: Album) -> Drawn:
    path = album("actions")
    return Drawn((draw_actions(problem.interface.action, problem.action, path),))


def _observation(problem: Problem, album: Album) -> Drawn:
    try:
        return Drawn((draw_observation(problem, album("observation")),))
    except UserError as error:
        return _note(f"the observation is left out: {error.message}; {error.hint}")


def _weights(problem: Problem, base: Base | None, album: Album) -> Drawn:
    names = parameter_names(problem.interface.action)
    plan = plan_spec(problem)
    path = draw_weights(plan, base, album("weights"), names)
    if path is None:
        tied = f"no map of {plan.family} is tied by the group"
        if any(
            isinstance(linear, PlaceMap) for step in plan.steps for linear in step.operation.maps
        ):
            tied = f"all places share the maps of {plan.family}, and the group ties nothing more"
        return _note(f"{tied}, so there is no picture of weights")
    return Drawn((path,))


def _attention(compiled: Compiled, album: Album, seed: int) -> Drawn:
    """What the network attends to: places, or where sensors are read out, what the slots do with
    them.
    """
    from symgen.pictures.draw_attention import draw_attention
    from symgen.pictures.sensors import read_out

    if read_out(compiled.plan) is not None:
        return _sensors(compiled, album, seed)
    pictures = draw_attention(compiled, album("attention"), album("attention_heads"), seed)
    if pictures:
        return Drawn(tuple(pictures))
    family = compiled.plan.family
    return _note(f"the family {family} attends to no places, so there is no picture of attention")


def _sensors(compiled: Compiled, album: Album, seed: int) -> Drawn:
    """What slots attend to, when memories settle, and what the slots say; in float64, where an
    invariant network is so without rounding to speak of.
    """
    from symgen.pictures.draw_identity import draw_identity
    from symgen.pictures.draw_patches import draw_patches
    from symgen.pictures.draw_slot_outputs import draw_slot_outputs
    from symgen.pictures.draw_slots import draw_slots
    from symgen.pictures.sensors import SHUFFLED, record

    compiled.network.double().eval()
    trained = record(compiled, {}, seed)
    shuffled = record(compiled, SHUFFLED, seed)
    draw = draw_slots if compiled.problem.pipeline.patches is None else draw_patches
    slots = draw(compiled, trained, album("slots"))
    identity = draw_identity(compiled, trained, album("identity"))
    outputs = draw_slot_outputs(compiled, trained, shuffled, album("slot_outputs"))
    drawn = Drawn(tuple(path for path in (slots, identity, outputs) if path is not None))
    if slots is None:
        drawn += _note(
            "the read-out is a mean over the sensors, so there is no picture of what slots "
            "attend to"
        )
    if trained.memory is None:
        drawn += _note("sensors have no memory, so there is no picture of how it settles")
    elif identity is None:
        drawn += _note("episodes are too short for a picture of how the sensors' memory settles")
    return drawn


def _symmetry_breaking(run: Run, compiled: Compiled, album: Album) -> Drawn:
    """Of a network that may break its symmetry: symmetry-breaking norms and the weights of its
    banks, over training.
    """
    from symgen.experiment import metrics, relaxed_weights
    from symgen.pictures import draw_relaxation as draw

    if not compiled.network.symmetry_breaking():
        return Drawn(())
    norms = draw.curves(metrics.read(run.folder))
    if not norms.sizes:
        return _note(
            "no symmetry-breaking norm has been measured yet, so there is no picture of symmetry "
            "breaking"
        )
    drawn = Drawn((draw.draw_symmetry_breaking(norms, album("symmetry_breaking"), run.label),))
    steps, weights = relaxed_weights.read(run.folder)
    elements = draw.elements(compiled.network)
    known = {name: banks for name, banks in weights.items() if name in elements}
    if not known:
        return drawn + _note("no map has banks, so there is no picture of their weights")
    path = album("relaxed_weights")
    return drawn + Drawn((draw.draw_relaxed_weights(steps, known, elements, path, run.label),))


def _curve(runs: list[Run], album: Album) -> Drawn:
    """The learning curve of the first run and the other seeds of its variant."""
    from symgen.pictures import curve

    seeds = [run for run in runs if (run.spec, run.variant) == (runs[0].spec, runs[0].variant)]
    path = album("learning_curve")
    if not curve.draw(seeds, path):
        return _note("no return of a training episode is known, so there is no learning curve")
    return Drawn((path,))
