"""What is read of metrics and losses that users wrote themselves, and of the training images only once."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from made_images import noise
from made_networks import small, stripes

from vgg_lesson import pipeline
from vgg_lesson.diagnosis import causes, cloning
from vgg_lesson.diagnosis.callback import DiagnosisCallback, StuckTrainingWarning
from vgg_lesson.diagnosis.facts import loss_and_output
from vgg_lesson.diagnosis.facts.metric_facts import metric_facts
from vgg_lesson.diagnosis.rules import rules_output
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.training import prepared
from vgg_lesson.training_config import TrainingConfig

X, Y = stripes(200)[0], np.arange(200) % 4
ONE_HOT = np.eye(4, dtype=np.float32)[Y]


def judged(metric, labels=Y, loss="sparse_categorical_crossentropy"):
    """What the rule measured of a metric, None where it finds no fault."""
    model = small()
    model.compile(loss=loss, metrics=[metric])
    finding = rules_output.metric_mismatch(metric_facts(Subject.of(model, X, labels), takes_logits=False), 0.25)
    return finding and finding.measured


class Share(keras.metrics.Metric):
    """Share of right answers; Keras's get_config names a dtype that this __init__ does not take."""

    def __init__(self, name="share"):
        super().__init__(name=name)
        self.right, self.count = (self.add_weight(name=part, initializer="zeros") for part in ("right", "count"))

    def update_state(self, y_true, y_pred, sample_weight=None):
        hits = keras.ops.equal(keras.ops.cast(y_true, "int64"), keras.ops.argmax(y_pred, axis=1))
        self.right.assign_add(keras.ops.sum(keras.ops.cast(hits, "float32")))
        self.count.assign_add(keras.ops.cast(keras.ops.size(hits), "float32"))

    def result(self):
        return self.right / self.count


class Needy(Share):
    """Nothing tells Keras the argument that this one needs."""

    def __init__(self, classes, name="needy"):
        super().__init__(name=name)
        self.classes = classes


class Raises(Share):
    def update_state(self, y_true, y_pred, sample_weight=None):
        raise ValueError("not with these labels")


class Lazy(Share):
    """Makes its variables when it first sees labels."""

    def __init__(self, name="lazy"):
        keras.metrics.Metric.__init__(self, name=name)

    def update_state(self, y_true, y_pred, sample_weight=None):
        if not self.variables:
            self.right, self.count = (self.add_weight(name=part, initializer="zeros") for part in ("right", "count"))
        super().update_state(y_true, y_pred)


def hits(y_true, y_pred):
    return keras.ops.cast(keras.ops.equal(keras.ops.cast(y_true, "int64"), keras.ops.argmax(y_pred, axis=1)), "float32")


@pytest.mark.parametrize("make", [Share, lambda: Needy(4), Lazy, lambda: keras.metrics.MeanMetricWrapper(hits)])
def test_a_sound_metric_that_keras_cannot_rebuild_is_no_fault(make):
    assert judged(make()) is None


@pytest.mark.parametrize("make", [Share, lambda: keras.metrics.MeanMetricWrapper(hits)])
def test_a_faulty_metric_that_keras_cannot_rebuild_is_named(make):
    assert "right answers 0.25, wrong ones 0.2" in judged(make(), Y[:, None])  # (B, 1) with (B,)


def test_what_a_metric_itself_raises_is_named():
    assert judged(Raises()) == "metric 'share' raises: ValueError: not with these labels"


@pytest.mark.parametrize(("make", "before"), [(Share, [1, 3]), (Raises, [0, 0]), (Lazy, [])])
def test_what_a_metric_had_counted_is_put_back(make, before):
    metric = make()
    for variable, count in zip(metric.variables, before, strict=True):
        variable.assign(count)
    judged(metric)
    assert [variable.numpy() for variable in metric.variables] == (before or [0, 0])


