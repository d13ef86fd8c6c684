"""The printed form of a plan: stable, one line per step, made for golden files and for reading."""

from symgen.plan.plan import Plan, Step


def text(plan: Plan) -> str:
    """The plan as aligned lines: name, module, inputs, type of the output, constraint, weights."""
    group = plan.steps[-1].out_type.group
    rows = [("observation", f"{name} -> {field}", "", "", "") for name, field in plan.terms.items()]
    rows += [_row(step) for step in plan.steps]
    widths = [max(len(row[k]) for row in rows) for k in range(5)]
    lines = [f"{plan.family} under {group}: {plan.weights:,} weights"]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:4], widths, strict=False)]
        lines.append("  ".join([*cells, row[4].rjust(widths[4])]).rstrip())
    return "\n".join(lines)


def _row(step: Step) -> tuple[str, str, str, str, str]:
    arrow = f"{', '.join(step.inputs)} -> {step.out_type}".strip()
    return step.name, arrow, step.module.partition(".")[2], step.constraint, f"{step.weights:,}"
