"""The page opened in a real browser: Debian's Chromium."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.im_exports import as_html
from ansible.module_utils.im_history import Day
from ansible.module_utils.im_report import STATES
from chromium import Chromium
from compliance_reports import HOSTILE, SCRIPT, drifted, nights, report, row
from debian_packages import need

TREND = [
    Day("2026-11-20", {**dict.fromkeys(STATES, 0), "compliant": 7, "drift": 1}),
    Day("2026-11-23", {**dict.fromkeys(STATES, 0), "compliant": 5, "drift": 3}),
]
DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)


def sample(language: str = "fr", **more: Any) -> dict[str, Any]:
    """A report in which every state occurs, and the hostile person everywhere a person can write."""
    rows = [row(f"pc-{number}", state, groups=["salle_b12"]) for number, state in enumerate(STATES)]
    last = {"state": "drift", "at": "2026-11-20T02:00:00Z", "age": 259_200}
    rows[STATES.index("unreachable")] |= {"last_known": last, "causes": [{"code": "unreachable"}]}
    hostile = drifted(HOSTILE, login=HOSTILE, person=SCRIPT, groups=[SCRIPT], remedy=SCRIPT, detail=SCRIPT)
    hostile["diff"][0]["after"] += SCRIPT
    hostile["warnings"] = [SCRIPT]
    waiver = {"host": HOSTILE, "causes": ["user"], "reason": SCRIPT, "by": HOSTILE, "until": "2026-12-31"}
    ended = {"host": "pc-0", "reason": "congés", "by": "M. Roux", "until": "2026-11-01"}
    rows[0]["expired_waivers"] = [{name: ended[name] for name in ("reason", "by", "until")}]
    waivers = [{**waiver, "status": "active"}, {**ended, "status": "expired"}]
    service = [{"id": "certificate_expires_soon", "status": "finding", "target": "x", "detail": SCRIPT}]
    return report(*rows, drifted(), hostile, **{"language": language, "waivers": waivers, "service": service, **more})


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    program = need("chromium", "chromium")
    with Chromium(program, tmp_path_factory.mktemp("chromium") / "profile") as opened:
        opened.look(1280, 900)
        yield opened


@pytest.fixture
def page(browser: Chromium, tmp_path: Path) -> Chromium:
    path = tmp_path / "report.html"
    path.write_text(as_html(sample(), TREND), encoding="utf-8")
    browser.open(path)
    return browser


def choose(browser: Chromium, field: str, value: str) -> None:
    """Set one field of the filter as a person does."""
    browser.run(
        f"(() => {{ const field = document.getElementById({json.dumps(field)}); field.value = {json.dumps(value)};"
        " field.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def shown(browser: Chromium) -> list[str]:
    """The hosts of the rows that are shown."""
    script = "[...document.querySelectorAll('#table tbody .open')].map(one => one.textContent)"
    hosts: list[str] = browser.run(script)
    return hosts


def test_nothing_but_the_file_itself_is_asked_for(page: Chromium) -> None:
    assert [url.rpartition("/")[2] for url in page.requests] == ["report.html"]


def test_every_seat_is_shown_the_worst_first(page: Chromium) -> None:
    assert len(shown(page)) == len(STATES) + 2
    assert shown(page)[0] == f"pc-{STATES.index('failed')}"
    assert shown(page)[-1] == "pc-0"
    assert page.run("document.getElementById('count').textContent") == "10 installation(s) affichée(s) sur 10"


@pytest.mark.parametrize(
    ("field", "value", "hosts"),
    [
        ("state", "waived", [f"pc-{STATES.index('waived')}"]),
        ("words", 'ZOE o\'brien "co"', [HOSTILE]),
        ("words", "mallory", [HOSTILE]),
        ("group", SCRIPT, [HOSTILE]),
        ("cause", "user", [HOSTILE, "pc-2"]),
        ("words", "nobody here", []),
    ],
)
def test_the_filter_shows_what_it_is_asked_for(page: Chromium, field: str, value: str, hosts: list[str]) -> None:
    choose(page, field, value)
    assert sorted(shown(page)) == sorted(hosts)
    assert page.run("document.getElementById('count').textContent").startswith(f"{len(hosts)} ")
    page.run("document.querySelector('form [type=reset]').click()")
    page.run("new Promise(done => setTimeout(done, 10))")
    assert len(shown(page)) == len(STATES) + 2


def test_a_number_of_the_summary_leads_to_its_seats(page: Chromium) -> None:
    page.run("document.querySelector('.card.drift a').click()")
    assert len(shown(page)) == 3
    assert page.run("location.hash") == "#seats"


def test_a_heading_sorts_and_says_so(page: Chromium) -> None:
    page.run("document.querySelector('th[data-sort=host] button').click()")
    assert page.run("document.querySelector('th[data-sort=host]').ariaSort") == "ascending"
    first = shown(page)
    page.run("document.querySelector('th[data-sort=host] button').click()")
    assert page.run("document.querySelector('th[data-sort=host]').ariaSort") == "descending"
    assert shown(page)[0] == first[-1]
    assert page.run("document.querySelectorAll('th[aria-sort]').length") == 1


def test_a_drill_down_opens_and_closes_by_the_keyboard(page: Chromium) -> None:
    choose(page, "words", "mallory")
    page.run("document.querySelector('#table .open').focus()")
    page.press("Enter", 13)
    told = page.run("document.querySelector('.drill').textContent")
    for expected in ("connect_server", "accounts.xml", "- <b>old</b>", "+ <b>new</b>", f"+{SCRIPT}", HOSTILE):
        assert expected in told
    assert page.run("document.querySelector('#table .open').ariaExpanded") == "true"
    page.press("Enter", 13)
    assert page.run("document.querySelectorAll('.drill').length") == 0


def test_what_people_wrote_never_becomes_an_element(page: Chromium) -> None:
    for button in range(len(shown(page))):
        page.run(f"document.querySelectorAll('#table .open')[{button}].click()")
    assert page.run("[...document.querySelectorAll('b')].filter(one => !one.closest('.card')).length") == 0
    assert page.run("document.querySelectorAll('x').length") == 0
    assert page.run("document.querySelectorAll('script').length") == 2
    assert page.run("document.body.innerText").count(SCRIPT) >= 5


def test_the_page_is_told_to_a_screen_reader(page: Chromium) -> None:
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    told = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
    roles = {role for role, _ in told}
    assert {"main", "banner", "navigation", "search", "contentinfo", "status", "table", "rowheader"} <= roles
    # Chromium 2026 says "image", older ones "img".
    assert any(role in ("image", "img") and "installations non conformes" in name for role, name in told)
    assert all(name for role, name in told if role in ("button", "link", "searchbox", "combobox", "table", "region"))
    assert page.run("document.documentElement.lang") == "fr"
    assert page.run("document.querySelectorAll('table:not(:has(caption)), th:not([scope])').length") == 0


def test_an_opened_drill_down_is_told_to_a_screen_reader(page: Chromium) -> None:
    choose(page, "words", "mallory")
    page.run("document.querySelector('#table .open').focus()")
    page.press("Enter", 13)
    nodes = [node for node in page.call("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
    (button,) = [node for node in nodes if node["role"]["value"] == "button" and node["name"]["value"] == HOSTILE]
    assert {"name": "expanded", "value": {"type": "booleanOrUndefined", "value": True}} in button["properties"]
    terms = [node for node in nodes if node["role"]["value"] in ("term", "definition")]
    assert len(terms) >= 10
    # What is for paper only is not read out.
    assert len([node for node in nodes if node["role"]["value"] == "row"]) == page.run(
        "[...document.querySelectorAll('tr')].filter(one => one.checkVisibility()).length"
    )


STOPS = """
  window.stops = [...document.querySelectorAll("a, button:not(:disabled), input, select, summary, [tabindex='0']")]
    .filter((one) => one.checkVisibility());
  document.activeElement.blur();
