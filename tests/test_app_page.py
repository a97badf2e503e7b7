"""The web page in a real browser: Debian's Chromium, driven by Playwright."""

import contextlib
import shutil
import socket
import threading
import time

import numpy as np
import pytest
from served import LABELS, Quick, png

pytest.importorskip("fastapi")
uvicorn = pytest.importorskip("uvicorn")
driver = pytest.importorskip("playwright.sync_api")

from cxrlib.app.limits import Limits, Refusal  # noqa: E402
from cxrlib.app.server import create_app  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="NO CHROMIUM: apt-get install chromium"),
]
WAIT = 60_000  # Milliseconds: a machine may do other work, too.


class Placed(Quick):
    """A heat map whose peak is at the bottom left."""

    def heatmap(self, film, label):
        return np.eye(4)[::-1] * [4, 3, 2, 1]


@contextlib.contextmanager
def serving(system, port=0, **options):
    """Serve on a free port; yield the address."""
    listening = socket.create_server(("127.0.0.1", port))
    app = create_app(system, Limits(), **options)
    config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="module")
def browser():
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@contextlib.contextmanager
def page_of(browser, address, **options):
    """A page on which nothing went wrong in the end: no error, no broken policy."""
    context = browser.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(WAIT)
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: "Content Security" in said.text and complaints.append(said.text),
    )
    page.goto(address)
    yield page
    context.close()
    assert not complaints


def film_file(data=None, name="film.png"):
    return {"name": name, "mimeType": "image/png", "buffer": data or png()}


def drop(page, data):
    """Drop a file on the stage, as a hand would."""
    moved = page.evaluate_handle(
        """data => {
            const moved = new DataTransfer();
            moved.items.add(new File([new Uint8Array(data)], "film.png"));
            return moved;
        }""",
        list(data),
    )
    page.dispatch_event("#stage", "drop", {"dataTransfer": moved})


def test_a_film_is_dropped_and_its_result_is_seen(browser):
    with serving(Placed()) as address, page_of(browser, address) as page:
        drop(page, png())
        page.get_by_text("Called present: Cardiomegaly.").wait_for()
        assert page.locator(".finding").count() == 14
        assert page.locator(".chip.unsure").count() == 2  # One is the legend's.
        assert page.get_by_text("an enlarged heart").is_visible()
        assert page.get_by_text("a test's numbers").is_visible()
        # The overlays: the lungs come by themselves, a heat map is asked for.
        page.locator("#show-outline[aria-pressed=true]").wait_for()
        page.get_by_role("button", name="Cardiomegaly").click()
        page.get_by_text(
            "strongest, yellow, at the bottom, on the picture's left"
        ).wait_for()
        heat = page.locator("#heat")
        assert heat.evaluate("each => getComputedStyle(each).visibility") == "visible"
        page.get_by_role("button", name="Heat map").click()
        assert heat.evaluate("each => getComputedStyle(each).visibility") == "hidden"
        page.locator("#opacity").fill("20")
        assert heat.evaluate("each => each.style.opacity") == "0.2"
        page.get_by_role("button", name="Write the report").click()
        page.get_by_text("The heart is enlarged.").wait_for()


def test_the_film_answers_to_keys(browser):
    with serving(Placed()) as address, page_of(browser, address) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "frontal"
        page.set_input_files("#frontal", film_file())
        page.locator("#answer").wait_for()
        page.focus("#stage")
        pixel = """() => document.querySelector("#film").getContext("2d")
            .getImageData(1, 1, 1, 1).data[0]"""
        before = page.evaluate(pixel)
        page.keyboard.press("i")
        assert page.evaluate(pixel) == 255 - before
        page.keyboard.press("+")
        page.get_by_text("140 %").wait_for()
        for _ in range(10):
            page.keyboard.press("w")
        assert page.input_value("#window") == "150"
        page.keyboard.press("0")
        assert page.input_value("#window") == "100" and page.evaluate(pixel) == before


