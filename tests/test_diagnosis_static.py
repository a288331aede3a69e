"""Static facts and rules: each fault on a tiny network is named, and its sound twin is not."""

import keras
import numpy as np
import pytest
from made_networks import Undeclared

from vgg_lesson.diagnosis import causes, cloning
from vgg_lesson.diagnosis.facts import learning_rates
from vgg_lesson.diagnosis.facts.array_facts import distance, image_facts, label_facts
from vgg_lesson.diagnosis.facts.batches import batches
from vgg_lesson.diagnosis.facts.gathered import gather
from vgg_lesson.diagnosis.facts.loss_and_output import loss_facts
from vgg_lesson.diagnosis.rules import rules_weights, suspicions
from vgg_lesson.diagnosis.rules.rules_arrays import class_imbalance
from vgg_lesson.diagnosis.rules.static import static_findings
from vgg_lesson.diagnosis.rules.suspicion import variation_of
from vgg_lesson.diagnosis.subject import Labels, Subject
from vgg_lesson.diagnosis.trials.training_loop import Trainer
from vgg_lesson.diagnosis.variation import Variation

LOSS = "sparse_categorical_crossentropy"


def tiny(*last, bias=True):
    layers = list(last) or [keras.layers.Dense(4, activation="softmax", use_bias=bias, name="out")]
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, activation="relu", name="conv"),
            keras.layers.Flatten(),
            *layers,
        ],
        name="tiny",
    )


def data(count=200, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 4
    rng.shuffle(y)
    return rng.uniform(0, 1, (count, 8, 8, 3)).astype(np.float32), y


def static(
    model=None,
    x=None,
    y=None,
    loss="sparse_categorical_crossentropy",
    metrics=("accuracy",),
    optimizer="adam",
    **options,
):
    images, numbers = data()
    model = model or tiny()
    model.compile(optimizer, loss, metrics=list(metrics))
    subject = Subject.of(model, images if x is None else x, numbers if y is None else y, **options)
    fresh = cloning.copy(subject.model, subject.images, seed=0)
    return static_findings(subject, gather(subject, fresh))


def findings(*given, **options):
    return [f.cause for f in static(*given, **options)]


one_hot = np.eye(4, dtype=np.float32)[data()[1]]


def test_sound_network_has_no_finding():
    assert findings() == []
    assert findings(y=one_hot, loss="categorical_crossentropy") == []
    assert (
        findings(tiny(keras.layers.Dense(4)), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)) == []
    )
    assert findings(tiny(keras.layers.Dense(4, activation="sigmoid")), y=one_hot, loss="binary_crossentropy") == []
    assert findings(y=one_hot, loss="mse") == []
    assert findings(y=one_hot, loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1)) == []


def test_huge_start_weights_are_no_fault_of_the_output():
    """Images that hardly differ get one and the same answer from such weights, whatever the bias."""
    huge = keras.layers.Dense(4, activation="softmax", kernel_initializer=keras.initializers.RandomUniform(1e9, 2e9))
    assert findings(tiny(huge), x=0.5 + 0.005 * data()[0]) == []


def test_two_classes_with_one_output_are_sound():
    binary = data()[1] % 2
    assert findings(tiny(keras.layers.Dense(1, activation="sigmoid")), y=binary, loss="binary_crossentropy") == []
    linear = tiny(keras.layers.Dense(1))
    assert findings(linear, y=binary, loss=keras.losses.BinaryCrossentropy(from_logits=True)) == []


def test_softmax_healed_by_keras_is_sound_and_behind_an_operation_is_not():
    logits_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert findings(tiny(), loss=logits_loss) == []
    hidden = tiny(keras.layers.Dense(4), keras.layers.Softmax(), keras.layers.Rescaling(1.0))
    assert findings(hidden, loss=logits_loss)[:1] == [causes.OUTPUT_LAYER_MISMATCH]