"""
WHERE = """
(() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  return [stops.indexOf(one), style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, box.width > 0
    && box.bottom > 0 && box.top < innerHeight];
})()
"""


def test_the_keyboard_reaches_everything_in_the_order_of_the_page_and_is_seen(page: Chromium) -> None:
    page.run("document.querySelectorAll('#table .open')[0].click()")
    page.run(STOPS)
    count: int = page.run("stops.length")
    assert count > 30
    visited = []
    for _ in range(count):
        page.press("Tab", 9)
        visited.append(page.run(WHERE))
    assert visited == [[place, True, True] for place in range(count)]


def test_the_first_stop_of_the_keyboard_skips_to_the_seats(page: Chromium) -> None:
    page.press("Tab", 9)
    assert page.run("document.activeElement.hash") == "#seats"
    assert page.run("document.activeElement.getBoundingClientRect().left >= 0")


LUMINANCE = """
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
  const contrast = (one, other) => {
    const [low, high] = [light(style(one)), light(style(other))].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const inks = ["ink", "soft", "link", "compliant", "changed", "drift", "deferred", "refused", "failed",
    "unreachable", "waived"];
  return Math.min(...inks.flatMap((ink) => ["--paper", "--shade"].map((paper) => contrast(`--${ink}`, paper))));
})()
"""


@pytest.mark.parametrize(("scheme", "media"), [("light", ""), ("dark", ""), ("dark", "print")])
def test_every_ink_is_readable_on_its_paper(page: Chromium, scheme: str, media: str) -> None:
    page.look(1280, 900, scheme, media)
    try:
        assert page.run(LUMINANCE) >= 4.5  # WCAG 2.2, 1.4.3
        assert page.run("matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
    finally:
        page.look(1280, 900)


#: The least contrast of a text that is shown with what is really painted behind it, and that text.
PAINTED = (
    LUMINANCE.split("  const style =", maxsplit=1)[0]
    + """
  const opaque = (one) => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!/^rgba\\(.*, 0\\)$/.test(colour)) return colour;
    }
    return "white";
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let least = [21, ""];
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const one = text.parentElement;
    if (!text.data.trim() || !one.checkVisibility() || one.closest(":disabled, svg, script, style")) continue;
    const [low, high] = [light(getComputedStyle(one).color), light(opaque(one))].sort((a, b) => a - b);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < least[0]) least = [contrast, text.data];
  }
  return least;
})()
"""
)


@pytest.mark.parametrize(("scheme", "media"), [("light", ""), ("dark", ""), ("dark", "print")])
def test_every_text_is_readable_on_what_is_painted_behind_it(page: Chromium, scheme: str, media: str) -> None:
    for button in range(len(shown(page))):
        page.run(f"document.querySelectorAll('#table .open')[{button}].click()")
    page.look(1280, 900, scheme, media)
    try:
        least, text = page.run(PAINTED)
        assert least >= 4.5, text
    finally:
        page.look(1280, 900)


def test_the_summary_leads_to_what_concerns_everybody(page: Chromium) -> None:
    told = page.run("[...document.querySelectorAll('#summary .notice a')].map(one => [one.hash, one.textContent])")
    assert [anchor for anchor, _ in told] == ["#service", "#waivers"]
    assert told[1][1].startswith("1 dérogation(s) expirée(s)")
    assert "poste pc-0congésM. Roux01/11/2026" in page.run("document.querySelector('#waivers table').textContent")


def test_the_list_tells_what_a_silent_host_last_was_and_which_waivers_ran_out(page: Chromium) -> None:
    choose(page, "state", "unreachable")
    why = page.run("document.querySelector('#table tbody tr td:last-child').innerText")
    assert why.split("\n\n") == [
        "Le poste n'a pas répondu.",
        "Dernier état connu : écart, le 20/11/2026 02:00 UTC (il y a 3 jours)",
    ]
    choose(page, "state", "compliant")
    why = page.run("document.querySelector('#table tbody tr td:last-child').innerText")
    assert why.split("\n\n")[1:] == ["Dérogation expirée le 01/11/2026 (M. Roux : congés)."]


def test_what_all_seats_share_stands_in_their_details_only(browser: Chromium, tmp_path: Path) -> None:
    soon = [{"code": "certificate", "document": "", "items": ["certificate_expires_soon"]}]
    path = tmp_path / "soon.html"
    path.write_text(as_html(report(row(causes=soon), row("pc-2", causes=soon))), encoding="utf-8")
    browser.open(path)
    assert "certificat" not in browser.run("document.querySelector('#table tbody').innerText")
    browser.run("document.querySelector('#table .open').click()")
    assert "(Le certificat expire bientôt.)" in browser.run("document.querySelector('.drill').textContent")
    choose(browser, "cause", "certificate")
    assert shown(browser) == ["pc-1", "pc-2"]


def test_what_an_audit_only_looked_at_is_not_called_changed(page: Chromium) -> None:
    choose(page, "words", "mallory")
    page.run("document.querySelector('#table .open').click()")
    assert "accounts.xml · à modifier" in page.run("document.querySelector('.drill').textContent")
    found = DATA.search(as_html(report({**drifted(), "state": "changed"})))
    assert found is not None
    assert json.loads(found[1])["rows"][0]["documents"][0][1] == "modifié"


def test_on_paper_each_seat_says_why_and_what_to_do(page: Chromium, tmp_path: Path) -> None:
    pdf = tmp_path / "report.pdf"
    # A4, as a person prints it: without backgrounds.
    printed = page.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=False)["data"]
    pdf.write_bytes(base64.b64decode(printed))
    reader = need("poppler-utils", "pdftotext")
    text = subprocess.run([reader, "-layout", str(pdf), "-"], capture_output=True, text=True, check=True).stdout
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "→ Relancez avec --enforce." in lines
    assert any(line.startswith("La personne l'a changé. (/home/zobrien/.purple/accounts.xml") for line in lines)
    assert "Dernier état connu : écart, le 20/11/2026 02:00 UTC (il y a 3 jours)" in lines
    assert sum(line.startswith("pc-") for line in lines) == len(STATES) + 1
    # What only a screen can do is not printed.
    for absent in ("Rechercher", "Tout afficher", "Suivante", "Aller aux installations", "↕", "▸"):
        assert absent not in text
    assert page.run("document.querySelectorAll('#table .open').length") == len(STATES) + 2


def test_a_narrow_window_is_not_scrolled_sideways(page: Chromium) -> None:
    page.look(360, 800)
    try:
        assert page.run("document.documentElement.scrollWidth") <= 360
    finally:
        page.look(1280, 900)


def test_ten_thousand_seats_are_a_small_page_drawn_in_parts(browser: Chromium, tmp_path: Path) -> None:
    fleet = next(nights(10_000, 1, 0))
    for number in range(0, 10_000, 20):
        fleet["rows"][number] = drifted(f"pc-{number:05}", login=f"user{number}", groups=[f"salle_{number // 25:03}"])
    written = as_html(fleet, TREND)
    assert len(written.encode("utf-8")) < 15_000_000
    path = tmp_path / "big.html"
    path.write_text(written, encoding="utf-8")
    browser.open(path)
    rows = len(shown(browser))
    assert rows == 100
    assert browser.run("document.querySelectorAll('*').length") < 15_000
    assert len(browser.requests) == 1
    browser.run("document.getElementById('next').click()")
    assert len(shown(browser)) == rows
    assert browser.run("document.getElementById('page').textContent") == "page 2 sur 100"
    choose(browser, "words", "user9999")
    assert shown(browser) == ["pc-09999"]
    browser.run("dispatchEvent(new Event('beforeprint'))")
    choose(browser, "words", "")
    assert len(shown(browser)) == 500


def test_ten_thousand_differences_do_not_make_the_page_too_big() -> None:
    text = "\n".join(f"line {number} of a document" for number in range(80))
    rows = [drifted(f"pc-{n}", diff=[{"path": "p", "before": "", "after": f"{n}\n{text}"}]) for n in range(10_000)]
    assert len(as_html(report(*rows)).encode("utf-8")) < 15_000_000


class _WithoutScript(HTMLParser):
    """Every text outside of scripts and styles, as a reader without JavaScript gets it."""

    def __init__(self) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.told = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.inside and tag == self.inside[-1]:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.told += data


def test_without_javascript_the_ill_seats_are_still_told() -> None:
    reader = _WithoutScript()
    reader.feed(as_html(sample(), TREND))
    for expected in ("Sans JavaScript", HOSTILE, SCRIPT, "connect_server", "Relancez avec --enforce.", "+ <b>new</b>"):
        assert expected in reader.told


def test_the_page_speaks_english_on_request() -> None:
    written = as_html(sample("en"), TREND)
    assert '<html lang="en">' in written
    assert "Compliance of instant messaging" in written
    assert "Installations" not in written


def test_a_page_without_history_or_seats_says_so() -> None:
    written = as_html(report())
    assert "Aucune installation" in written
    assert "Pas encore d" in written


def test_the_policy_allows_exactly_the_style_and_the_script_of_the_page() -> None:
    written = as_html(sample(), TREND)
    for opened, name in (("<style>", "style"), ("<script>", "script")):
        content = written.split(opened)[1].split(f"</{name}>")[0]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{name}-src &#39;sha256-{digest}&#39;" in written or f"{name}-src 'sha256-{digest}'" in written
    assert not re.search(r"""(?:src|href|action)=["'](?!#)""", DATA.sub("", written))


def test_the_data_of_the_page_is_the_report() -> None:
    found = DATA.search(as_html(sample(), TREND))
    assert found is not None
    assert "<" not in found[1]
    data = json.loads(found[1])
    hostile = next(one for one in data["rows"] if one["host"] == HOSTILE)
    assert (hostile["person"], data["texts"][hostile["remedy"]]) == (SCRIPT, SCRIPT)
