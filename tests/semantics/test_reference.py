"""symgen/REFERENCE.md is made of the Options, is complete, and is what the command prints."""

from pathlib import Path

import pytest
from pydantic import BaseModel, Field

import symgen
from symgen import lookup
from symgen.semantics import reference
from symgen.semantics.resolve import KEYWORDS

PAGE = Path(symgen.__file__).parent / "REFERENCE.md"
SECTIONS = {section.name: section for section in reference.sections()}


def undescribed(section):
    return [option.name for option in section.options if not option.meaning.strip()]


def test_the_page_is_what_the_options_say():
    same = PAGE.read_text(encoding="utf-8") == reference.markdown()
    assert same, (
        f"symgen/REFERENCE.md is not what the options say; make it anew: {reference.COMMAND}"
    )


@pytest.mark.parametrize("name", SECTIONS)
def test_every_option_says_what_it_means(name):
    assert undescribed(SECTIONS[name]) == []
    assert SECTIONS[name].meaning


def test_control_an_option_that_says_nothing_is_noticed():
    class Options(BaseModel):
        width: int = 3
        depth: int = Field(2, description="layers")

    assert undescribed(reference.Section("mine", "", reference.options(Options))) == ["width"]


@pytest.mark.parametrize(("section", "kind"), KEYWORDS.items())
def test_every_keyword_has_a_section_with_every_option(section, kind):
    for keyword in lookup.keywords(kind):
        shown = {option.name for option in SECTIONS[f"{section}: {keyword}"].options}
        fields = lookup.options(kind, keyword).model_fields
        assert shown >= {kind, *(field.alias or name for name, field in fields.items())}


def test_sections_stand_in_the_order_of_a_spec():
    parts = dict.fromkeys(name.split(":")[0] for name in SECTIONS)
    assert list(parts) == [
        "spec",
        "environment",
        "symmetry",
        "constraint",
        "graph",
        "network",
        "train",
        "evaluate",
        "ablate",
    ]


def test_type_default_and_bounds():
    rows = {option.name: option for option in SECTIONS["train: ppo"].options}
    assert (rows["envs"].values, rows["envs"].default) == ("whole number, 1 to 65,536", "`16`")
    assert (rows["target_kl"].values, rows["target_kl"].default) == (
        "number, above 0",
        reference.NOTHING,
    )
    assert rows["algorithm"].values == "`ppo`"
    assert rows["learning_rate.from"].default == reference.REQUIRED
    rows = {option.name: option for option in SECTIONS["network: group_conv"].options}
    assert rows["layers[].pool.size"].default == "`3`"
    assert "C\\<n>" in str(SECTIONS["symmetry"])
