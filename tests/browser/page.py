"""Opens a page that `gazelens html` wrote in a headless Chromium, clicks through it as a person would, and prints what it saw as JSON.

Talks to the browser over a pipe (--remote-debugging-pipe): nothing but Python's own library, no network, no port.

Usage: page.py CHROMIUM PAGE.html [SCREENSHOT_PREFIX]
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time


class Browser:
    """Messages to and from one tab."""

    def __init__(self, program, profile):
        to_browser, self.out = os.pipe()
        self.inp, from_browser = os.pipe()

        def place():
            # The browser reads from 3 and writes to 4.
            os.dup2(to_browser, 20)
            os.dup2(from_browser, 21)
            os.dup2(20, 3)
            os.dup2(21, 4)

        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--window-size=1200,1000",
                 "--disable-background-networking", "--no-first-run", f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen([program, *flags], preexec_fn=place, close_fds=False,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.number = 0
        self.session = None
        self.rest = b""
        self.events = []

    def receive(self):
        while b"\0" not in self.rest:
            part = os.read(self.inp, 1 << 16)
            if not part:
                raise SystemExit("the browser has gone")
            self.rest += part
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def value(self, script):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise SystemExit(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def click(self, selector):
        """Presses the mouse in the middle of an element."""
        box = self.value(f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center'}});"
                         " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()")
        self.at(box)

    def at(self, point):
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"]:
            self.call("Input.dispatchMouseEvent", type=kind, x=point[0], y=point[1], button="left", clickCount=1)

    def key(self, name):
        for kind in ["keyDown", "keyUp"]:
            codes = {"ArrowRight": 39, "ArrowLeft": 37, "Home": 36}
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=codes[name])

    def picture(self, path):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))


# A number that changes with the canvas.
INK = ("(() => { const c = document.getElementById('photo'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
       " let s = 0; for (let i = 0; i < d.length; i++) s = (s * 31 + d[i]) % 1000003; return s; })()")
STATE = "({caption: document.getElementById('caption').textContent, high: document.getElementById('high').textContent, ink: %s})" % INK


def main():
    program, page = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    prefix = sys.argv[3] if len(sys.argv) > 3 else None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            target = browser.call("Target.createTarget", url="about:blank")["targetId"]
            browser.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ["Page", "Runtime", "Network", "Log"]:
                browser.call(f"{domain}.enable")
            browser.call("Page.navigate", url=page.as_uri())
            for _ in range(200):
                if browser.value("document.body && document.body.dataset.ready") == "yes":
                    break
                time.sleep(0.1)
            else:
                raise SystemExit("the page was not ready within 20 s")
            seen = {"start": browser.value(STATE)}
            has_strip = browser.value("!document.getElementById('answer').hidden")
            if has_strip:
                words = browser.value("[...document.querySelectorAll('#strip button')].map(b => b.textContent)")
                seen["words"] = words
                browser.click("#strip button:nth-child(3)")
                seen["word"] = browser.value(STATE)
                seen["candidates"] = browser.value("document.getElementById('candidates').textContent")
                browser.key("ArrowRight")
                seen["next_word"] = browser.value(STATE)
                browser.click("#layer")
                seen["layer"] = browser.value(STATE)
                seen["layer_value"] = browser.value("document.getElementById('layer-value').textContent")
                browser.value("document.getElementById('head').focus()")
                browser.key("ArrowRight")
                seen["head"] = browser.value(STATE)
                browser.click("#shared")
                seen["shared"] = browser.value(STATE)
            browser.click("#photo")
            seen["patch"] = browser.value("document.getElementById('patch').textContent")
            if prefix:
                browser.picture(prefix + "_light.png")
                browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
                browser.picture(prefix + "_dark.png")
            if browser.value("!document.getElementById('vision').disabled"):
                browser.click("#vision")
                seen["vision"] = browser.value(STATE)
            seen["kept"] = browser.value("[...document.querySelectorAll('#kept li')].map(l => l.textContent)")
            requests = [e["params"]["request"]["url"] for e in browser.events if e.get("method") == "Network.requestWillBeSent"]
            seen["requests"] = [url for url in requests if not url.startswith(("file:", "data:", "blob:"))]
            thrown = [e["params"] for e in browser.events if e.get("method") == "Runtime.exceptionThrown"]
            logged = [e["params"] for e in browser.events if e.get("method") == "Log.entryAdded"]
            # Reading the canvas back, which this script does, earns a warning.
            seen["errors"] = thrown + [entry for entry in logged if entry["entry"]["level"] == "error"]
            print(json.dumps(seen))
        finally:
            browser.process.kill()
            browser.process.wait()


main()
