"""The labs of lesson 4, driven as a learner drives them: set a control, wait, read the words."""

import keras
import numpy as np
import pytest

from vgg_lesson.explain import Network, map_layers
from vgg_lesson.outputs import Outputs
from vgg_lesson.plots.answers import draw_cell
from vgg_lesson.plots.confidence import draw_reliability, draw_selection
from vgg_lesson.widgets import evaluation, explanation

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog")


def outputs(name: str, seed: int, *, images=False) -> Outputs:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 6, 300)
    logits = rng.normal(size=(300, 6)) + 1.5 * np.eye(6)[labels]
    soft = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Outputs(name, soft, labels, NAMES, rng.integers(0, 256, (300, 8, 8, 3), np.uint8) if images else None)


ONE, TWO = outputs("one", 1), outputs("two", 2, images=True)


def test_every_control_has_a_label_a_tooltip_and_every_lab_a_goal(model):
    labs = [
        evaluation.confusion_explorer(ONE),
        evaluation.calibration_explorer(ONE),
        evaluation.threshold_explorer(ONE),
        explanation.grad_cam_explorer(Network(model, TWO, prepare)),
        explanation.feature_map_explorer(Network(model, TWO, prepare)),
    ]
    for lab in labs:
        assert lab.children[0].value.startswith("<p"), "the goal comes first"
        assert "Goal." in lab.children[0].value
        assert bytes(lab.panel.image.value).startswith(b"\xff\xd8"), "the first picture is there at once"
        for control in lab.controls.values():
            assert control.description
            assert control.tooltip
            assert control.tooltip != control.description


def test_confusion_explorer_opens_for_two_classes():
    two = Outputs(
        "two classes",
        ONE.probabilities[:, :2] / ONE.probabilities[:, :2].sum(axis=1, keepdims=True),
        ONE.labels % 2,
        NAMES[:2],
    )
    assert evaluation.confusion_explorer(two).values["true"] == 1


def test_confusion_explorer_shows_the_chosen_cell_of_the_chosen_network():
    lab = evaluation.confusion_explorer(ONE, TWO)
    assert lab.text == draw_cell(ONE, 3, 5).text
    lab.controls["true"].value = 0
    lab.controls["predicted"].value = 2
    lab.wait()
    assert lab.text == draw_cell(ONE, 0, 2).text
    lab.controls["network"].value = "two"
    lab.wait()
    assert lab.text == draw_cell(TWO, 0, 2).text
    shown = lab.compute(**lab.values).figure.axes[1].images
    assert len(shown) == min(12, len(TWO.cell(0, 2))), "network two has images"
    assert lab.text in lab.panel.words.value


def test_calibration_explorer_applies_the_temperature_and_keeps_the_accuracy():
    lab = evaluation.calibration_explorer(ONE)
    first = lab.text
    lab.controls["temperature"].value = 2.0
    lab.wait()
    assert lab.text == draw_reliability(ONE, 2.0).text != first
    assert f"right {100 * ONE.right.mean():.1f}%" in first
    assert f"right {100 * ONE.right.mean():.1f}%" in lab.text


@pytest.mark.parametrize("threshold", evaluation.THRESHOLDS[::10])
def test_threshold_explorer(threshold):
    lab = evaluation.threshold_explorer(ONE)
    lab.controls["threshold"].value = threshold
    lab.wait()
    assert lab.text == draw_selection(ONE, threshold).text


def test_names_must_differ():
    with pytest.raises(ValueError, match=r"different names, received \['one', 'one'\]"):
        evaluation.confusion_explorer(ONE, ONE)
    other = ONE._replace(name="other", class_names=tuple("abcdefghij"[: len(ONE.class_names)]))
    with pytest.raises(ValueError, match="the same classes, received"):
        evaluation.confusion_explorer(ONE, other)
    with pytest.raises(ValueError, match="at least one network"):
        evaluation.threshold_explorer()


def prepare(images):
    return images.astype(np.float32) / 255


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="first"),
            keras.layers.MaxPooling2D(2, name="pool"),
            keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="second"),
            keras.layers.Flatten(),
            keras.layers.Dense(6, activation="softmax", name="out"),
        ]
    )


