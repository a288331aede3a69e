"""A real JupyterLab on this computer, and its page as the tests see it.

The server gets settings, workspaces and a runtime folder of its own and serves a copy of the notebooks,
so that running a lesson changes nothing in the repository and nothing of the user's.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Locator, Page

SETTINGS = {
    # All cells in the page, also those far below: the tests look for them.
    "notebook-extension/tracker": {"windowingMode": "none"},
    # Nothing is fetched from elsewhere.
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "extensionmanager-extension/plugin": {"enabled": False},
    "docmanager-extension/plugin": {"autosave": False},
}
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
NOTEBOOKS = Path(__file__).parent.parent.parent / "notebooks"
START_SECONDS, RUN_SECONDS, ANSWER_SECONDS = 180, 480, 60


@contextmanager
def jupyterlab(folder: Path, own: Path, theme: str = "JupyterLab Light"):
    """Serve ``folder``; yields the address.

    Args:
        folder: with the notebooks.
        own: an empty folder for everything that JupyterLab writes.
        theme: "JupyterLab Light" or "JupyterLab Dark".
    """
    for name, values in (SETTINGS | {"apputils-extension/themes": {"theme": theme}}).items():
        file = own / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    environment = {name: value for name, value in os.environ.items() if name != "VGG_LESSON_DATA"} | {
        "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
        "IPYTHONDIR": str(own / "ipython"),
        # Only the drawn stand-in: no screenshot may show a pixel of CIFAR-10.
        "VGG_LESSON_CACHE": str(own / "cache"),
        "KERAS_HOME": str(own / "keras"),
    }
    port = free_port()
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ServerApp.password=",
        f"--ServerApp.root_dir={folder}",
    ]  # fmt: skip
    log = (own / "server.log").open("w")
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: answers(f"{address}/api/status", server), START_SECONDS, "JupyterLab to start")
        yield address
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


def free_port() -> int:
    """A port that is free on the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(address: str, server: subprocess.Popen) -> bool:
    """Whether an address answers with 200; raises when the server has ended."""
    if server.poll() is not None:
        raise RuntimeError(f"JupyterLab ended with status {server.returncode}")
    try:
        return urllib.request.urlopen(address, timeout=2).status == 200
    except OSError:
        return False


def wait_for(condition, seconds: float, what: str, every: float = 0.05):
    """Return the first true result of ``condition``; TimeoutError names what was waited for."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(every)
    return result


PIXELS = """async it => {
    try { await it.decode(); } catch { return ""; }
    const canvas = new OffscreenCanvas(it.naturalWidth, it.naturalHeight), context = canvas.getContext("2d");
    context.drawImage(it, 0, 0);
    const values = new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    return String(values.reduce((hash, value) => Math.imul(hash ^ value, 16777619), 2166136261));
}"""
"""JavaScript: a hash (FNV-1a) of an image's pixels; nothing while another one takes its place."""