@pytest.mark.parametrize(
    ("last", "loss", "y"),
    [
        (lambda: [keras.layers.Dense(4)], "sparse_categorical_crossentropy", None),
        (lambda: [keras.layers.Dense(4, activation="relu")], "categorical_crossentropy", one_hot),
        (lambda: [keras.layers.Dense(1, activation="softmax")], "mse", None),
        (lambda: [keras.layers.Dense(3, activation="softmax")], "sparse_categorical_crossentropy", None),
        (
            lambda: [keras.layers.Dense(4), keras.layers.Softmax(), keras.layers.Softmax()],
            "sparse_categorical_crossentropy",
            None,
        ),
        (
            lambda: [keras.layers.Dense(4, activation="sigmoid"), keras.layers.Softmax()],
            "sparse_categorical_crossentropy",
            None,
        ),
        (lambda: [keras.layers.Dense(4), keras.layers.Softmax(axis=0)], "sparse_categorical_crossentropy", None),
    ],
)
def test_output_layer(last, loss, y):
    assert findings(tiny(*last()), loss=loss, y=y)[:1] == [causes.OUTPUT_LAYER_MISMATCH]


def test_loss_and_labels():
    numbers = data()[1]
    assert findings(y=one_hot)[:1] == [causes.LOSS_LABEL_MISMATCH]
    assert findings(loss="categorical_crossentropy")[:1] == [causes.LOSS_LABEL_MISMATCH]
    assert findings(tiny(keras.layers.Dense(1, activation="sigmoid")), loss="binary_crossentropy")[:1] == [
        causes.LOSS_LABEL_MISMATCH
    ]
    assert findings(y=numbers[:, None].astype("float32"), loss=lambda y, p: keras.ops.mean((y - p) ** 2))[:1] == [
        causes.LOSS_LABEL_MISMATCH
    ]

    def logarithm_of_zero(y, p):
        return -keras.ops.mean(y * keras.ops.log(p))

    assert findings(y=one_hot, loss=logarithm_of_zero)[:1] == [causes.NON_FINITE_VALUES]


@pytest.mark.parametrize(
    "change", [lambda y: y + 1, lambda y: y - 1, lambda y: y / 255, lambda y: np.where(y == 3, 99, y)]
)
def test_labels_out_of_range(change):
    assert findings(y=change(data()[1]))[:1] == [causes.LABELS_OUT_OF_RANGE]


@pytest.mark.parametrize("pair", [(-1, 1), (1, 2)])
@pytest.mark.parametrize("logits", [False, True])
def test_two_labels_of_a_binary_cross_entropy_must_be_0_and_1(pair, logits):
    last = keras.layers.Dense(1, activation=None if logits else "sigmoid")
    loss = keras.losses.BinaryCrossentropy(from_logits=logits)
    (found,) = static(tiny(last), loss=loss, y=np.array(pair)[data()[1] % 2], metrics=())
    assert found.cause == causes.LABELS_OUT_OF_RANGE and "0 and 1" in found.remedy


def test_a_hinge_takes_labels_of_both_signs():
    assert findings(tiny(keras.layers.Dense(1, activation="tanh")), loss="hinge", y=2 * (data()[1] % 2) - 1) == []


def test_one_wrong_row_is_no_eleventh_class():
    y = np.where(np.arange(200) == 7, 255, data()[1])
    found, *_ = static(y=y)
    assert found.cause == causes.LABELS_OUT_OF_RANGE
    assert "1 of 200 labels: 255" in found.measured and "correct these rows" in found.remedy
    assert findings(y=np.where(np.arange(200) == 7, 4, data()[1]))[:1] == [causes.OUTPUT_LAYER_MISMATCH]


def test_one_hot_rows_of_two_need_two_outputs():
    rows = np.eye(2, dtype=np.float32)[data()[1] % 2]
    (found,) = static(tiny(keras.layers.Dense(1, activation="sigmoid")), loss="binary_crossentropy", y=rows, metrics=())
    assert found.cause == causes.OUTPUT_LAYER_MISMATCH
    assert "Dense(2) with softmax" in found.remedy and "last column" in found.remedy


def test_images():
    x, _ = data()
    assert findings(x=np.where(np.arange(200)[:, None, None, None] == 5, np.nan, x))[:1] == [causes.NON_FINITE_VALUES]
    assert findings(x=x * 0)[:1] == [causes.INPUTS_CONSTANT]
    assert findings(x=np.repeat(x[:1], 200, axis=0))[:1] == [causes.INPUTS_CONSTANT]


