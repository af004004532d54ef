"""Look at the built site as a reader's browser does: `make docs-check`.

Pages are opened in headless Chromium, served from this machine: nothing may be written to the console as an
error, no request may fail or go elsewhere, every image must be there, axe-core must find nothing serious, in light
and in dark, and on a phone nothing may be wider than the page. A search for "alpha" must find pages. What is found
is printed, and the exit status is 1 if anything is.

    python docs/check_site.py [--screenshots FOLDER] [PAGE ...]
"""

import argparse
import functools
import http.server
import shutil
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

SITE = Path(__file__).parent / "_build" / "html"
SCREENS = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
THEMES = ["light", "dark"]
# One of each kind, for screenshots.
SHOWN = [
    "index.html",
    "tutorials/from_a_table.html",
    "api/generated/sklearn_iqlearn.IQLearnClassifier.html",
    "gallery/index.html",
    "gallery/economists/rust_bus.html",
]
SERIOUS = {"serious", "critical"}


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that keeps its log to itself."""

    def log_message(self, *args):
        """Say nothing."""


class Server(http.server.ThreadingHTTPServer):
    """A server to which a browser may hang up."""

    def handle_error(self, request, client_address):
        """Say nothing of a page that was left before all of it had come: what fails is heard by the browser."""


@contextmanager
def served(folder):
    """The address at which a folder is served, as long as it is needed."""
    server = Server(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


def listen(page, address, heard):
    """Append to ``heard`` what goes wrong while pages load."""
    page.on("console", lambda said: said.type == "error" and heard.append(f"console: {said.text}"))
    page.on("pageerror", lambda error: heard.append(f"script: {error}"))
    # What a page that is left gives up has not failed.
    page.on(
        "requestfailed",
        lambda asked: asked.failure == "net::ERR_ABORTED" or heard.append(f"request failed: {asked.url}"),
    )
    page.on("response", lambda got: got.status >= 400 and heard.append(f"{got.status}: {got.url}"))
    page.on(
        "request",
        lambda asked: asked.url.startswith((address, "data:", "blob:")) or heard.append(f"elsewhere: {asked.url}"),
    )


def missing_images(page):
    """Images that are not there, those further down included."""
    sources = page.evaluate(
        """async () => {
            const images = [...document.images];
            images.forEach((image) => { image.loading = "eager"; });
            await Promise.all(images.map((image) => image.decode().catch(() => null)));
            return images.filter((image) => !image.naturalWidth).map((image) => image.src);
        }"""
    )
    return [f"no image: {source}" for source in sources]


def too_wide(page):
    """What is wider than the screen, or cut off by it: what scrolls by itself is neither."""
    found = page.evaluate(
        """() => {
            const all = document.scrollingElement.scrollWidth, width = document.scrollingElement.clientWidth;
            const scrolls = (one) => one.matches("article *") &&
                (/auto|scroll/.test(getComputedStyle(one).overflowX) || scrolls(one.parentElement));
            const wide = [...document.querySelectorAll("article *")].filter((one) =>
                one.checkVisibility() && one.getBoundingClientRect().right > width + 1 && !scrolls(one));
            return (all > width ? [`the page, ${all} pixels`] : []).concat(
                wide.slice(0, 3).map((one) => one.outerHTML.slice(0, 120)));
        }"""
    )
    return [f"too wide: {one}" for one in found]


def inaccessible(page):
    """What axe-core calls serious or worse."""
    violations = Axe().run(page, options={"preload": False}).response["violations"]
    return [
        f"axe: {one['id']} ({one['impact']}), {len(one['nodes'])} times: {one['nodes'][0]['html'][:160]}"
        for one in violations
        if one["impact"] in SERIOUS
    ]


# What is asked of a page on each screen.
CHECKS = {"desktop": [missing_images, inaccessible], "phone": [too_wide]}


def look(browser, address, names, screen, theme, screenshots):
    """Open pages on a screen in a theme; return what is found, by page."""
    context = browser.new_context(viewport=SCREENS[screen], color_scheme=theme, reduced_motion="reduce")
    page, heard, found = context.new_page(), [], {}
    listen(page, address, heard)
    for name in names:
        page.goto(address + name, wait_until="load")
        heard += [problem for check in CHECKS[screen] for problem in check(page)]
        if screenshots and name in SHOWN:
            picture = f"{name.removesuffix('.html').replace('/', '-')}-{screen}-{theme}.png"
            page.screenshot(path=screenshots / picture)
        found[name] = sorted(set(heard))
        heard.clear()
    context.close()
    return found


def search(browser, address, word):
    """Search as a reader does; return what is wrong with the answer, and the pages found."""
    context = browser.new_context(viewport=SCREENS["desktop"])
    page, heard = context.new_page(), []
    listen(page, address, heard)
    page.goto(address)
    page.keyboard.press("Control+k")
    page.keyboard.type(word)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html*")
    page.wait_for_selector("#search-results li a", timeout=20_000)
    pages = page.eval_on_selector_all("#search-results li a", "links => links.map((link) => link.href)")
    pages = sorted({link.removeprefix(address).partition("?")[0].partition("#")[0] for link in pages})
    context.close()
    return heard, pages


def main():
    """Check, and print what is found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--screenshots", type=Path, help="a folder for pictures of one page of each kind")
    parser.add_argument(
        "pages", nargs="*", help="pages to look at, as guide/masks.html; by default all but most of the reference"
    )
    told = parser.parse_args()
    built = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
    built = [name for name in built if not name.startswith("_static/")]  # the theme's own templates
    # The pages of the reference are made alike: one stands for all.
    names = told.pages or [name for name in built if name in SHOWN or not name.startswith("api/generated")]
    if told.screenshots:
        told.screenshots.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not names or not chromium:
        sys.exit("There is no site: make docs." if not names else "There is no chromium: apt install chromium.")
    n_problems = 0
    with served(SITE) as address, sync_playwright() as playwright:
        # Containers have no sandbox, and the pages are our own.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for screen in SCREENS:
            for theme in THEMES:
                found = look(browser, address, names, screen, theme, told.screenshots)
                n_problems += sum(map(len, found.values()))
                print(f"{len(names)} pages, {screen}, {theme}: {sum(map(bool, found.values()))} with problems")
                for name, problems in found.items():
                    for problem in problems:
                        print(f"  {name}: {problem}")
        problems, pages = search(browser, address, "alpha")
        print(f'A search for "alpha" finds {len(pages)} pages', *problems, sep="\n  ")
        n_problems += len(problems) + (not pages)
        browser.close()
    sys.exit(n_problems > 0)


if __name__ == "__main__":
    main()
