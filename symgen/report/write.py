"""The files of a report."""

from collections.abc import Collection
from pathlib import Path

from symgen.errors import UserError
from symgen.experiment.files import write_text, writing
from symgen.pictures import canvas
from symgen.report.contents import Contents
from symgen.report.html import page
from symgen.report.markdown import markdown
from symgen.report.rows import rows

FORMATS = ("html", "md", "csv", "pdf")
DRAWN = {"html", "pdf"}
"""The formats that need figures."""


def formats_of(written: str) -> tuple[str, ...]:
    """The formats named, as in "html,md".

    Raises:
        UserError: one of them is unknown.
    """
    named = tuple(dict.fromkeys(word.strip() for word in written.split(",") if word.strip()))
    unknown = [name for name in named if name not in FORMATS]
    if unknown or not named:
        message = f"a report has no format {unknown[0]!r}" if unknown else "no format is named"
        raise UserError("report-format", message, f"formats: {', '.join(FORMATS)}")
    return named


def write(contents: Contents, folder: Path, formats: Collection[str]) -> list[Path]:
    """Write a report: report.html, report.md, report.csv, figures/*.pdf.

    Returns:
        The files.

    Raises:
        UserError: the folder cannot be written to.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    figures: dict[str, str] = {}
    if "pdf" in formats:
        with writing(folder):
            (folder / "figures").mkdir(exist_ok=True)
        for drawing in (drawing for spec in contents.specs for drawing in spec.drawings):
            name = drawing.id.removeprefix("figure-")
            written.append(canvas.save(drawing.figure, folder / "figures" / f"{name}.pdf"))
            figures[drawing.id] = f"figures/{name}.pdf"
    texts = {
        "html": lambda: page(contents),
        "md": lambda: markdown(contents, figures),
        "csv": lambda: rows(contents.results.data),
    }
    for kind, text in texts.items():
        if kind in formats:
            path = folder / f"report.{kind}"
            write_text(path, text())
            written.append(path)
    return written