def test_sparse_images_differ_and_whole_number_division_is_found():
    x, _ = data()
    sparse = np.zeros_like(x)
    sparse[np.arange(200), np.arange(200) % 8, np.arange(200) // 25] = 1  # one white pixel in each
    assert findings(x=sparse) == []
    sparse[::2] = 0  # what x // 255 leaves of photographs: half of them have no white pixel
    assert findings(x=sparse) == [causes.INPUTS_CONSTANT]


def test_one_bad_pixel_in_many_images_is_found():
    x, y = data(3000)
    x[2999, 3, 3, 1] = np.inf
    assert findings(x=x, y=y) == [causes.NON_FINITE_VALUES]


def test_a_loss_that_refuses_the_labels_is_not_asked_about_the_output():
    """A picture of scores for each image, and a loss that raises what Keras never does."""
    scores = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 1, activation="softmax")])

    def refuses(y, p):
        raise KeyError("no such label")

    assert findings(scores, loss="categorical_crossentropy", y=one_hot)[0] in causes.CAUSES
    assert findings(loss=refuses) == [causes.LOSS_LABEL_MISMATCH]


def test_scaled_batches_have_the_type_of_all_batches():
    model = tiny()
    model.compile("sgd", LOSS)
    statistics = np.array([0.5]), np.array([0.25])
    drawn = batches(Subject.of(model, *data()), Variation(scale_inputs=True), 8, statistics)
    assert next(drawn)[0].dtype == np.float32


def test_validation_and_order():
    x, y = data(400)
    assert findings(x=x, y=y, validation_data=(x[:200], y[:200])) == []
    assert findings(x=x, y=y, validation_data=(x[:200] * 255, y[:200])) == [
        causes.TRAIN_VALIDATION_PREPROCESSING_DIFFER
    ]
    assert findings(x=x, y=y, validation_split=0.2) == []
    order = np.argsort(y, kind="stable")
    assert findings(x=x[order], y=y[order], validation_split=0.2) == [causes.UNSHUFFLED_VALIDATION_SPLIT]
    assert findings(x=x[order], y=y[order], shuffle=False) == [causes.UNSHUFFLED_VALIDATION_SPLIT]


class DrawnInCall(keras.layers.Layer):
    """A slip: the kernel belongs into ``build``."""

    def call(self, x):
        return keras.ops.matmul(x, keras.random.normal((x.shape[-1], 8), 0, 0.1))


class NoiseAlways(keras.layers.Layer):
    """No slip: some ask a network several times and see how its answers differ."""

    def call(self, x):
        return x + keras.random.normal(keras.ops.shape(x), 0, 0.3)


@pytest.mark.parametrize("chance", [NoiseAlways, DrawnInCall])
def test_answers_that_chance_has_a_part_in_are_told_and_accuse_no_axis(chance):
    x, y = data()
    inputs = keras.Input((8, 8, 3))
    noisy = chance()(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(4, activation="softmax")(noisy))
    assert findings(model) == []
    output = gather(Subject.of(model, x, y), cloning.copy(model, x, seed=0)).output
    assert output.random and "another one when the same images are asked again" in output.in_words
    assert "another" not in gather(*_known(x, y)).output.in_words


def _known(x, y):
    model = tiny()
    model.compile("adam", "sparse_categorical_crossentropy")
    return Subject.of(model, x, y), cloning.copy(model, x, seed=0)


def test_imbalance():
    x, _ = data()
    assert findings(x=x, y=np.where(np.arange(200) < 180, 0, np.arange(200) % 4))[:1] == [causes.CLASS_IMBALANCE]
    assert findings(x=x, y=np.where(np.arange(200) < 60, 0, np.arange(200) % 4)) == []
    facts = [label_facts(Labels.of(np.repeat([0, 1, 2], counts))) for counts in ((520, 240, 240), (900, 50, 50))]
    assert [bool(class_imbalance(fact)) for fact in facts] == [False, True]


def test_an_imbalance_that_validation_images_do_not_share_asks_where_the_labels_come_from():
    x, _ = data()
    y = np.where(np.arange(200) < 180, 3, np.arange(200) % 4)
    even = np.arange(200) % 4
    filled, other = (static(tiny(), x, y, validation_data=(x, labels))[0] for labels in (y, even))
    assert "of the validation images 25%" in other.measured and "all labels filled in?" in other.remedy
    assert "validation" not in filled.measured + filled.remedy