class Lab:
    """One notebook open in JupyterLab.

    Args:
        page: Playwright's page.
        address: of the server.
        artefacts: folder for screenshots.
    """

    def __init__(self, page: Page, address: str, artefacts: Path):
        self.page, self.address, self.artefacts = page, address, artefacts

    def open_made(self, folder: Path, name: str, *cells: str) -> None:
        """Write a notebook of these code cells beside the lessons, open it, and Run All."""
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
        made = new_notebook(cells=[new_code_cell(cell.strip()) for cell in cells], metadata=kernel)
        nbformat.write(made, folder / f"{name}.ipynb")
        self.open_lesson(name)
        self.run_all()
        assert not self.errors()

    def open_lesson(self, name: str) -> None:
        """Open a notebook alone in the window, without running anything, and wait for its kernel."""
        self.page.goto(f"{self.address}/doc/tree/{name}.ipynb?reset")
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=START_SECONDS * 1000)
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """Wait until the kernel says that it is idle."""
        self.page.get_by_text(re.compile(r"Python 3.*\| Idle")).first.wait_for(timeout=START_SECONDS * 1000)

    def run_all(self, seconds: float = RUN_SECONDS) -> None:
        """Clear all outputs, Run All Cells, and wait until the last cell has its number or one has failed."""
        self.menu("Edit", "Clear Outputs of All Cells")
        wait_for(lambda: not re.search(r"\d", self.prompts()), ANSWER_SECONDS, "the outputs to go away")
        self.menu("Run", "Run All Cells")
        wait_for(self.ended, seconds, "the last cell to end", every=0.2)

    def prompts(self) -> str:
        """The prompts of all code cells that hold something: "[1]: [*]: [ ]:"."""
        written = self.page.locator(".cm-line", has_text=re.compile("."))
        cells = self.page.locator(".jp-Notebook .jp-CodeCell", has=written)
        return " ".join(cells.locator(".jp-InputPrompt").all_inner_texts()).replace("\N{NO-BREAK SPACE}", " ")

    def ended(self) -> bool:
        """Whether no cell runs or waits: all have a number, or one failed and the others were called off."""
        prompts = self.prompts()
        return "[*]" not in prompts and bool(self.errors() or "[ ]" not in prompts)

    def save(self) -> None:
        """Save the notebook, with its outputs."""
        with self.page.expect_response(lambda answer: answer.request.method == "PUT" and "/contents/" in answer.url):
            self.page.keyboard.press("Control+s")

    def reload(self) -> None:
        """Reload the page, whatever is not saved, and wait for the notebook and its kernel."""
        self.page.once("dialog", lambda dialog: dialog.accept())
        self.page.reload()
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=START_SECONDS * 1000)
        self.wait_for_kernel()

    def restart_kernel(self) -> None:
        """Kernel > Restart Kernel, confirmed."""
        self.menu("Kernel", "Restart Kernel")
        self.page.get_by_role("dialog").get_by_role("button", name="Confirm Kernel Restart").click()
        self.wait_for_kernel()

    def menu(self, *path: str) -> None:
        """Click through the menu bar; names may go on after the given words."""
        for name in path:
            self.page.get_by_role("menuitem", name=re.compile(rf"^{re.escape(name)}(…|\.\.\.)?(\s|$)")).first.click()

    def errors(self) -> list[str]:
        """Texts of error outputs, of views that the browser could not make, and of labs that say what went wrong."""
        found = self.page.locator(
            ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error'], "
            ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr'], "
            ".jp-OutputArea .jupyter-widgets-error-widget, .jp-OutputArea [role=alert]"
        )
        return [text for text in found.all_inner_texts() if text.strip()]

    def text(self) -> str:
        """Everything there is to read in the notebook."""
        return self.page.locator(".jp-Notebook").inner_text()

    def cell(self, word: str) -> Locator:
        """The code cell whose source contains a word."""
        return self.page.locator(".jp-CodeCell", has=self.page.locator(".jp-InputArea", has_text=word)).first

    def control(self, label: str, within: Locator | None = None) -> Locator:
        """The control with this visible label: what takes the focus and the keys."""
        place = within if within is not None else self.page.locator(".jp-Notebook")
        # Not .jupyter-widgets: the slider over given values does not have this class.
        named = self.page.locator(f"> .widget-label:text-is({json.dumps(label)})")
        box = place.locator(".widget-inline-hbox", has=named)
        checkbox = place.locator(".widget-checkbox", has_text=label).locator("input[type=checkbox]")
        button = place.get_by_role("button", name=label, exact=True)
        inner = box.locator("[role=slider], select, input").or_(checkbox).or_(button)
        return inner.first

    def readout(self, label: str, within: Locator | None = None) -> str:
        """What a slider shows beside it."""
        box = self.control(label, within).locator("xpath=ancestor::*[contains(@class,'widget-inline-hbox')][1]")
        return box.locator(".widget-readout").inner_text()

    def picture(self, within: Locator | None = None) -> Locator:
        """The first picture of a lab."""
        place = within if within is not None else self.page.locator(".jp-Notebook")
        return place.locator("img.widget-image").first

    def pixels(self, within: Locator | None = None) -> str:
        """A fingerprint of the picture that is shown; its ``src`` is new with every message, also for the same one."""
        return wait_for(lambda: self.picture(within).evaluate(PIXELS), ANSWER_SECONDS, "a picture")

    def wait_for_picture_change(self, before: str, within: Locator | None = None) -> str:
        """Wait until a lab shows another picture than ``before`` (its ``pixels``); returns the new ``pixels``."""
        return wait_for(lambda: (now := self.pixels(within)) != before and now, ANSWER_SECONDS, "the picture to change")

    @contextmanager
    def whole(self):
        """Meanwhile the window is as high as the notebook, so that all of it is visible."""
        panels = "[...document.querySelectorAll('.jp-Notebook, .jp-Notebook [class*=jp-WindowedPanel]')]"
        height = self.page.evaluate(f"Math.max(900, ...{panels}.map(panel => panel.scrollHeight)) + 120")
        usual = self.page.viewport_size
        self.page.set_viewport_size({"width": usual["width"], "height": min(int(height), 16000)})
        # After Run All the notebook stands at its last cell, and the window would show white below it.
        self.page.evaluate(f"{panels}.forEach(panel => panel.scrollTop = 0)")
        self.page.wait_for_timeout(300)
        yield
        self.page.set_viewport_size(usual)

    def screenshot(self, name: str) -> Path:
        """Keep the whole notebook as a picture for a person to look at."""
        path = self.artefacts / f"{name}.png"
        self.artefacts.mkdir(parents=True, exist_ok=True)
        with self.whole():
            self.page.screenshot(path=path)
        return path
