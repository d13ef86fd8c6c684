"""Every value in force, defaults included. No torch."""

from symgen.problem.problem import Problem


def resolved(problem: Problem) -> dict[str, object]:
    """Every value in force, defaults included, in the shape of a spec. What a study varies is none
    of a run's.
    """
    values: dict[str, object] = problem.spec.model_dump(
        mode="json", exclude_none=True, exclude={"ablate"}
    )
    parts = {
        "environment": problem.adapter_options,
        "network": problem.family_options,
        "train": problem.algorithm_options,
    }
    for name, options in parts.items():
        section = values.get(name)
        if options is not None and isinstance(section, dict):
            values[name] = section | options.model_dump(mode="json", by_alias=True)
    return values