@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize("form", ["numbers", "one-hot", "sigmoid"])
def test_labels_of_nearly_one_class_do_not_accuse_the_loss(form, others):
    x, _ = data(1000)
    y = np.arange(1000) < others
    loss = {"numbers": LOSS, "one-hot": "categorical_crossentropy", "sigmoid": "binary_crossentropy"}[form]
    last = [keras.layers.Dense(1, activation="sigmoid")] if form == "sigmoid" else []
    found = static(tiny(*last), x, np.eye(4)[y.astype(int)] if form == "one-hot" else y.astype(int), loss)
    assert [finding.cause for finding in found] == [causes.CLASS_IMBALANCE]
    assert found[0].blocks_training is (not others) and ("1,000 labels are of one class" in str(found)) is (not others)


def test_another_mix_of_classes_is_no_other_preparation():
    """Classes of different brightness: a balanced validation set is brighter than an imbalanced training set."""
    x, y = data(400)
    mostly_dark = np.where(np.arange(400) < 340, 0, y)
    light = [(0.25 * x + 0.25 * numbers[:, None, None, None]) for numbers in (mostly_dark, y)]
    shares = {"x": light[0], "y": mostly_dark, "validation_data": (light[1], y)}
    assert findings(**shares) == [causes.CLASS_IMBALANCE]
    other = {**shares, "validation_data": (2 * light[1], y)}
    assert findings(**other) == [causes.TRAIN_VALIDATION_PREPROCESSING_DIFFER, causes.CLASS_IMBALANCE]


def test_another_mix_of_classes_does_not_look_like_swapped_channels():
    """Class 0 is bluish and rules the training set, the other classes are reddish."""
    x, y = data(400)
    mostly_blue = np.where(np.arange(400) < 340, 0, y)

    def tinted(numbers):
        return 0.4 * x + 0.3 + np.where(numbers == 0, -0.2, 0.2)[:, None, None, None] * np.array([1, 0, -1])

    shares = {"x": tinted(mostly_blue), "y": mostly_blue, "validation_data": (tinted(y), y)}
    assert findings(**shares) == [causes.CLASS_IMBALANCE]


@pytest.mark.parametrize("constant", [1.0, 0.0])
def test_a_constant_channel_is_prepared_alike_on_both_sides(constant):
    x, y = data(400)
    rgba = np.concatenate([x, np.full((400, 8, 8, 1), constant, np.float32)], axis=-1)
    rgba[::150, 0, 0, 3] = abs(constant - 0.004)  # one grey level, in a corner of two images

    def found(train, validation):
        model = keras.Sequential([keras.Input((8, 8, 4)), keras.layers.Flatten(), keras.layers.Dense(4, "softmax")])
        return findings(model, x=train[:200], y=y[:200], validation_data=(validation[200:], y[200:]))

    assert found(rgba, rgba) == []
    assert found(255 * rgba, rgba) == found(rgba, 255 * rgba) == [causes.TRAIN_VALIDATION_PREPROCESSING_DIFFER]


def equal_pairs(y_true, y_pred):
    numbers = keras.ops.cast(keras.ops.argmax(y_pred, axis=1), "int64")
    return keras.ops.mean(keras.ops.cast(keras.ops.equal(keras.ops.cast(y_true, "int64"), numbers), "float32"))


def test_metrics():
    y = data()[1]
    assert findings(y=one_hot, loss="categorical_crossentropy", metrics=["binary_accuracy"]) == [causes.METRIC_MISMATCH]
    assert findings(y=y[:, None], metrics=[equal_pairs]) == [causes.METRIC_MISMATCH]
    sound = ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(k=2), "sparse_categorical_crossentropy"]
    assert findings(metrics=sound) == []


def test_frozen():
    model = tiny()
    model.trainable = False
    assert findings(model)[:1] == [causes.FROZEN_WEIGHTS]
    assert findings(optimizer=keras.optimizers.SGD(0.0))[:1] == [causes.LEARNING_RATE_TOO_LOW]


def test_an_optimizer_that_another_model_used_is_named_and_its_own_is_not():
    x, y = data()
    used, other = tiny(), tiny()
    used.compile("adam", LOSS)
    used.fit(x[:32], y[:32], verbose=0)
    assert findings(used, optimizer=used.optimizer) == []
    (found,) = static(other, optimizer=used.optimizer)
    assert found.cause == causes.FROZEN_WEIGHTS and "new optimizer" in found.remedy


