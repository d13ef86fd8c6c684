"""The page: whole, alone, and with every number one click from its run."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from symgen.report.contents import contents_of
from symgen.report.figures import element_names
from symgen.report.html import page
from tests.report.folders import write_study

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Ids, links, and tags that are not closed."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.open, self.tags = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.see(attributes)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.see(attributes)

    def see(self, attributes):
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src", "xlink:href", "srcset", "data"):
                self.links.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def faults(text):
    """What is wrong about a page."""
    seen = Page(text)
    wrong = []
    if seen.open:
        wrong.append(f"not closed: {seen.open}")
    if len(seen.ids) > len(set(seen.ids)):
        wrong.append("an id stands twice")
    wrong += [link for link in seen.links if not link.startswith(("#", "data:"))]
    wrong += [link for link in seen.links if link.startswith("#") and link[1:] not in set(seen.ids)]
    used = re.findall(r"url\(#([^)]*)\)", text)
    wrong += [name for name in used if name not in set(seen.ids)]
    wrong += re.findall(r"@import.*|<script.*", text)
    return wrong


def test_the_page_is_whole_and_alone(html):
    assert faults(html) == []


@pytest.mark.parametrize(
    "change",
    [
        '<p id="top"></p>',
        '<a href="#nowhere">x</a>',
        '<img src="https://example.org/x.png">',
        "<script>1</script>",
        "<div>",
    ],
)
def test_control_a_fault_is_noticed(html, change):
    try:
        wrong = faults(html.replace("<main>", f"<main>{change}"))
    except AssertionError:  # a tag that closes another one
        return
    assert wrong


def test_every_run_spec_and_version_is_there(html, contents):
    for arm in contents.results.data.specs[0].arms:
        assert f'href="#{arm.id}"' in html
        for run in arm.runs:
            assert f'id="{run.id}"' in html
    assert "commit abc123" in html
    assert "# rotations, group=wrong &lt;&amp;&gt;" in html  # the spec, escaped


def test_the_names_in_sentences_lead_to_arms_and_tables(html):
    first = html[: html.index("<nav")]
    assert '<a href="#arm-rotations-group_3d_wrong"><code>group=wrong</code></a>' in first
    assert '<a href="#table-rotations-rotated"><code>rotated</code></a>' in first


def test_every_figure_and_table_is_there(html, contents):
    [spec] = contents.specs
    names = [drawing.id for drawing in spec.drawings]
    assert len(names) == 6
    assert html.count("<svg") == len(names)
    for name in names:
        assert f'<figure id="{name}">' in html
    for shown in spec.tables.values():
        for table in shown:
            assert f'id="{table.id}"' in html
    assert html.count("control-mark") > 5


def test_relaxed_weights_are_named_by_group_element(contents):
    run = contents.results.data.specs[0].arm("constraint=relaxed").runs[0]
    assert element_names(run) == ["e", "r", "r²", "r³"]
    weights = {"policy": run.relaxed["policy_hidden1"][..., :3]}
    assert element_names(replace(run, relaxed=weights)) == []
    assert element_names(replace(run, resolved={"symmetry": {"group": "Z9"}})) == []


def test_the_same_runs_make_the_same_page(study, html):
    assert page(contents_of([study])) == html


def test_a_page_of_two_specs_and_of_one_seed(tmp_path):
    paths = [write_study(tmp_path, 1, spec=spec) for spec in ("rotations", "lava")]
    ranges = {"rotations": (0.0, 1.0), "lava": (0.0, 1.0)}
    text = page(contents_of(paths, ranges=ranges))
    assert faults(text) == []
    assert "Over environments" in text
    first = text[: text.index("<nav")]
    for spec in ("rotations", "lava"):  # each spec's sentences lead to its own arms
        assert (
            f'the reference, return more or less than three other arms of <a href="#spec-{spec}"'
            in first
        )
        assert f'href="#arm-{spec}-group_3d_wrong"' in first
    assert "nan" not in re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL)
