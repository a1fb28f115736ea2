"""The page in a real browser: nothing goes wrong, nothing is fetched, what can be clicked works, phones can read it.

Chromium is driven by its DevTools protocol. Skipped where there is no Chromium, or no aiohttp to talk to it.
"""

import asyncio
import contextlib
import functools
import io
import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from rich.console import Console

from steadygan.report import report

aiohttp = pytest.importorskip("aiohttp", reason="no aiohttp to talk to a browser")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium")

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--remote-debugging-port=0"]  # fmt: skip
WIDTHS = (390, 1280)
SECTIONS = ["verdict", "trains", "ranking", "curves", "swept", "ends", "samples", "failures", "cost", "oscillation",
            "provenance", "reproduce"]  # fmt: skip
LONG = "a_method_whose_name_does_not_end_" * 5


class Page:
    """A tab: commands to it and the events it sends."""

    def __init__(self, socket):
        self.socket, self.session, self.events = socket, None, []
        self._numbers, self._answers = itertools.count(1), {}

    async def listen(self):
        async for message in self.socket:
            data = json.loads(message.data)
            if "id" in data:
                self._answers.pop(data["id"]).set_result(data)
            else:
                self.events.append(data)

    async def send(self, method, **params):
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        session = {"sessionId": self.session} if self.session else {}
        await self.socket.send_str(json.dumps({"id": number, "method": method, "params": params, **session}))
        answer = await asyncio.wait_for(self._answers[number], 60)
        assert "error" not in answer, answer
        return answer["result"]

    async def run(self, script):
        """The value of a script, promises awaited."""
        result = await self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def seen(self, method):
        return [event["params"] for event in self.events if event["method"] == method]


@contextlib.asynccontextmanager
async def tab(folder):
    """A tab of a new Chromium that knows nobody."""
    process = subprocess.Popen([CHROMIUM, *FLAGS, f"--user-data-dir={folder}"], stderr=subprocess.PIPE, text=True)
    try:
        address = next(line.split()[-1] for line in process.stderr if line.startswith("DevTools listening on"))
        async with aiohttp.ClientSession() as client, client.ws_connect(address, max_msg_size=0) as socket:
            page = Page(socket)
            listener = asyncio.create_task(page.listen())
            target = await page.send("Target.createTarget", url="about:blank")
            attached = await page.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
            page.session = attached["sessionId"]
            yield page
            listener.cancel()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


WAIT = """
globalThis.wait = async (done) => {
  const began = performance.now();
  while (!done() && performance.now() - began < 30000) await new Promise((resume) => setTimeout(resume, 50));
};
"""
DRAW_ALL = (
    WAIT
    + """
(async () => {
  document.querySelectorAll("details").forEach((element) => { element.open = true; });
  const canvases = [...document.querySelectorAll("[data-plot]")];
  for (const canvas of canvases) {
    canvas.scrollIntoView({ behavior: "instant" });
    await wait(() => canvas.querySelector(".main-svg"));
  }
  return canvases.map((canvas) => canvas.querySelector(".main-svg") !== null);
})()
"""
)
WIDER = """
(() => {
  const wide = document.documentElement.clientWidth;
  const inside = (element) => element.closest(".scroll, pre, nav ul, .skip, svg") !== null;
  return {
    page: document.documentElement.scrollWidth - wide,
    elements: [...document.querySelectorAll("main *, header *")]
      .filter((element) => !inside(element) && element.getBoundingClientRect().right > wide + 1)
      .map((element) => element.outerHTML.slice(0, 120)),
  };
})()
"""
SORT = """
(() => {
  const table = document.querySelector("#ranking table");
  const names = () => [...table.tBodies[0].rows].map((row) => row.cells[1].textContent.trim());
  const head = [...table.tHead.rows[0].cells].find((cell) => cell.textContent.includes("Median final"));
  const found = [names()];
  const signs = [];
  for (let click = 0; click < 2; click += 1) {
    head.querySelector("button").click();
    found.push(names());
    signs.push(head.getAttribute("aria-sort"));
  }
  return { found, signs };
})()
"""
SLIDE = """
(() => {
  const slider = document.getElementById("when");
  const shown = () => [...document.querySelectorAll(".samples figure")].map((figure) => {
    const images = [...figure.querySelectorAll("img")].filter((image) => image.checkVisibility());
    return images.map((image) => image.dataset.iteration);
  });
  const found = [shown()];
  for (const value of ["0", slider.max]) {
    slider.value = value;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    found.push(shown());
  }
  return { found, output: slider.nextElementSibling.value };
})()
"""
TOGGLE = """
(() => {
  const chip = document.querySelector(".chips button[data-method='r1 gamma=1']");
  const canvas = document.querySelector("#curves [data-plot]");
  const visible = () => canvas.data.filter((trace) => trace.meta === chip.dataset.method).map((trace) => trace.visible);
  const before = visible();
  chip.click();
  return { before, after: visible(), pressed: chip.getAttribute("aria-pressed") };
})()
"""
AXE = os.environ.get("STEADYGAN_AXE")
"""The file ``axe.min.js`` of the npm package axe-core, where there is one."""

RULES = """
axe.run({ resultTypes: ["violations"] }).then(({ violations, passes }) => ({
  passed: passes.length,
  broken: violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map((node) => node.html.slice(0, 160))]),
}))
"""
GROUND = "getComputedStyle(document.body).backgroundColor"


