"""The printed form of a plan: stable, one line per step, made for golden files and for reading."""

from symgen.plan.plan import Plan, Step


def text(plan: Plan) -> str:
    """The plan as aligned lines: name, inputs, type of the output, how the group binds the
    weights, how many, and the operation with its settings."""
    group = plan.steps[-1].operation.output.group
    rows = [("observation", f"{name} -> {field}", "", "", "") for name, field in plan.terms.items()]
    rows += [_row(step) for step in plan.steps]
    widths = [max(len(row[k]) for row in rows) for k in range(5)]
    lines = [f"{plan.family} under {group}: {plan.weights:,} weights"]
    if plan.training_weights:
        lines[0] += f", and {plan.training_weights:,} for training only"
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        cells[3] = row[3].rjust(widths[3])
        lines.append("  ".join(cells).rstrip())
    outputs = ", ".join(map(str, plan.outputs))
    return "\n".join([*lines, f"outputs: {outputs}"])


def _row(step: Step) -> tuple[str, str, str, str, str]:
    arrow = f"{', '.join(step.inputs)} -> {step.operation.output}".strip()
    operation = step.operation
    return step.name, arrow, operation.bound, f"{step.weights:,}", str(operation)
