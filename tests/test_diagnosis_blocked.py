"""A layer that lets nothing of the image through is found, and told from weak signals and from shortcuts."""

import keras
import numpy as np
import pytest
from made_networks import small, stripes

from vgg_lesson.architecture import build_vgg
from vgg_lesson.diagnosis import causes, cloning, examine, prescribe
from vgg_lesson.diagnosis.facts.vital_signs import network_signs
from vgg_lesson.diagnosis.subject import Subject

L = keras.layers


def network(*layers, channels=3):
    inputs = keras.Input((8, 8, channels))
    x = inputs
    for layer in layers:
        x = layer(x)
    model = keras.Model(inputs, L.Dense(4, activation="softmax")(L.Flatten()(x)))
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", jit_compile=False)
    return model


def convolution():
    return L.Conv2D(8, 3, padding="same", activation="relu", kernel_initializer="he_normal")


def with_shortcut(x):
    """A residual block as it should begin: the branch gives 0, and the image goes past it."""
    branch = L.BatchNormalization(gamma_initializer="zeros", name="last_in_branch")(convolution()(x))
    return L.Add()([x, branch])


def blocked_at(model, x, y):
    subject = Subject.of(model, x, y, None)
    layer = network_signs(subject, cloning.copy(model, subject.images, seed=0), 128).blocked_at
    return layer and layer.name


@pytest.mark.parametrize(
    ("layers", "channels"),
    [
        ([L.LayerNormalization(name="culprit")], 1),
        ([convolution(), L.BatchNormalization(gamma_initializer="zeros", name="culprit"), L.ReLU(), convolution()], 3),
        ([convolution(), L.Rescaling(0.0, offset=0.5, name="culprit"), convolution()], 3),
        ([convolution(), convolution(), L.UnitNormalization(axis=(1, 2, 3)), L.Rescaling(0.0, name="culprit")], 3),
        # each map's mean becomes 0, but for rounding, and the pooling takes the mean
        ([convolution(), L.GroupNormalization(groups=8), L.GlobalAveragePooling2D(name="culprit")], 3),
    ],
)
def test_the_layer_is_named(layers, channels):
    x, y = stripes()
    model = network(*layers, channels=channels)
    culprit = model.get_layer("culprit")
    assert blocked_at(model, x[..., :channels], y) == culprit.name


def test_what_passes_by_another_way_or_is_only_faint_is_not_blocked():
    x, y = stripes()
    assert blocked_at(small(), x, y) is None
    assert blocked_at(network(convolution(), with_shortcut), x, y) is None
    faint = build_vgg("E", width=1 / 16, head=(8,), classes=4, input_shape=(32, 32, 3))
    faint.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    assert blocked_at(faint, np.repeat(np.repeat(x, 4, axis=1), 4, axis=2), y) is None


def test_images_that_are_all_alike_are_not_the_networks_fault():
    x, y = stripes()
    assert blocked_at(small(), np.zeros_like(x) + x[:1], y) is None


def test_the_examination_names_it_with_the_layer_and_what_to_look_for():
    x, y = stripes()
    model = network(convolution(), L.BatchNormalization(gamma_initializer="zeros", name="culprit"), L.ReLU())
    report = examine(model, x, y, budget_seconds=120)
    assert report.causes == (causes.SIGNAL_BLOCKED,) and report.stuck is True
    assert "culprit (BatchNormalization)" in report.findings[0].measured and "gamma" in report.findings[0].remedy
    assert "look at culprit" in str(prescribe(report, model, x, y))


def test_a_block_that_other_start_weights_lift_is_their_fault():
    """A layer whose kernel begins at 0: all of its ReLUs are silent, and He's weights wake them."""
    x, y = stripes()
    model = network(L.Conv2D(8, 3, activation="relu", kernel_initializer="zeros", name="asleep"), convolution())
    assert blocked_at(model, x, y) == "asleep"
    assert examine(model, x, y, budget_seconds=120).cause == causes.DEAD_RELUS
