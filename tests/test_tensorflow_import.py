"""TensorFlow's start-up notes are dropped, everything else on stderr stays; then what was asked for is done."""

import os
import subprocess
import sys
from pathlib import Path

from vgg_lesson import tensorflow_import

FAKE = """
import os
os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\\n")
os.write(2, b"I0000 port.cc:153] oneDNN custom operations are on. You may see ...\\n")
os.write(2, b"something that matters\\n")
"""
PARTS = """
from types import SimpleNamespace as Namespace
config = Namespace(list_physical_devices=lambda kind: ["a GPU, with which graphs are left alone"])
"""


def make_tensorflow(folder, program):
    """A package of that name, which runs a program when it is imported, and has what the package asks it for."""
    (folder / "tensorflow").mkdir()
    (folder / "tensorflow" / "__init__.py").write_text(PARTS + program)


def run(program, folder, **variables):
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder, env=os.environ | variables, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_notes_are_dropped_and_other_words_kept(tmp_path):
    make_tensorflow(tmp_path, FAKE + "answer = 42\n")
    done = run(
        "import vgg_lesson, sys; import tensorflow; print(tensorflow.answer); sys.stderr.write('after')", tmp_path
    )
    assert done.stdout == "42\n"
    assert done.stderr == "something that matters\nafter"


def test_where_tensorflow_may_end_the_process_its_reason_is_seen(tmp_path):
    make_tensorflow(tmp_path, FAKE + "os.abort()\n")
    program = "import vgg_lesson.tensorflow_import as quiet; quiet._may_abort = lambda: {}; import tensorflow"
    seen, lost = (run(program.format(may), tmp_path) for may in (True, False))
    assert "something that matters" in seen.stderr and seen.returncode == lost.returncode == -6
    assert "something that matters" not in lost.stderr


def test_an_old_processor_is_recognised(monkeypatch):
    for flags, old in (("fpu sse sse2", True), ("fpu sse sse2 avx avx2", False)):
        monkeypatch.setattr(Path, "read_text", lambda *_, flags=flags, **__: f"vendor_id : X\nflags : {flags}\n")
        assert tensorflow_import._may_abort() is old
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "Features : fp asimd\n")  # no x86
    assert not tensorflow_import._may_abort()


def test_a_failing_import_shows_why_and_leaves_stderr_alone(tmp_path):
    make_tensorflow(tmp_path, FAKE + "raise OSError('no such library')\n")
    done = run("import vgg_lesson; import tensorflow", tmp_path)
    assert done.returncode == 1
    assert "something that matters\n" in done.stderr
    assert "oneDNN" not in done.stderr
    assert done.stderr.endswith("OSError: no such library\n")


def test_without_tensorflow_the_error_is_the_usual_one(tmp_path):
    program = (
        "import sys, vgg_lesson; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]; import tensorflow"
    )
    assert "ModuleNotFoundError: No module named 'tensorflow'" in run(program, tmp_path).stderr


def test_without_a_stderr_it_still_imports(tmp_path):
    make_tensorflow(tmp_path, "answer = 42\n")
    program = "import vgg_lesson, os; os.close(2); import tensorflow; print(tensorflow.answer)"
    assert run(program, tmp_path).stdout == "42\n"


def test_the_real_one_is_quiet():
    done = run("import vgg_lesson, tensorflow; print(tensorflow.constant(1) + 1 == 2)", None)
    assert "True" in done.stdout
    assert done.stderr == ""


def test_the_garbage_collector_leaves_its_objects_alone(tmp_path):
    make_tensorflow(tmp_path, "things = [[number] for number in range(100_000)]\n")
    program = "import vgg_lesson, gc, tensorflow; print(len(gc.get_objects()) < 1000)"
    assert run(program, tmp_path, VGG_LESSON_SPEED="1").stdout == "True\n"
    assert run(program, tmp_path, VGG_LESSON_SPEED="0").stdout == "False\n"


def test_looking_it_up_changes_nothing(tmp_path):
    make_tensorflow(tmp_path, FAKE + "things = [[number] for number in range(100_000)]\n")
    program = (
        "import vgg_lesson, gc, importlib.util as util; util.find_spec('tensorflow'); util.find_spec('tensorflow');"
        "import tensorflow; print(len(gc.get_objects()) < 1000)"
    )
    done = run(program, tmp_path, VGG_LESSON_SPEED="1")
    assert (done.stdout, done.stderr) == ("True\n", "something that matters\n")


def test_it_leaves_the_search_once_the_module_has_run(tmp_path):
    make_tensorflow(tmp_path, "answer = 42\n")
    program = (
        "import vgg_lesson, sys; before = len(sys.meta_path); import tensorflow; print(before - len(sys.meta_path))"
    )
    assert run(program, tmp_path).stdout == "1\n"


def test_without_a_temporary_folder_it_still_imports(tmp_path):
    make_tensorflow(tmp_path, "answer = 42\n")
    program = (
        "import vgg_lesson, tempfile; tempfile.tempdir = '/nonexistent'; import tensorflow; print(tensorflow.answer)"
    )
    done = run(program, tmp_path)
    assert (done.stdout, done.stderr) == ("42\n", "")
