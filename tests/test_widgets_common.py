"""What all labs share: tooltips that can be seen, and drawing in several threads."""

import threading

import matplotlib
import pytest

from vgg_lesson.plots.style import figure, to_png
from vgg_lesson.widgets.common import choice, hinted, int_slider, step_slider, switch


def test_a_list_keeps_its_tooltip_to_itself_and_gets_a_box_that_shows_it():
    made = choice("Kind", [1, 2], 1, "tip")
    box = hinted(made)
    assert box.children == (made,) and box.tooltip == "tip"
    assert box.get_state()["description"] == "", "without it the browser shows no box at all"


@pytest.mark.parametrize(
    "made", [int_slider("Points", 1, 0, 5, "tip"), step_slider("Depth", [1, 2], 1, "tip"), switch("Grid", True, "tip")]
)
def test_other_controls_need_no_box(made):
    assert hinted(made) is made and made.tooltip == "tip"


def test_controls_are_made_without_a_deprecated_argument(recwarn):
    choice("Kind", [1, 2], 1, "tip")
    assert not [warning for warning in recwarn if issubclass(warning.category, DeprecationWarning)]


def test_threads_that_draw_at_once_leave_matplotlibs_settings_alone():
    before = dict(matplotlib.rcParams)

    def draw():
        for _ in range(10):
            made, axes = figure(1, 1)
            axes.plot([0, 1])
            to_png(made)

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert dict(matplotlib.rcParams) == before


def test_powers_of_ten_are_written_out_without_formulas():
    made, axes = figure()
    axes.loglog([1e-12, 1, 10], [1e3, 1e-1, 1])
    write = axes.yaxis.get_major_formatter()
    assert [write(value, 0) for value in (1e-12, 1e-1, 1, 1e3)] == ["10⁻¹²", "10⁻¹", "10⁰", "10³"]
    assert axes.xaxis.get_major_formatter()(1e-7, 0) == "10⁻⁷"
