"""A trained network, for use from Python: `symgen.load`."""

from pathlib import Path

from symgen.compiler import Compiled
from symgen.errors import UserError
from symgen.experiment import evaluate
from symgen.experiment.run import LAST, find


def load(run: str | Path, checkpoint: str = LAST, device: str = "cpu") -> Compiled:
    """What `symgen.compile` makes of a run's own spec, with the weights of its training.

        trained = symgen.load("runs/acrobot/base/0")
        trained.act(observation)            # one observation or a batch -> actions of the environment
        trained.environment(count=4)        # what it was trained in
        trained.verify()                    # its symmetry, measured as it is now
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
        some = ", ".join(str(each.folder) for each in runs[:5])
        raise UserError(
            "several-runs", f"{run} holds {len(runs)} runs", f"name one of them: {some}"
        )
    return evaluate.loaded(runs[0], checkpoint, device)[0]
