"""What all labs share: tooltips that can be seen, and drawing in several threads."""

import threading

import pytest

from vgg_lesson.plots import style
from vgg_lesson.widgets.common import PicturePanel, choice, hinted, int_slider, step_slider, switch

MADE, _ = style.figure()


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


@pytest.mark.parametrize("work", [style.figure, lambda: style.to_jpeg(MADE)])
def test_only_one_thread_at_a_time_changes_matplotlibs_settings(work):
    """Two in the wrong order would leave the labs' style to the notebook's own plots."""
    thread = threading.Thread(target=work, daemon=True)
    with style._DRAWING:
        thread.start()
        thread.join(0.5)
        assert thread.is_alive(), "it did not wait for its turn"
    thread.join(60)
    assert not thread.is_alive()


def test_powers_of_ten_are_written_out_without_formulas():
    made, axes = style.figure()
    axes.loglog([1e-12, 1, 10], [1e3, 1e-1, 1])
    write = axes.yaxis.get_major_formatter()
    assert [write(value, 0) for value in (1e-12, 1e-1, 1, 1e3)] == ["10⁻¹²", "10⁻¹", "10⁰", "10³"]
    assert axes.xaxis.get_major_formatter()(1e-7, 0) == "10⁻⁷"


def test_a_panel_without_a_picture_hides_its_image():
    panel = PicturePanel(100)
    assert panel.image.layout.visibility == "hidden"
    panel.show(style.Picture(MADE, "one axes"))
    assert panel.image.layout.visibility is None and panel.image.tooltip == "one axes"
    panel.clear()
    assert panel.image.layout.visibility == "hidden" and not panel.text and not panel.words.value


def test_a_new_picture_is_one_message(monkeypatch):
    """With a second one the browser would show the picture twice, and who waits for it would go on too early."""
    panel, sent = PicturePanel(100), []
    panel.show(style.Picture(style.figure()[0], "first"))
    monkeypatch.setattr(panel.image, "send_state", lambda key=None: sent.append(set(key)))
    panel.show(style.Picture(style.figure(3, 2)[0], "second"))
    assert sent == [{"value", "width", "tooltip"}]
