"""The page in a real browser: no errors, every figure seen, nothing wider than the window."""

import json
import os
import re
import shutil
import subprocess

import pytest

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
WIDTHS = (1440, 390)

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on PATH, and none named by CHROMIUM"
)

# The page in frames of each width, measured once it stands.
HARNESS = """<!DOCTYPE html><html><body><pre id="measured">nothing</pre><script>
const page = PAGE;
const seen = {};
function measure(frame, width) {
  const inside = frame.contentDocument;
  const wide = [...inside.body.querySelectorAll("*")].filter(
    (e) => !e.closest(".box") && e.getBoundingClientRect().right > width + 1);
  seen[width] = {
    width: inside.documentElement.scrollWidth,
    wide: wide.map((e) => e.tagName + "." + e.className),
    boxes: [...inside.querySelectorAll(".box")].filter(
      (e) => e.getBoundingClientRect().right > width + 1).length,
    figures: [...inside.querySelectorAll("figure svg")].filter(
      (e) => e.getBoundingClientRect().width > 200 && e.getBoundingClientRect().height > 60).length,
  };
  document.getElementById("measured").textContent = JSON.stringify(seen);
}
for (const width of WIDTHS) {
  const frame = document.createElement("iframe");
  frame.style.cssText = `width:${width}px;height:900px;border:0`;
  frame.onload = () => measure(frame, width);
  frame.srcdoc = page;
  document.body.append(frame);
}
</script></body></html>"""


def browse(*arguments):
    """What the browser prints, and what its consoles say."""
    flags = ["--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--log-level=0"]
    done = subprocess.run(
        [CHROMIUM, "--headless", *flags, *arguments], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, re.findall(r".*CONSOLE.*", done.stderr)


def measured(html, folder):
    """What the harness measures by width, and what the console says."""
    page = json.dumps(html).replace("</", "<\\/")
    text = HARNESS.replace("PAGE", page, 1).replace("WIDTHS", json.dumps(WIDTHS), 1)
    (folder / "harness.html").write_text(text, encoding="utf-8")
    printed, console = browse(
        "--window-size=1600,1000", "--dump-dom", f"file://{folder}/harness.html"
    )
    found = re.search(r'<pre id="measured">(.*?)</pre>', printed, flags=re.DOTALL)
    return json.loads(found[1]), console


def test_the_page_fits_and_says_no_error(html, contents, tmp_path):
    seen, console = measured(html, tmp_path)
    assert console == []
    [spec] = contents.specs
    for width in WIDTHS:
        shown = seen[str(width)]
        assert shown["wide"] == []
        assert shown["boxes"] == 0
        assert shown["width"] <= width
        assert shown["figures"] == len(spec.drawings)


def test_control_what_overflows_and_fails_is_noticed(tmp_path):
    page = (
        '<body><div style="width:2000px">x</div>'
        "<script>console.error('wrong')</script><figure></figure></body>"
    )
    seen, console = measured(page, tmp_path)
    assert console
    assert [seen[str(width)]["wide"] for width in WIDTHS] == [["DIV."], ["DIV."]]
    assert seen["390"]["figures"] == 0


def test_the_page_prints(html, tmp_path):
    (tmp_path / "report.html").write_text(html, encoding="utf-8")
    browse(f"--print-to-pdf={tmp_path}/report.pdf", f"file://{tmp_path}/report.html")
    printed = (tmp_path / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 5