def test_grad_cam_explorer_answers_what_is_asked(model):
    lab = explanation.grad_cam_explorer(Network(model, TWO, prepare))
    answered = int(np.asarray(model(prepare(TWO.images[:1])))[0].argmax())
    assert f"the network answers {NAMES[answered]}" in lab.text
    assert f"The image shows {NAMES[TWO.labels[0]]}" in lab.text
    seen = {lab.text}
    for name, value in (("image", 7), ("maps", 0), ("target", 1), ("trained", False)):
        lab.controls[name].value = value
        lab.wait()
        assert lab.text not in seen, name
        seen.add(lab.text)
    assert "evidence for automobile" in lab.text
    assert f"The image shows {NAMES[TWO.labels[7]]}" in lab.text


def test_grad_cam_explorer_numbers_are_the_networks(model):
    picture = explanation.explain_image(model, TWO.images[3], prepare, "second", 2, NAMES, "cat")
    whole, covered = (
        TWO.images[3],
        [image.get_array() for image in (axes.images[0] for axes in picture.figure.axes[2:])],
    )
    for shown in (whole, *covered):
        probability = float(np.asarray(model(prepare(np.asarray(shown)[None])))[0, 2])
        assert f"{100 * probability:.1f}%" in picture.text


def test_words_about_a_map_without_evidence(model):
    silent = keras.models.clone_model(model)
    silent.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    picture = explanation.explain_image(silent, TWO.images[3], prepare, "second", 2, NAMES, "cat")
    assert f"shows no evidence for {NAMES[2]}, which gets" in picture.text and "With a random quarter" in picture.text
    below = [axes.get_xlabel() for axes in picture.figure.axes]
    assert below[2].startswith("random quarter covered") and below[3].startswith("another quarter covered")
    assert not any("hottest" in words for words in (picture.text, *below))


def test_feature_map_explorer_walks_through_the_layers(model):
    lab = explanation.feature_map_explorer(Network(model, TWO, prepare))
    for layer in map_layers(model):
        lab.controls["layer"].value = layer
        lab.wait()
        assert f"Layer {layer} gives 6 maps" in lab.text


def test_labs_that_need_images_say_so(model):
    with pytest.raises(ValueError, match="outputs of 'one' have none"):
        explanation.grad_cam_explorer(Network(model, ONE, prepare))
    with pytest.raises(ValueError, match=r"different names, received \['two', 'two'\]"):
        explanation.feature_map_explorer(Network(model, TWO, prepare), Network(model, TWO, prepare))
    other = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, name="alone"), keras.layers.Flatten()])
    three = Network(other, outputs("three", 3, images=True), prepare)
    with pytest.raises(ValueError, match=r"must share names of layers, received .*'three': \['alone'\]"):
        explanation.feature_map_explorer(Network(model, TWO, prepare), three)


def test_of_different_networks_the_common_layers_are_offered(model):
    """The learner's network has five blocks, the headline model four."""
    shorter = keras.Sequential([keras.Input((8, 8, 3)), *keras.models.clone_model(model).layers[:2]])
    common = [layer.name for layer in shorter.layers]
    other = Network(shorter, outputs("three", 3, images=True), prepare)
    for networks in ((other, Network(model, TWO, prepare)), (Network(model, TWO, prepare), other)):
        lab = explanation.feature_map_explorer(*networks)
        assert list(lab.controls["layer"].options) == common


def test_a_second_network_is_looked_into(model):
    """Its maps may have other sizes; the slider then stops at its last."""
    keras.utils.set_random_seed(2)
    ending = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(6, activation="softmax")]
    other = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, name="alone"), *ending])
    three = Network(other, outputs("three", 3, images=True), prepare)
    lab = explanation.grad_cam_explorer(Network(model, TWO, prepare), three)
    lab.controls["network"].value = "three"
    lab.wait()
    assert "layer alone (6 × 6)" in lab.text
    assert f"The image shows {NAMES[three.outputs.labels[0]]}" in lab.text


def test_an_error_in_a_lab_is_shown_and_raised_again(model):
    def broken(images):
        raise RuntimeError("prepare is broken")

    lab = explanation.feature_map_explorer(Network(model, TWO, prepare))
    lab.compute = lambda **values: broken(None)
    lab.controls["image"].value = 1
    with pytest.raises(RuntimeError, match="prepare is broken"):
        lab.wait()
    assert "prepare is broken" in lab.message.value
