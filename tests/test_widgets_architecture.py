"""Lesson 2's labs, moved as a learner moves them; numbers against layer_table's twin and the definitions."""

import re
import subprocess
import sys

import ipywidgets
import numpy as np
import pytest

from vgg_lesson.configurations import CONFIGURATIONS, count_layers
from vgg_lesson.convolution import KERNELS, convolve, grey
from vgg_lesson.widgets.architecture import ArchitectureExplorer, architecture_explorer, explore, table
from vgg_lesson.widgets.convolution import OWN, ConvolutionByHand, stack_explorer

IMAGES = np.random.default_rng(0).integers(0, 256, size=(2, 8, 10, 3), dtype=np.uint8)


def controls_in(widget):
    """All controls inside, in the order in which the Tab key reaches them."""
    found = []
    for child in getattr(widget, "children", ()):
        found += (
            [child] if isinstance(child, ipywidgets.ValueWidget) and hasattr(child, "tooltip") else controls_in(child)
        )
    return [control for control in found if not isinstance(control, ipywidgets.Image | ipywidgets.HTML)]


@pytest.mark.parametrize("make", [architecture_explorer, stack_explorer, lambda: ConvolutionByHand(IMAGES, ["a", "b"])])
def test_every_control_has_a_label_and_a_tooltip(make):
    lab = make()
    controls = controls_in(lab)
    assert len({control.description for control in controls}) == len(controls) >= 2
    assert all(control.description and control.tooltip for control in controls)
    assert "Goal." in lab.children[0].value
    assert bytes(lab.panel.image.value).startswith(b"\xff\xd8")
    assert lab.text in lab.panel.words.value.replace("&#x27;", "'")


# --- architecture


