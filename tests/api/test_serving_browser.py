"""The page of ``mdio serve`` in a browser: keys, views and the read-out; needs Chromium, and aiohttp to steer it."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import threading
import time

import numpy as np
import pytest

from mdio.api.browsing import Browsed
from mdio.api.serving import SliceServer
from mdio.testing import synthetic

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SHAPE = (5, 6, 40)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on this machine")


@contextlib.contextmanager
def serving(volume):
    with SliceServer(Browsed(volume, "a.mdio")) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


class Page:
    """One page of a headless browser, by the DevTools protocol."""

    def __init__(self, socket):
        self.socket = socket
        self.number = 0
        self.errors = []

    async def call(self, method, **parameters):
        self.number += 1
        await self.socket.send_json({"id": self.number, "method": method, "params": parameters})
        while True:
            message = json.loads((await self.socket.receive(timeout=20)).data)
            if message.get("method") in {"Runtime.exceptionThrown", "Log.entryAdded"}:
                self.errors.append(message["params"])
            if message.get("id") == self.number:
                return message["result"]

    async def value(self, expression):
        answer = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, expression, expected):
        """Wait for a value; an expression that fails, as while the page loads, has none."""
        deadline = time.monotonic() + 15
        safe = f"(() => {{ try {{ return {expression}; }} catch {{ return null; }} }})()"
        while (found := await self.value(safe)) != expected:
            assert time.monotonic() < deadline, f"{expression} is {found!r}, not {expected!r}"
            await asyncio.sleep(0.02)

    async def press(self, key):
        for kind in ("keyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key)

    async def picture(self, name):
        """Save what is seen, for people who look at it: ``MDIO_TEST_PICTURES`` names a folder."""
        folder = os.environ.get("MDIO_TEST_PICTURES")
        if folder:
            import base64

            shot = await self.call("Page.captureScreenshot")
            with open(os.path.join(folder, f"{name}.png"), "wb") as file:
                file.write(base64.b64decode(shot["data"]))


def browse(folder, url, visit):
    """Run ``await visit(page)`` on a page that shows an address; nothing of the browser is left."""
    aiohttp = pytest.importorskip("aiohttp")
    arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    process = subprocess.Popen(
        [BROWSER, *arguments, f"--user-data-dir={folder}", "--remote-debugging-port=0", "--window-size=1200,800"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    async def visited():
        said = folder / "DevToolsActivePort"
        deadline = time.monotonic() + 20
        while not (said.exists() and said.read_text().count("\n")):
            assert time.monotonic() < deadline, "the browser does not start"
            await asyncio.sleep(0.05)
        port = said.read_text().split("\n")[0]
        async with aiohttp.ClientSession() as session:
            async with session.put(f"http://127.0.0.1:{port}/json/new?about:blank") as answer:
                address = (await answer.json(content_type=None))["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=0) as socket:
                page = Page(socket)
                await page.call("Runtime.enable")
                await page.call("Log.enable")
                await page.call("Page.navigate", url=url)
                await visit(page)
                assert page.errors == []
            async with session.get(f"http://127.0.0.1:{port}/json/version") as answer:
                whole = (await answer.json(content_type=None))["webSocketDebuggerUrl"]
            async with session.ws_connect(whole) as socket:
                await socket.send_json({"id": 1, "method": "Browser.close"})
                await socket.receive(timeout=10)

    try:
        asyncio.run(visited())
        process.wait(10)
    finally:
        process.kill()
        process.wait()


STATUS = "document.getElementById('status').textContent.split(' · ')[0]"
READOUT = "document.getElementById('readout').textContent"


def test_browsing(tmp_path):
    live = np.ones(SHAPE[:2], bool)
    live[2, 4] = False
    values = synthetic.formula(SHAPE)

    async def visit(page):
        await page.until(STATUS, "inline 102")
        assert await page.value("document.title") == "a.mdio · mdio"
        names = "[...document.querySelectorAll('#views button')].map((one) => one.textContent).join()"
        assert await page.value(names) == "inline,crossline,time"
        await page.picture("inline")
        # The mouse over the second trace and the third sample says what is there.
        place = "(() => { const box = document.getElementById('picture').getBoundingClientRect();"
        place += "const frame = state.drawn; return [box.left + frame.x + %g * frame.width,"
        place += "box.top + frame.y + %g * frame.height]; })()"
        x, y = await page.value(place % (1.5 / 6, 2.5 / 40))
        await page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        await page.until(READOUT, f"crossline 101, time 8 ms: {values[2, 1, 2]:g}")
        x, y = await page.value(place % (4.5 / 6, 2.5 / 40))
        await page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        await page.until(READOUT, "crossline 104, time 8 ms: no data")
        # Keys.
        await page.press("ArrowRight")
        await page.until(STATUS, "inline 103")
        await page.press("PageDown")
        await page.until(STATUS, "inline 104")
        await page.press("Home")
        await page.until(STATUS, "inline 100")
        await page.press("3")
        await page.until(STATUS, "time 80 ms")
        x, y = await page.value(place % (1.5 / 6, 4.5 / 5))  # the first line of a map is at the bottom
        await page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        await page.until(READOUT, f"crossline 101, inline 100: {values[0, 1, 20]:g}")
        await page.press("c")
        assert await page.value("document.getElementById('colours').value") == "red-white-blue"
        await page.picture("map")
        await page.press("2")
        await page.until(STATUS, "crossline 103")
        await page.press("w")
        assert await page.value("document.getElementById('wiggles').checked") is True
        await page.picture("wiggles")
        gain = await page.value("state.gain")
        await page.press("ArrowDown")
        assert await page.value("state.gain") > gain
        # A number that is typed finds the nearest line.
        typed = "(() => { const one = document.getElementById('number-crossline'); one.value = %s; one.onchange(); })()"
        await page.value(typed % 104.4)
        await page.until(STATUS, "crossline 104")
        await page.value(typed % 9999)
        await page.until(STATUS, "crossline 105")

    with serving(synthetic.volume(SHAPE, live=live)) as url:
        browse(tmp_path, url, visit)


def test_four_dimensions_and_an_error(tmp_path):
    """Every pair of axes can be shown, and what goes wrong is said."""

    async def visit(page):
        await page.until("document.querySelectorAll('#views button').length", 6)
        await page.until(STATUS, "offset 101, inline 101")
        assert await page.value("document.querySelectorAll('#sliders .row').length") == 2
        await page.picture("gather")
        await page.value("(() => { state.fixed[0] = 77; load(); })()")
        await page.until(STATUS, "plot: position 77 of offset, which has 2")
        assert await page.value("document.getElementById('status').className") == "wrong"
        page.errors.clear()  # the browser notes the refused request

    with serving(synthetic.volume((2, 3, 4, 20))) as url:
        browse(tmp_path, url, visit)
