"""Chromium and JupyterLab for the tests of this folder; `make browser-test` installs what they need."""

import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from lab_page import CHROMIUM_FLAGS, NOTEBOOKS, Lab, jupyterlab
from latency import Table
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """Where screenshots are kept; git ignores it."""
    return HERE / "artefacts"


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, without a window."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "Chromium is needed: apt install chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """A copy of the lessons, with what they link to; tests may put notebooks of their own beside them."""
    folder = tmp_path_factory.mktemp("served")
    if NOTEBOOKS.is_dir():
        shutil.copytree(NOTEBOOKS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    return folder


@pytest.fixture(scope="session")
def server(folder, tmp_path_factory):
    """The address of a JupyterLab that serves the copy."""
    with jupyterlab(folder, tmp_path_factory.mktemp("own")) as address:
        yield address


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.failed_in_call = outcome.get_result().failed


@pytest.fixture(scope="session")
def dark_server(folder, tmp_path_factory):
    """The same in JupyterLab's dark theme."""
    with jupyterlab(folder, tmp_path_factory.mktemp("dark"), "JupyterLab Dark") as address:
        yield address


@pytest.fixture
def lab(browser, server, artefacts, request):
    """A fresh window in which a lesson can be opened; its kernel ends with the test.

    A failed test leaves a screenshot.
    """
    with window(browser, server, artefacts, request.node) as lab:
        yield lab


@pytest.fixture
def dark_lab(browser, dark_server, artefacts, request):
    """As ``lab``, dark."""
    with window(browser, dark_server, artefacts, request.node) as lab:
        yield lab


@contextmanager
def window(browser, address, artefacts, test):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    yield Lab(page, address, artefacts)
    if getattr(test, "failed_in_call", False):
        artefacts.mkdir(exist_ok=True)
        page.screenshot(path=artefacts / f"failed-{test.name}.png")
    for session in page.request.get(f"{address}/api/sessions").json():
        page.request.delete(f"{address}/api/sessions/{session['id']}")
    context.close()


@pytest.fixture(scope="session")
def latencies(artefacts):
    """The table of what was measured, written to ``latency.txt`` line by line."""
    artefacts.mkdir(exist_ok=True)
    return Table(artefacts / "latency.txt")


@pytest.fixture(scope="session")
def axe() -> Path:
    """axe-core's script."""
    script = HERE / "node_modules" / "axe-core" / "axe.min.js"
    assert script.exists(), "axe-core is needed: npm install --prefix tests/browser"
    return script
