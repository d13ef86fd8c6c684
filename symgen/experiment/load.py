"""A trained network with its spec: `symgen.load`, and what evaluations and pictures begin with."""

from pathlib import Path

from symgen.compiler import Compiled, compile_spec
from symgen.errors import UserError
from symgen.experiment import meaning
from symgen.experiment.checkpoint import Checkpoint
from symgen.experiment.files import check_seal
from symgen.experiment.fit import load_weights
from symgen.experiment.imported import imports_hinted
from symgen.experiment.run import LAST, Run, find
from symgen.nn.device import chosen, forked


def load(run: str | Path, checkpoint: str = LAST, device: str = "cpu") -> Compiled:
    """What `symgen.compile` makes of a run's own spec, with the weights of its training.

        trained = symgen.load("runs/acrobot/base/0")
        trained.act(observation)         # one observation or a batch -> the environment's actions
        trained.environment(count=4)     # where it acts
        trained.verify()                 # its symmetry, measured as it is now
        outputs, state = trained.network(observations)

    The network is a torch module in evaluation mode, with its normalisation inside. `torch.compile`
    and `torch.export` take it as it is, and `torch.onnx.export` (with the packages onnx and
    onnxscript) takes what `torch.export` makes. It gives its outputs by name, and the memory that
    the next step needs, which is empty for most. PPO's are "policy", logits or a mean, and "value";
    SAC's are mean and log deviation of a Gaussian before tanh, "policy" and "log_std": the action
    without noise is network.box_centre + network.box_half * tanh(mean).

    Args:
        run: the folder of a seed, or a folder above it that holds no other.
        checkpoint: "last", "best", or a kept one such as "step-4096".
        device: where it computes: cpu, cuda, cuda:1, mps, or auto for the best there is.

    Raises:
        UserError: there is no such run or checkpoint, or there are several runs.
    """
    runs = find(Path(run))
    if len(runs) > 1:
        some = ", ".join(str(seed.folder) for seed in runs[:5])
        raise UserError(
            "several-runs", f"{run} holds {len(runs)} runs", f"name one of them: {some}"
        )
    return loaded(runs[0], checkpoint, device)[0]


def loaded(run: Run, name: str, device: str = "cpu") -> tuple[Compiled, Checkpoint]:
    """The run's spec compiled, its network with the weights of the checkpoint `name`, wherever they
    were trained.

    Raises:
        UserError: the spec or the checkpoint is missing or damaged, or its weights have meant
            something else.
    """
    checkpoint = run.restore(name)
    check_seal(run.folder / "spec.yaml", required=checkpoint.sealed)
    with forked(chosen(device)), imports_hinted(run):
        compiled = compile_spec(run.folder / "spec.yaml", verify=False, seed=0, device=device)
    meaning.check(checkpoint.meaning, compiled.problem, str(run.checkpoints / name))
    load_weights(compiled.network, checkpoint)
    compiled.network.eval()
    return compiled, checkpoint