def test_without_a_gradient_the_loss_is_named_and_not_trainable():
    assert "loss" in rules_weights.nothing_trainable(6, 6, 0).remedy
    assert "trainable=True" not in rules_weights.nothing_trainable(6, 6, 0).remedy
    assert "trainable=True" in rules_weights.nothing_trainable(0, 0, 6).remedy


def test_facts_against_arithmetic():
    x = np.arange(24, dtype=np.float32).reshape(2, 2, 2, 3)
    facts = image_facts(x)
    np.testing.assert_allclose(facts.mean, x.reshape(-1, 3).mean(axis=0))
    np.testing.assert_allclose(facts.between, 6.0)  # each pixel differs by 12 between the two images
    labels = label_facts(Labels.of([0, 0, 0, 1]))
    np.testing.assert_allclose(labels.entropy, -(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert distance(np.array([0, 0]), np.array([1, 1])) == 1
    model = tiny()
    model.compile("sgd", "sparse_categorical_crossentropy")
    loss = loss_facts(Subject.of(model, *data()))
    np.testing.assert_allclose(loss.uninformed, np.log(4), atol=1e-3)
    np.testing.assert_allclose(loss.right, -np.log(0.99), atol=1e-4)


def test_subject_refuses():
    model = tiny()
    with pytest.raises(ValueError, match="not compiled"):
        Subject.of(model, *data())
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="equally long, received 200 and 3"):
        Subject.of(model, data()[0], [0, 1, 2])
    with pytest.raises(TypeError, match="received list"):
        Subject.of([], *data())


def test_models_without_declared_input_are_built_on_a_copy():
    unbuilt = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax", name="out")])
    assert findings(unbuilt) == [] and not unbuilt.built

    class Own(Undeclared):
        def get_config(self):
            return {}

        @classmethod
        def from_config(cls, config):
            return cls()

    assert findings(Own()) == []


def test_a_network_frozen_as_a_whole_is_unfrozen_with_its_layers():
    """A clone of a model whose ``trainable`` is False is frozen above its layers, too."""
    model = tiny()
    model.trainable = False
    assert cloning.copy(model, data()[0], seed=0).trainable_variables == []
    assert len(cloning.copy(model, data()[0], seed=0, unfreeze=True).trainable_variables) == 4


def test_a_schedule_that_fades_is_suspected_and_one_that_lasts_is_not():
    schedules = keras.optimizers.schedules
    fading, lasting = schedules.ExponentialDecay(1e-3, 1, 0.7), schedules.CosineDecay(1e-3, 1200)
    found = suspicions.learning_rate_fades(learning_rates.rates(keras.optimizers.Adam(fading)))
    assert found.cause == causes.LEARNING_RATE_TOO_LOW and "0.001 at most" in found.measured
    assert variation_of(found).hold_rate
    for rate in (lasting, 1e-3):
        assert suspicions.learning_rate_fades(learning_rates.rates(keras.optimizers.Adam(rate))) is None


def test_a_held_rate_is_the_schedules_largest():
    model = tiny()
    model.compile(keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.1)), LOSS)
    trainer = Trainer(Subject.of(model, *data()), Variation())
    rate = trainer.optimizer._learning_rate
    assert float(rate(3)) == pytest.approx(0.0005)
    trainer.run(trainer.start(Variation("held", hold_rate=True)), iter([]), steps=0, until=0)
    assert float(rate(3)) == pytest.approx(0.5)
    trainer.run(trainer.start(Variation()), iter([]), steps=0, until=0)
    assert float(rate(3)) == pytest.approx(0.0005)


@pytest.mark.parametrize("shape", [(192,), (8, 24)])
def test_images_without_channels_are_measured_as_pictures_of_one_channel(shape):
    x, y = data(400)
    flat = x.reshape(400, *shape)
    facts = image_facts(flat)
    assert facts.mean.shape == facts.std.shape == (1,)
    np.testing.assert_allclose(facts.within, x.reshape(400, -1).std(axis=1).mean(), rtol=1e-5)
    dense = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")])
    assert findings(dense, x=flat, y=y, validation_data=(flat[:200], y[:200])) == []
    assert findings(dense, x=flat * 0 + 0.5, y=y) == [causes.INPUTS_CONSTANT]


def test_a_single_pixel_has_no_detail_inside():
    assert np.isnan(image_facts(np.arange(6.0).reshape(6, 1)).within)