async def examine(index, folder):
    """Everything that is asked of the page, at each width."""
    async with tab(folder) as page:
        for domain in ("Page", "Runtime", "Network", "Log"):
            await page.send(f"{domain}.enable")
        found = {}
        for width in WIDTHS:
            phone = width < 600
            await page.send(
                "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=phone
            )
            await page.send("Page.navigate", url=index.as_uri())
            await page.run(
                WAIT + "wait(() => document.readyState === 'complete' && document.getElementById('ranking'))"
            )
            before = await page.run(WIDER)
            found[width] = {
                "sections": await page.run("[...document.querySelectorAll('section')].map((s) => s.id)"),
                "drawn": await page.run(DRAW_ALL),
                "wider": [before, await page.run(WIDER)],
                "sort": await page.run(SORT),
                "slide": await page.run(SLIDE),
                "toggle": await page.run(TOGGLE),
                "bright": await page.run(GROUND),
            }
            for scheme in ("dark", "light"):
                features = [{"name": "prefers-color-scheme", "value": scheme}]
                await page.send("Emulation.setEmulatedMedia", features=features)
                found[width][scheme] = await page.run(GROUND)
                if AXE:
                    await page.run(Path(AXE).read_text() + "; 0")
                    found[width][f"rules in the {scheme}"] = await page.run(RULES)
        found["requests"] = [event["request"]["url"] for event in page.seen("Network.requestWillBeSent")]
        bad = ("error", "warning")
        found["errors"] = [
            *page.seen("Runtime.exceptionThrown"),
            *(event for event in page.seen("Runtime.consoleAPICalled") if event["type"] in bad),
            *(event for event in page.seen("Log.entryAdded") if event["entry"]["level"] in bad),
        ]
        return found


def everything(root, write_run):
    """A sweep with everything in it."""
    columns = ("loss/generator", "metric/fid", "grad_norm/generator")
    for gamma, fid in ((0.1, 7.0), (1.0, 3.0), (10.0, 5.0)):
        for seed in range(6):
            write_run(root, f"g{gamma}-{seed}", method="r1", seed=seed, finals={"fid": fid + seed / 10},
                      config={"gamma": gamma}, curves={name: [3.0, 2.0, fid] for name in columns},
                      pictures={100: (0, 0, 255), 1000: (255, 0, 0)}, provenance={"fid": {"network": "x"}})  # fmt: skip
    for seed in range(6):
        write_run(root, f"long-{seed}", method=LONG, seed=seed, finals={"fid": 9.0}, curves={"metric/fid": [9.0, 9.0]},
                  pictures={500: (9, 9, 9)}, overrides=[f"note={'x' * 300}"])  # fmt: skip
    write_run(root, "lost", method="<b>lost</b>", seed=0, status="failed", error="ValueError: " + "y" * 300)
    about = "name: all\nquestion: Does it all fit?\ncommand: steadygan sweep all\nthreshold: {fid: 5.2}\n"
    (root / "sweep.yaml").write_text(about)


@pytest.fixture(scope="module")
def browsed(tmp_path_factory):
    """``browsed(write_run)``: the page as a browser saw it, once for all tests."""

    @functools.cache
    def look(write_run):
        root = tmp_path_factory.mktemp("sweep") / "with everything"
        everything(root, write_run)
        index = report([root], console=Console(file=io.StringIO()))
        return asyncio.run(examine(index.resolve(), tmp_path_factory.mktemp("browser")))

    return look


@pytest.fixture
def seen(browsed, make_run):
    return browsed(make_run)


def test_no_errors_on_the_console(seen):
    assert seen["errors"] == []


def test_nothing_is_fetched_but_the_page(seen):
    schemes = [urlsplit(url).scheme for url in seen["requests"]]
    assert schemes.count("file") == len(WIDTHS)
    assert set(schemes) <= {"file", "data", "blob"}


@pytest.mark.parametrize("width", WIDTHS)
def test_every_section_and_every_plot_is_there(seen, width):
    assert seen[width]["sections"] == SECTIONS
    assert len(seen[width]["drawn"]) >= 5
    assert all(seen[width]["drawn"])


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_screen(seen, width):
    for wider in seen[width]["wider"]:
        assert wider == {"page": 0, "elements": []}


@pytest.mark.parametrize("width", WIDTHS)
def test_sorting(seen, width):
    ranked, ascending, descending = seen[width]["sort"]["found"]
    by_fid = ["r1 gamma=1", "r1 gamma=10", "r1 gamma=0.1", LONG, "<b>lost</b>"]
    assert ranked == ascending == by_fid
    assert descending == by_fid[::-1]
    assert seen[width]["sort"]["signs"] == ["ascending", "descending"]


@pytest.mark.parametrize("width", WIDTHS)
def test_the_slider_shows_the_iteration(seen, width):
    last, first, again = seen[width]["slide"]["found"]
    # one picture a method: the latest up to the slider's iteration, or the first there is
    assert first == [["100"], ["100"], ["100"], ["500"]]
    assert last == again == [["1000"], ["1000"], ["1000"], ["500"]]
    assert seen[width]["slide"]["output"] == "1,000"


@pytest.mark.parametrize("width", WIDTHS)
def test_a_method_can_be_hidden(seen, width):
    toggle = seen[width]["toggle"]
    assert toggle["before"]
    assert all(toggle["before"])
    assert not any(toggle["after"])
    assert toggle["pressed"] == "false"


@pytest.mark.parametrize("width", WIDTHS)
def test_the_dark_page_is_dark(seen, width):
    def light(colour):
        return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")) / 3

    assert light(seen[width]["dark"]) < 60
    assert light(seen[width]["light"]) > 200
    assert seen[width]["bright"] == seen[width]["light"]


@pytest.mark.skipif(not AXE, reason="STEADYGAN_AXE names no axe.min.js")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_accessibility_rules_hold(seen, width, scheme):
    rules = seen[width][f"rules in the {scheme}"]
    assert rules["passed"] > 20
    assert rules["broken"] == []
