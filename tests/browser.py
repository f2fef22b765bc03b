"""A page in headless Chromium, driven through a pair of pipes: no package beside the browser."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress

PROGRAM = next(
    (p for p in ("chromium", "chromium-browser", "google-chrome") if shutil.which(p)), None
)
PATIENCE = 60
"""Seconds that one answer may take: machines that run tests are busy."""

# What makes a page wider than its window, and is not inside something that scrolls by itself.
TOO_WIDE = """
(() => {
  const width = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth <= width + 1) return found;
  for (const each of document.body.querySelectorAll('*')) {
    const box = each.getBoundingClientRect();
    if (box.width && box.right > width + 1) found.push(each.tagName + '.' + each.className);
  }
  return found.length ? found.slice(0, 5) : ['the page'];
})()
"""

# Texts whose contrast with what is behind them is below that of WCAG's AA for large text.
ILLEGIBLE = """
(() => {
  document.getAnimations().forEach(each => each.finish());
  const channel = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const parsed = text => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const over = (top, under) => top.slice(0, 3).map((v, i) => v * top[3] + under[i] * (1 - top[3]));
  const behind = each => {
    const layers = [];
    for (let e = each; e; e = e.parentElement) {
      const c = parsed(getComputedStyle(e).backgroundColor);
      if (c[3] > 0) layers.push(c);
      if (c[3] >= 0.999) break;
    }
    const dark = matchMedia('(prefers-color-scheme: dark)').matches;
    return layers.reverse().reduce((under, top) => over(top, under), dark ? [18, 18, 18] : [255, 255, 255]);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), each = walker.currentNode.parentElement;
    if (!text || !each.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    if (each.closest('script, style, noscript, svg, [aria-hidden=true]')) continue;
    const box = each.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    const under = behind(each), ink = over(parsed(getComputedStyle(each).color), under);
    const [a, b] = [light(ink), light(under)];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 3) found.push(contrast.toFixed(2) + ' ' + text.slice(0, 40));
  }
  return found.slice(0, 5);
})()
"""

WITHOUT_WORDS = """
[...document.images].filter(i => !i.alt.trim() && i.getAttribute('role') !== 'presentation')
  .map(i => i.src.slice(0, 80))
"""

BROKEN = (
    "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src.slice(0, 80))"
)


class Browser:
    """Headless Chromium with one page."""

    def __init__(self):
        self._folder = tempfile.mkdtemp(prefix="ae_core-browser-")
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        options = [
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--no-first-run", "--disable-background-networking", "--disable-extensions"),
            *("--hide-scrollbars", f"--user-data-dir={self._folder}", "--remote-debugging-pipe"),
        ]
        # It listens on file 3 and answers on file 4.
        call = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}'
        self._process = subprocess.Popen(
            ["bash", "-c", call, PROGRAM, *options, "about:blank"],
            pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._rest, self._number, self._session = b"", 0, None
        self.events = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method, **params):
        """A command's result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def _next(self):
        until = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0, until - time.monotonic()))
            assert ready, "the browser does not answer"
            piece = os.read(self._read, 1 << 20)
            assert piece, "the browser has ended"
            self._rest += piece
        first, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(first)
        if "method" in message:
            self.events.append(message)
        return message

    def open(self, url, *, width=1400, height=900, dark=False):
        """Open a page, of that width, and wait until it has loaded."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        self.resize(width, height)
        self.events = []
        self.send("Page.navigate", url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._next()
        self.run("new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))")

    def resize(self, width, height=900):
        """Make the window that wide."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def run(self, expression):
        """What a JavaScript expression is on the page."""
        found = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait_for(self, expression):
        """Wait until a JavaScript expression is true, and give its value."""
        until = time.monotonic() + PATIENCE
        while not (value := self.run(expression)):
            assert time.monotonic() < until, f"never: {expression}"
            time.sleep(0.05)
        return value

    @property
    def errors(self):
        """What the page has complained of on the console since it was opened."""
        found = []
        for event in self.events:
            params = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(params["exceptionDetails"].get("text", "exception"))
            elif event["method"] == "Runtime.consoleAPICalled" and params["type"] == "error":
                found.append(str([each.get("value") for each in params["args"]]))
            elif event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
                found.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        return found

    @property
    def requests(self):
        """The addresses that were asked for since the page was opened."""
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def picture(self, path):
        """The whole page as a PNG."""
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        clip = {
            "x": 0,
            "y": 0,
            "width": size["width"],
            "height": min(size["height"], 6000),
            "scale": 1,
        }
        data = self.send("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self):
        """End the browser."""
        self._session = None
        with suppress(AssertionError, OSError):
            self.send("Browser.close")
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()
        os.close(self._read)
        os.close(self._write)
        shutil.rmtree(self._folder, ignore_errors=True)