def cells(html):
    rows = re.findall(r"<tr.*?</tr>", html, re.DOTALL)
    return [[re.sub("<.*?>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows]


@pytest.mark.parametrize(
    "moves",
    [
        {"configuration": "E"},
        {"configuration": "A-LRN", "batch_norm": True},
        {"side": 224, "configuration": "C"},
        {"width": 1 / 8, "head": ()},
        {"width": 1 / 4, "head": (128, 128), "configuration": "D"},
    ],
)
def test_explorer_shows_what_is_chosen(moves):
    lab = architecture_explorer()
    for name, value in moves.items():
        lab.controls[name].value = value
    lab.wait()
    chosen = {"configuration": "D", "side": 32, "width": 1.0, "head": (4096, 4096), "batch_norm": False, **moves}
    assert lab.values == chosen
    side = chosen.pop("side")
    rows = count_layers(**chosen, input_shape=(side, side, 3), classes=10 if side == 32 else 1000)
    parameters, work = sum(r.parameters for r in rows), sum(r.multiply_adds for r in rows)
    assert f"{parameters:,} parameters, {work:,} multiply-adds" in lab.text
    head, *lines, sums = cells(lab.table.value)
    assert [line[0] for line in lines] == [row.name for row in rows]
    assert [line[3] for line in lines] == [f"{row.parameters:,}" for row in rows]
    assert [line[4] for line in lines] == [f"{row.multiply_adds:,}" for row in rows]
    assert [line[2] for line in lines] == [" × ".join(map(str, row.output_shape)) for row in rows]
    assert lines[0][6] == "3 × 3" and lines[-1][6] == "whole image"
    assert (sums[3], sums[4]) == (f"{parameters:,}", f"{work:,}")
    assert len(head) == len(sums) == 7


@pytest.mark.parametrize("letter", CONFIGURATIONS)
def test_weight_layers_are_counted(letter):
    layers = CONFIGURATIONS[letter].weight_layers
    for head in ((), (128, 128), (4096, 4096)):
        text = explore(letter, 32, 1.0, head, False).text
        assert f"VGG-{letter}, 32 × 32, {layers - 2 + len(head)} weight layers" in text


def test_table_scrolls_by_keyboard_and_names_its_columns():
    html = table(count_layers("A"))
    assert "tabindex='0'" in html and "aria-label=" in html
    assert html.count("scope='col'") == 7


def test_goal_of_the_explorer_can_be_reached_with_its_controls():
    lab = architecture_explorer()

    def read(width, head):
        lab.controls["width"].value, lab.controls["head"].value = width, head
        lab.wait()
        numbers = re.search(r": ([\d,]+) parameters, ([\d,]+) multiply-adds", lab.text).groups()
        held = re.search(r"fully connected layers hold (\d+|under 0\.1|0\.\d)%", lab.text)
        return *(int(number.replace(",", "")) for number in numbers), float(held[1].removeprefix("under "))

    for whole, half in zip(read(1.0, ())[:2], read(1 / 2, ())[:2], strict=True):
        assert half / whole == pytest.approx(1 / 4, abs=0.01)
    heads = ((), (128, 128), (512, 512), (4096, 4096))
    assert [read(1.0, head)[2] > 50 for head in heads] == [False, False, False, True]
    assert [read(1 / 8, head)[2] > 50 for head in heads] == [False, False, True, True]


def test_goal_of_the_explorer_does_not_tell_the_answer_of_the_exercise():
    from vgg_lesson.checks.lesson2 import LIMITS

    goal = architecture_explorer().children[0].value
    assert f"{LIMITS['parameters'][1]:,}" not in goal and "three fully connected" not in goal


def test_goal_of_the_convolution_can_be_reached_but_for_the_border(by_hand):
    """One brightness gives 0 inside the image; on the zeros of the padding it does not, and the goal says so."""
    slanted = np.array(((0, 1, 2), (-1, 0, 1), (-2, -1, 0)), float)
    outputs = convolve(np.full((6, 6), 0.5), slanted)
    assert not outputs[1:-1, 1:-1].any() and outputs[0].any()
    assert "border" in by_hand.children[0].value


def test_an_error_is_shown_in_words(monkeypatch):
    lab = ArchitectureExplorer()
    shown = lab.text

    def broken(**values):
        raise ValueError("no such network")

    lab.compute = broken
    lab.controls["batch_norm"].value = True
    with pytest.raises(ValueError, match="no such network"):
        lab.wait()
    assert "ValueError: no such network" in lab.message.value
    lab.compute = explore
    lab.controls["batch_norm"].value = False
    lab.wait()
    assert lab.message.value == "" and lab.text == shown


# --- convolution by hand


@pytest.fixture
def by_hand():
    return ConvolutionByHand(IMAGES, ["first", "second"])


def total(lab):
    return float(re.search(r"= ([\N{MINUS SIGN}\d.]+)", lab.text)[1].replace("\N{MINUS SIGN}", "-"))


def test_cell_and_image_are_followed(by_hand):
    by_hand.controls["row"].value, by_hand.controls["column"].value = 0, 9
    by_hand.controls["number"].value = 1
    by_hand.wait()
    expected = convolve(grey(IMAGES[1]), KERNELS["vertical edges"])[0, 9]
    assert "Output at row 0, column 9" in by_hand.text
    assert total(by_hand) == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize("name", KERNELS)
def test_presets_fill_the_nine_fields(by_hand, name):
    by_hand.preset.value = name
    by_hand.wait()
    assert by_hand.values["kernel"] == tuple(np.ravel(KERNELS[name]))
    assert by_hand.preset.value == name
    assert total(by_hand) == pytest.approx(convolve(grey(IMAGES[0]), KERNELS[name])[4, 5], abs=0.006)


def test_an_edited_weight_is_the_learners_own(by_hand):
    by_hand.weights[4].value = 7
    by_hand.wait()
    assert by_hand.preset.value == OWN
    kernel = np.array(KERNELS["vertical edges"], float)
    kernel[1, 1] = 7
    assert total(by_hand) == pytest.approx(convolve(grey(IMAGES[0]), kernel)[4, 5], abs=0.006)
    by_hand.weights[4].value = 0
    by_hand.wait()
    assert by_hand.preset.value == "vertical edges"


def test_choosing_your_own_changes_nothing(by_hand):
    by_hand.preset.value = OWN
    by_hand.wait()
    assert by_hand.values["kernel"] == tuple(np.ravel(KERNELS["vertical edges"]))


def test_one_preset_is_one_picture(by_hand, monkeypatch):
    drawn = []
    compute = by_hand.compute
    by_hand.compute = lambda **values: drawn.append(values["kernel"]) or compute(**values)
    by_hand.preset.value = "blur"
    by_hand.wait()
    assert set(drawn) == {(1,) * 9}
    assert len(drawn) == 1


def test_relu_is_applied(by_hand):
    by_hand.controls["relu"].value = True
    by_hand.wait()
    assert "after ReLU" in by_hand.text


# --- stack


def test_stack_follows_its_sliders():
    lab = stack_explorer()
    lab.controls["layers"].value = 5
    lab.controls["channels"].value = 16
    lab.wait()
    assert "11 × 11 pixels" in lab.text and f"{5 * (9 * 16 * 16 + 16):,} parameters" in lab.text


def test_labs_need_no_tensorflow():
    """They answer at once because they only do arithmetic."""
    program = (
        "import sys, vgg_lesson.widgets.architecture, vgg_lesson.widgets.convolution, vgg_lesson.checks.lesson2;"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "False", done.stderr