@pytest.mark.parametrize("rate", [0.001, 0.25, 0.97])
def test_a_learning_rate_among_the_metrics_is_no_accuracy(rate):
    optimizer = keras.optimizers.SGD(rate)

    def lr(y_true, y_pred):
        return optimizer.learning_rate

    assert judged(lr) is None


def mean_sum(y_true, y_pred):
    return keras.ops.mean(keras.ops.sum(y_pred, axis=1))


def test_a_measure_that_is_the_same_for_all_probabilities_is_no_accuracy():
    assert judged(mean_sum) is None


@pytest.mark.parametrize("labels", [ONE_HOT, Y[:, None]], ids=["one-hot", "column"])
def test_accuracy_of_probabilities_that_must_equal_the_label_is_still_named(labels):
    """keras.metrics.Accuracy is 0 for every answer but one that is exactly 0 and 1."""
    loss = "categorical_crossentropy" if labels is ONE_HOT else "sparse_categorical_crossentropy"
    assert "right answers 0.00, wrong ones 0.00" in judged(keras.metrics.Accuracy(), labels, loss)


def ones(count):
    """Labels of which so many of 200 are 1."""
    return np.random.default_rng(0).permutation(np.arange(200) < count).astype(np.float32)[:, None]


def one_unit(loss, *behind):
    layers = [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(1), *behind]
    model = keras.Sequential(layers)
    model.compile(loss=loss)
    return model


def on_logits(y, p):
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=p)


@pytest.mark.parametrize("loss", [keras.losses.BinaryCrossentropy(from_logits=True), on_logits], ids=["keras", "tf"])
@pytest.mark.parametrize("count", [10, 60, 100, 168, 195])
def test_a_sigmoid_in_the_loss_is_seen_whatever_the_classes_shares(loss, count):
    facts = loss_and_output.loss_facts(Subject.of(one_unit(loss), X, ones(count)))
    share = count / 200
    assert facts.takes == "logits"
    assert facts.uninformed == pytest.approx(-share * np.log(share) - (1 - share) * np.log(1 - share), abs=1e-3)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "log_cosh", "hinge"])
@pytest.mark.parametrize("count", [20, 100, 139])
def test_losses_without_a_sigmoid_are_not_taken_for_one(loss, count):
    assert loss_and_output.loss_facts(Subject.of(one_unit(loss), X, ones(count))).takes != "logits"


def output_finding(model, labels):
    subject = Subject.of(model, X, labels)
    fresh = cloning.copy(model, X, seed=0)
    loss = loss_and_output.loss_facts(subject)
    finding = rules_output.output_kind(loss, loss_and_output.output_facts(subject, fresh, loss))
    return finding and finding.measured


@pytest.mark.parametrize("count", [20, 100, 180])
def test_a_second_sigmoid_in_the_loss_is_named(count):
    twice = keras.layers.Activation("sigmoid"), keras.layers.Rescaling(1.0)  # what hides the first from Keras
    model = one_unit(keras.losses.BinaryCrossentropy(from_logits=True), *twice)
    assert "applies a sigmoid to it again" in output_finding(model, ones(count))
    assert output_finding(one_unit(model.loss, twice[0]), ones(count)) is None  # Keras heals it
    assert output_finding(one_unit(on_logits, twice[0]), ones(count)) is not None


def softmax_again(y, p):
    return tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=p)


def test_a_second_softmax_in_a_loss_that_keras_does_not_heal_is_named():
    model, keras_own = small(), keras.losses.CategoricalCrossentropy(from_logits=True)
    for loss, again in ((softmax_again, True), (keras_own, False), ("categorical_crossentropy", False)):
        model.compile(loss=loss)
        finding = output_finding(model, ONE_HOT)
        assert finding is None or "a softmax to a softmax" in finding
        assert bool(finding) == again, loss