def test_a_refusal_is_told_and_the_picture_shown(browser):
    refuse = {"gate": lambda film: "is a cat"}
    with serving(Quick(), **refuse) as address, page_of(browser, address) as page:
        page.set_input_files("#frontal", film_file())
        page.get_by_role("alert").get_by_text("it is a cat").wait_for()
        assert page.locator("#answer").is_hidden()
        assert page.locator("#film").is_visible()
        assert page.locator("#again").is_hidden()
        page.set_input_files("#frontal", film_file(b"no film", "a.png"))
        page.get_by_text("neither PNG, JPEG nor DICOM").wait_for()
        assert page.locator("#film").is_hidden()


def test_a_lost_server_is_told_and_the_film_kept(browser):
    with contextlib.ExitStack() as stack:
        with serving(Quick()) as address:
            port = int(address.rsplit(":", 1)[1].strip("/"))
            page = stack.enter_context(page_of(browser, address))
            page.locator("#model-name", has_text="quick").wait_for()
            page.set_input_files("#frontal", film_file())
            page.get_by_text("Called present: Cardiomegaly.").wait_for()
        page.set_input_files("#frontal", film_file(name="next.png"))
        page.get_by_text("The server does not answer.").wait_for()
        assert page.locator("#sheet").is_hidden()  # It shows the film before.
        with serving(Quick(), port):
            page.get_by_role("button", name="Try again").click()
            page.get_by_text("Called present: Cardiomegaly.").wait_for()


def test_a_film_that_is_cleared_while_it_is_drawn_stays_away(browser):
    with serving(Quick()) as address, page_of(browser, address) as page:
        page.evaluate(
            """() => {
                window.reached = new Promise(reached => {
                    Image.prototype.decode = () => new Promise(go => {
                        window.draw = go;
                        reached();
                    });
                });
            }"""
        )
        page.set_input_files("#frontal", film_file())
        page.evaluate("() => window.reached")
        page.locator("#clear").click()
        page.evaluate("() => draw()")
        page.wait_for_timeout(200)
        assert page.locator("#sheet").is_hidden()
        assert page.get_by_text("Waiting for a film.").is_visible()


def test_the_next_heat_map_calls_off_the_one_before(browser):
    with serving(Placed()) as address, page_of(browser, address) as page:
        page.set_input_files("#frontal", film_file())
        page.get_by_text("Called present: Cardiomegaly.").wait_for()
        page.route("**/api/heatmap", lambda route: None, times=1)  # Never answered.
        page.get_by_role("button", name="Cardiomegaly").click()
        page.get_by_text("Looking for").wait_for()
        with page.expect_event("requestfailed", timeout=10_000):
            page.get_by_role("button", name="Mass").click()
        page.get_by_text("Heat map of Mass").wait_for()


def test_a_busy_server_is_waited_for(browser):
    class Busy(Quick):
        busy = False

        def diagnose(self, film):
            if self.busy:
                raise Refusal(429, "busy", "The server is busy.", retry_after=3)
            return super().diagnose(film)

    system = Busy()
    with serving(system) as address, page_of(browser, address) as page:
        system.busy = True
        page.set_input_files("#frontal", film_file())
        page.get_by_text("The server is busy. Trying again").wait_for()
        system.busy = False
        page.get_by_text("Called present: Cardiomegaly.").wait_for()