def test_half_precision_hides_the_softmax_from_keras(usual_policy):
    keras.config.set_dtype_policy("mixed_float16")
    model = small()
    model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))
    assert "a softmax to a softmax" in output_finding(model, ONE_HOT)


class OwnStep(keras.Sequential):
    """Trains as its author likes: what ``train_step`` returns is ``said``, and Keras's tracker is not touched."""

    def __init__(self, said):
        super().__init__([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")])
        self.said = said
        self.compile("sgd", "sparse_categorical_crossentropy")

    def train_step(self, data):
        return self.said(keras.ops.mean(data[0]))


def test_a_training_that_reports_no_loss_is_left_alone_with_a_word():
    model, watch = OwnStep(lambda mean: {"d_loss": mean, "g_loss": 2 * mean}), DiagnosisCallback(patience=10)
    with pytest.warns(UserWarning, match="train_step returns 'd_loss', 'g_loss', and no 'loss'") as seen:
        history = model.fit(X, Y, epochs=2, verbose=0, callbacks=[watch])
    assert len(history.history["g_loss"]) == 2 and watch.cause is None
    assert [w.category for w in seen if "DiagnosisCallback" in str(w.message)] == [UserWarning]
    with pytest.warns(UserWarning, match="and no 'loss'"):
        model.fit(X, Y, verbose=0, callbacks=[watch])  # in every fit anew


def test_a_loss_beside_kerass_tracker_is_seen():
    watch = DiagnosisCallback(patience=10)
    with warnings.catch_warnings():
        warnings.simplefilter("error", StuckTrainingWarning)
        OwnStep(lambda mean: {"loss": mean}).fit(X, Y, epochs=1, shuffle=False, verbose=0, callbacks=[watch])
    np.testing.assert_allclose(watch.losses, [X[start : start + 32].mean() for start in range(0, 200, 32)], rtol=1e-4)
    with pytest.warns(StuckTrainingWarning, match="stuck at loss nan after 1 batches"):
        OwnStep(lambda mean: {"loss": mean * np.nan}).fit(X, Y, verbose=0, callbacks=[watch])
    with pytest.warns(StuckTrainingWarning, match="stuck at loss 3 after 10 batches"):
        OwnStep(lambda mean: {"loss": 3 + 0 * mean}).fit(X, Y, epochs=2, verbose=0, callbacks=[watch])
    assert watch.cause in (*causes.CAUSES, causes.UNDETERMINED)


class OwnTracker(OwnStep):
    """Keeps a tracker of its own, which Keras's unused one comes before."""

    def __init__(self):
        super().__init__(None)
        self.tracker = keras.metrics.Mean(name="loss")

    def train_step(self, data):
        self.tracker.update_state(keras.ops.mean(data[0], axis=(1, 2, 3)))
        return {"loss": self.tracker.result()}


def test_a_tracker_of_the_users_own_gives_the_single_losses():
    watch = DiagnosisCallback()
    OwnTracker().fit(X, Y, epochs=2, shuffle=False, verbose=0, callbacks=[watch])
    single = [X[start : start + 32].mean() for start in range(0, 200, 32)]
    np.testing.assert_allclose(watch.losses, 2 * single, rtol=1e-4)


@pytest.mark.parametrize(("how", "times"), [("unit", 0), ("raw", 0), ("standardise", 1), ("mean_rgb", 1)])
def test_the_training_images_are_gone_through_once_where_their_statistics_are_used(monkeypatch, how, times):
    calls, ordinary = [], pipeline.fit_statistics
    monkeypatch.setattr(pipeline, "fit_statistics", lambda images: (calls.append(len(images)), ordinary(images))[1])
    config = TrainingConfig(configuration="A", width=0.125, head=(), preprocessing=how, start=("whitening",))
    _, _, validation = prepared(config, noise(64))
    assert calls == [64] * times
    alone = pipeline.validation_batches(noise(64), config)
    np.testing.assert_array_equal(next(iter(validation))[0], next(iter(alone))[0])