@pytest.mark.parametrize("width", [390, 1300])
def test_nothing_is_wider_than_the_screen_and_everything_has_a_name(browser, width):
    size = {"viewport": {"width": width, "height": 844}}
    with serving(Placed()) as address, page_of(browser, address, **size) as page:
        page.set_input_files("#frontal", film_file(name="n" * 200 + ".png"))
        page.locator("#answer").wait_for()
        page.locator(".finding").first.click()
        page.get_by_text("strongest").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("button, input, progress")]
                .filter(each => each.checkVisibility()
                    && !each.ariaLabel && !each.labels?.length
                    && !each.textContent.trim()).map(each => each.outerHTML)"""
        )
        assert nameless == []


# The contrast of each text with the ground it stands on, as WCAG 2.1 computes it.
CONTRAST = """() => {
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => colour.slice(0, 3).reduce((sum, each, i) => {
        const s = each / 255;
        const linear = s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
        return sum + linear * [0.2126, 0.7152, 0.0722][i];
    }, 0);
    const ground = (node) => {
        for (; node; node = node.parentElement) {
            const found = parts(getComputedStyle(node).backgroundColor);
            if (found.length < 4 || found[3] > 0.5) return found;
        }
        return [255, 255, 255];
    };
    return [...document.querySelectorAll("body *")].filter((each) =>
        each.checkVisibility() && [...each.childNodes].some((child) =>
            child.nodeType === 3 && child.textContent.trim())
    ).map((each) => {
        const text = light(parts(getComputedStyle(each).color));
        const [low, high] = [text, light(ground(each))].sort((a, b) => a - b);
        return [(high + 0.05) / (low + 0.05), each.textContent.trim().slice(0, 40)];
    });
}"""


def test_all_text_can_be_read_and_nothing_moves_where_that_is_not_wanted(browser):
    calm = {"reduced_motion": "reduce"}
    with serving(Placed()) as address, page_of(browser, address, **calm) as page:
        page.locator("#model-name", has_text="quick").wait_for()
        seen = page.evaluate(CONTRAST)
        page.set_input_files("#frontal", film_file())
        page.locator("#answer").wait_for()
        page.locator(".finding").first.click()
        page.get_by_text("strongest").wait_for()
        page.locator("#later summary").click()
        page.get_by_role("button", name="Write the report").click()
        page.get_by_text("The heart is enlarged.").wait_for()
        seen += page.evaluate(CONTRAST)
        moving = page.evaluate(
            """() => [...document.querySelectorAll("body *")].flatMap(each =>
                ["", "::before", "::after"].map(part => getComputedStyle(each, part)))
                .filter(style => parseFloat(style.transitionDuration) > 0
                    || style.animationName !== "none").length"""
        )
    with (
        serving(Quick(), gate=lambda film: "is a cat") as address,
        page_of(browser, address) as page,
    ):
        page.set_input_files("#frontal", film_file())
        page.get_by_role("alert").get_by_text("it is a cat").wait_for()
        seen += page.evaluate(CONTRAST)
    assert len(seen) > 100 and moving == 0
    assert min(seen) >= [4.5], min(seen)


def test_the_keyboard_reaches_everything_and_the_result_is_read_aloud(browser):
    with serving(Placed()) as address, page_of(browser, address) as page:
        page.set_input_files("#frontal", film_file())
        page.locator("#answer").wait_for()
        summary = page.get_by_role("status").filter(has_text="Called present")
        assert summary.count() == 1
        page.locator("#show-outline[aria-pressed=true]").wait_for()
        reached = []
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.append(page.evaluate(
                """() => { const each = document.activeElement;
                    return each.id || each.dataset.label || each.className; }"""
            ))  # fmt: skip
            shown = page.evaluate(
                "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
                " || document.activeElement.matches('.slot input, body')"
            )
            assert shown, reached[-1]
        wanted = {
            "skip", "frontal", "lateral", "clear", "stage", "zoom-in", "invert",
            "show-outline", "window", "level", "write", *LABELS,
        }  # fmt: skip
        assert wanted <= set(reached)
        page.locator("[data-label=Mass]").focus()
        page.keyboard.press("Enter")
        page.get_by_role("status").filter(has_text="Heat map of Mass").wait_for()


def test_there_are_no_dead_controls_and_what_is_to_come_is_said(browser):
    with serving(Quick()) as address, page_of(browser, address) as page:
        page.locator("#model-name", has_text="quick").wait_for()
        dead = page.locator("button:visible, input[type=range]:visible")
        assert dead.count() == 0
        assert page.locator("#note-part").is_hidden()
        page.get_by_text("What is still to come").click()
        assert "notebook 11" in page.locator("#note-part").inner_text()
        assert "notebook 12" in page.locator("#sentence-part").inner_text()
