"""Copies train as the given model would: mixed precision, frozen parts, own classes, losses and rates of any form."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from made_networks import small, stripes

from vgg_lesson.diagnosis import causes, cloning, examine, prescribe, remedies
from vgg_lesson.diagnosis.facts import vital_signs, weight_facts
from vgg_lesson.diagnosis.facts.batches import batches
from vgg_lesson.diagnosis.facts.chance import Chance
from vgg_lesson.diagnosis.facts.learning_rates import rates
from vgg_lesson.diagnosis.facts.loss_and_output import NO_LOSS, loss_facts
from vgg_lesson.diagnosis.prescription import Prescription
from vgg_lesson.diagnosis.report import Finding, Report
from vgg_lesson.diagnosis.rules.suspicion import Suspicion
from vgg_lesson.diagnosis.subject import Subject
from vgg_lesson.diagnosis.trials import training_stage
from vgg_lesson.diagnosis.trials.confirmation import CONTROL
from vgg_lesson.diagnosis.trials.given_weights import decay, look_at_given, looks_fresh
from vgg_lesson.diagnosis.trials.training_loop import Trainer, he_normal
from vgg_lesson.diagnosis.variation import Course, Trial, Variation
from vgg_lesson.optimizers.fresh import fresh_optimizer
from vgg_lesson.optimizers.kernel_muon import KernelMuon
from vgg_lesson.optimizers.unwrapped import unwrapped
from vgg_lesson.random_states import without_seeds

LOSS = "sparse_categorical_crossentropy"
X, Y = stripes()


def functional(kind=keras.Model, *behind):
    images = keras.Input((8, 8, 3))
    values = keras.layers.Flatten()(keras.layers.Conv2D(8, 3, padding="same", activation="relu")(images))
    for layer in behind:
        values = layer(values)
    return kind(images, keras.layers.Dense(4, activation="softmax", name="out")(values))


def trained(model, steps: int, variation: Variation = CONTROL):
    """A short training of a copy, and the copy."""
    subject = Subject.of(model, X, Y)
    trainer = Trainer(subject, variation)
    drawn = batches(subject, variation, trainer.batch)
    return trainer.run(trainer.start(variation), drawn, steps=steps, until=float("inf")), trainer


def falls(course) -> bool:
    return float(np.mean(course.loss[-5:])) < 0.8 * course.loss[0]


@pytest.fixture
def half_precision(usual_policy):
    keras.config.set_dtype_policy("mixed_float16")


def test_a_copy_decays_what_the_optimizer_decays_and_nothing_where_decay_is_left_out():
    optimizer = KernelMuon(0.01, weight_decay=0.1, adam_weight_decay=0.2)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model = small(optimizer)
    made = fresh_optimizer(model.optimizer)
    assert [made._use_weight_decay(v) for v in model.trainable_variables] == [True, False, True, False]
    without = fresh_optimizer(model.optimizer, weight_decay=False)
    assert (made.weight_decay, made.adam_weight_decay, without.weight_decay, without.adam_weight_decay) == (
        0.1, 0.2, 0.0, 0.0,
    )  # fmt: skip


def test_a_plain_adam_makes_its_steps_in_one_pass_here_as_well():
    adam, decays = keras.optimizers.Adam(), keras.optimizers.AdamW()
    for optimizer, fused in ((adam, True), (keras.optimizers.LossScaleOptimizer(adam), True), (decays, False)):
        made = unwrapped(fresh_optimizer(optimizer))
        assert ("_backend_update_step" in vars(made)) == fused and type(made) is type(unwrapped(optimizer))


def test_under_mixed_precision_rate_decay_and_steps_are_those_of_the_optimizer_inside(half_precision):
    model = small(keras.optimizers.SGD(0.5, weight_decay=0.004))
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert rates(model.optimizer)[0] == pytest.approx(0.5)
    assert decay(Subject.of(model, X, Y)) == pytest.approx(0.004)
    course, trainer = trained(model, 60)
    assert falls(course) and isinstance(trainer.optimizer, keras.optimizers.LossScaleOptimizer)
    assert not falls(trained(model, 60, Variation("slow", rate=1e-6))[0])
    assert fresh_optimizer(model.optimizer, weight_decay=False).inner_optimizer.weight_decay == 0


def test_under_mixed_precision_a_healthy_network_is_healthy(half_precision):
    report = examine(small(), *stripes(1200), budget_seconds=120)
    assert report.cause == causes.HEALTHY


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("as_a_whole", [False, True])
@pytest.mark.parametrize("change", [{}, {"batch_norm": True}, {"unfreeze": True}])
def test_what_is_frozen_inside_a_nested_model_stays_frozen(depth, as_a_whole, change):
    frozen, free = (keras.layers.Conv2D(4, 3, padding="same", name=name) for name in ("frozen", "free"))
    nested = keras.Sequential([keras.Input((8, 8, 3)), frozen, free], name="base")
    nested.trainable = not as_a_whole
    frozen.trainable, free.trainable = False, True
    for level in range(depth - 1):
        images = keras.Input((8, 8, 3))
        nested = keras.Model(images, nested(images), name=f"level{level}")
    model = keras.Sequential([keras.Input((8, 8, 3)), nested, keras.layers.Flatten(), keras.layers.Dense(4)])
    made = cloning.copy(model, X, seed=1, **change)
    trainable = [variable.path for variable in made.trainable_variables]
    assert any("free" in path for path in trainable)
    assert any("frozen" in path for path in trainable) == ("unfreeze" in change)
    if not change:
        assert len(trainable) == len(model.trainable_variables)
        copied = next(layer for layer in cloning.leaves(made) if layer.name == "frozen")
        np.testing.assert_array_equal(copied.kernel.numpy(), frozen.kernel.numpy())


def zero(model):
    model.set_weights([0 * weight for weight in model.get_weights()])


def drive_apart(model):
    model.fit(X, np.zeros_like(Y), epochs=1, verbose=0)
    model.layers[0].bias.assign([-100.0] * 8)  # every ReLU is dead
    model.compile(keras.optimizers.Adam(1e-2), LOSS)


@pytest.mark.parametrize("spoil", [zero, drive_apart])
def test_given_weights_that_know_nothing_and_learn_nothing_are_not_called_healthy(spoil):
    model = small()
    spoil(model)
    assert int(model.optimizer.iterations.numpy()) == 0
    report = examine(model, *stripes(1200), budget_seconds=120)
    assert report.cause == causes.UNDETERMINED and report.stuck is None
    assert "the given weights know nothing" in str(report) and "from the given weights: loss 1." in str(report)


def test_given_weights_that_know_nothing_yet_and_learn_are_healthy():
    model = small()
    model.layers[0].kernel.assign(2 * model.layers[0].kernel.numpy())  # of another task, say, under a new head
    report = examine(model, *stripes(1200), budget_seconds=120)
    assert report.cause == causes.HEALTHY and "given weights (0 steps)" in str(report)


@pytest.mark.parametrize(("count", "learned"), [(40, False), (256, True)])
def test_given_weights_are_judged_by_the_images_that_there_are(monkeypatch, count, learned):
    """Right on 55% of 40 images of four classes is not yet far from guessing, on 55% of 256 it is."""
    keras.utils.set_random_seed(0)
    model = small()
    signs = SimpleNamespace(accuracy=0.55, training_accuracy=0.55, silent_units=0.0)
    facts = SimpleNamespace(weights_finite=True, kernels=2, frozen_kernels=2, random_kernels=2)
    monkeypatch.setattr(vital_signs, "network_signs", lambda *given: signs)
    subject, chance = Subject.of(model, X[:count], Y[:count]), Chance(np.log(4), 0.0, 0.25)
    fresh = cloning.copy(model, X, seed=0)
    assert look_at_given(subject, facts, fresh, chance, lambda text: None).learned == learned


def test_fresh_weights_look_fresh_whatever_they_were_drawn_from():
    layers = [keras.layers.LSTM(8), keras.layers.Dense(8, bias_initializer="random_normal")]
    layers += [keras.layers.Dense(2, bias_initializer="random_normal"), keras.layers.Dense(4, bias_initializer="ones")]
    model = keras.Sequential([keras.Input((8, 24)), *layers])
    fresh = cloning.copy(model, X.reshape(-1, 8, 24), seed=3)
    assert looks_fresh(model, fresh)
    model.layers[-1].bias.assign([1.0, 1.0, 1.01, 1.0])
    assert not looks_fresh(model, fresh)


def test_a_loss_named_after_the_output_is_asked_and_trained_with():
    model = functional()
    model.compile(keras.optimizers.Adam(1e-2), {"out": LOSS}, loss_weights={"out": 1.0})
    facts = loss_facts(Subject.of(model, X, Y))
    assert not facts.error and facts.uninformed == pytest.approx(np.log(4), abs=0.03)
    assert falls(trained(model, 60)[0])


def test_a_loss_for_each_image_is_read_as_their_mean_and_trained_as_fit_does():
    model = small()
    model.compile(keras.optimizers.SGD(1e-3), keras.losses.SparseCategoricalCrossentropy(reduction="none"))
    facts = loss_facts(Subject.of(model, X, Y))
    assert not facts.error and facts.uninformed == pytest.approx(np.log(4), abs=0.03)
    course, trainer = trained(model, 1)
    assert course.loss[0] < 4
    (x, y, _) = next(batches(Subject.of(model, X, Y), CONTROL, trainer.batch))
    model.set_weights(trainer.start(CONTROL).state[0])
    model.train_on_batch(x, y)
    for ours, keras_own in zip(course.state[0], model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, keras_own, atol=1e-6)


def test_without_a_compiled_loss_the_report_says_so():
    model = functional()
    model.compile("adam")
    assert loss_facts(Subject.of(model, X, Y)).error == NO_LOSS
    report = examine(model, X, Y, budget_seconds=20)
    assert NO_LOSS in " ".join(report.seen) and "NoneType" not in str(report) and not report.courses


class Net(keras.Model):
    """As tutorials write it: no **kwargs, no get_config."""

    def __init__(self):
        super().__init__()
        self.conv = keras.layers.Conv2D(8, 3, padding="same", activation="relu", kernel_initializer="he_normal")
        self.flat, self.out = keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")

    def call(self, images):
        return self.out(self.flat(self.conv(images)))


class Sized(keras.Model):
    """Keras would write down the default of what it was made with, whatever it was."""

    def __init__(self, classes=10, **options):
        super().__init__(**options)
        self.flat, self.out = keras.layers.Flatten(), keras.layers.Dense(classes, activation="softmax")

    def call(self, images):
        return self.out(self.flat(images))


class SizedWithConfig(Sized):
    def get_config(self):
        return {**super().get_config(), "classes": self.out.units}


class Needy(Sized):
    def __init__(self, classes):
        super().__init__(classes)


class Bare(keras.layers.Layer):
    """A layer with weights: no **kwargs, no get_config."""

    def __init__(self, units, scale=1.0):
        super().__init__()
        self.units, self.scale = units, scale

    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(shape[-1], self.units), initializer="he_normal")

    def call(self, values):
        return self.scale * keras.ops.relu(values @ self.kernel)


def compiled(model, built):
    if built:
        model(X[:1])
    model.compile(keras.optimizers.Adam(1e-2), LOSS, metrics=["accuracy"])
    return model


@pytest.mark.parametrize("built", [False, True])
def test_a_model_of_an_ordinary_class_is_examined(built):
    model = compiled(Net(), built)
    report = examine(model, *stripes(1200), budget_seconds=120)
    assert report.cause == causes.HEALTHY and model.built is built
    if built:
        model.conv.trainable = False
        made = cloning.copy(model, X, seed=0)
        assert made.name == model.name and len(made.trainable_variables) == 2
        np.testing.assert_array_equal(made.conv.kernel.numpy(), model.conv.kernel.numpy())


@pytest.mark.parametrize("built", [False, True])
@pytest.mark.parametrize("kind", [Sized, Needy])
def test_a_model_whose_arguments_are_lost_is_not_copied_but_its_arrays_are_looked_at(kind, built):
    model = compiled(kind(4), built)
    with pytest.raises(cloning.CannotRebuild, match=rf"{kind.__name__}.__init__ takes classes, .* a get_config"):
        cloning.copy(model, X, seed=0)
    report = examine(model, X, Y, budget_seconds=30)
    assert report.cause == causes.UNDETERMINED and not report.findings and model.built is built
    assert "no training was tried: " in report.seen[0] and f"{kind.__name__}.__init__ takes classes" in report.seen[0]
    bad = np.where(np.arange(len(X))[:, None, None, None] == 5, np.nan, X)
    assert examine(model, bad, Y, budget_seconds=30).causes == (causes.NON_FINITE_VALUES,)
    if built:
        before = model.get_weights()
        assert examine(model, X, Y + 1, budget_seconds=30).cause == causes.LABELS_OUT_OF_RANGE
        assert examine(model, X, np.eye(4)[Y], budget_seconds=30).cause == causes.LOSS_LABEL_MISMATCH
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


def test_inside_another_model_it_is_refused_too_and_with_a_config_it_is_copied():
    for kind in (Sized, SizedWithConfig):
        model = keras.Sequential([keras.Input((8, 8, 3)), kind(4)])
        if kind is Sized:
            with pytest.raises(cloning.CannotRebuild, match=r"Sized.__init__ takes classes"):
                cloning.copy(model, X, seed=0)
        else:
            assert cloning.copy(model, X, seed=0).output_shape == (None, 4)


def test_a_layer_of_an_ordinary_class_is_copied_with_its_arguments_name_and_frozen_values():
    images = keras.Input((8, 8, 3))
    hidden = Bare(6, scale=2.0)
    outputs = keras.layers.Dense(4, activation="softmax")(hidden(keras.layers.Flatten()(images)))
    model = keras.Model(images, outputs)
    hidden.trainable = False
    for change in ({}, {"batch_norm": True}, {"unfreeze": True}):
        made = next(layer for layer in cloning.leaves(cloning.copy(model, X, seed=0, **change)) if type(layer) is Bare)
        assert (made.units, made.scale, made.name) == (6, 2.0, hidden.name)
        assert made.trainable == ("unfreeze" in change)
        assert np.array_equal(made.kernel.numpy(), hidden.kernel.numpy()) or "unfreeze" in change


@pytest.mark.parametrize("change", [{}, {"batch_norm": True}, {"unfreeze": True}, {"strip": ("",)}])
def test_a_copy_keeps_what_a_normalization_was_adapted_to(change):
    raw, norm = np.round(255 * X), keras.layers.Normalization()
    norm.adapt(raw)
    layers = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten(), keras.layers.Dense(4)]
    model = keras.Sequential([keras.Input((8, 8, 3)), norm, *layers])
    made = cloning.copy(model, raw, seed=0, **change)
    np.testing.assert_allclose(made.layers[0](raw[:9]), norm(raw[:9]), atol=1e-5)


def test_a_network_that_normalises_its_raw_pixels_is_healthy():
    x, y = stripes(1200)
    norm = keras.layers.Normalization()
    norm.adapt(np.round(255 * x))
    model = keras.Sequential([keras.Input((8, 8, 3)), norm, *small().layers])
    model.compile(keras.optimizers.Adam(1e-2), LOSS)
    report = examine(model, np.round(255 * x), y, budget_seconds=120)
    assert report.cause == causes.HEALTHY and report.vital_signs[0].size < 3


@pytest.fixture
def other_numbers(request, usual_policy):
    before = keras.config.floatx()
    if request.param == "float64":
        keras.config.set_floatx("float64")
    keras.config.set_dtype_policy(request.param)
    yield
    keras.config.set_floatx(before)


@pytest.mark.parametrize("other_numbers", ["mixed_float16", "mixed_bfloat16", "float64"], indirect=True)
def test_a_yes_no_output_of_other_than_32_bits_is_read(other_numbers):
    x, y = stripes(1200)
    layers = [keras.layers.Conv2D(8, 3, activation="relu"), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers, keras.layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy")
    report = examine(model, x, y // 2, budget_seconds=120)
    assert report.cause == causes.HEALTHY and "raises" not in str(report)


@keras.saving.register_keras_serializable(package="test_diagnosis_copies")
class Own(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.conv = keras.layers.Conv2D(8, 3, padding="same", activation="relu", kernel_initializer="he_normal")
        self.flat, self.out = keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")

    def call(self, images):
        return self.out(self.flat(self.conv(images)))

    def get_config(self):
        return {}


def own(rate):
    model = Own()
    model(X[:1])
    model.compile(keras.optimizers.Adam(rate), LOSS)
    return model


def test_a_model_of_an_own_class_with_a_frozen_kernel_is_examined():
    model = own(1e-2)
    model.conv.trainable = False
    assert weight_facts.frozen_kernels(Subject.of(model, X, Y)) == (1, 1)
    assert len(cloning.copy(model, X, seed=0, unfreeze=True).trainable_variables) == 4

    class FrozenInside(Own):
        def __init__(self, **options):
            super().__init__(**options)
            self.conv.trainable = False

    inside = FrozenInside()
    inside(X[:1])
    assert len(cloning.copy(inside, X, seed=0).trainable_variables) == 2
    assert len(cloning.copy(inside, X, seed=0, unfreeze=True).trainable_variables) == 4
    with pytest.raises(cloning.CannotRebuild, match="only the class Own knows how it is built"):
        cloning.copy(model, X, seed=0, batch_norm=True)


def test_a_change_that_cannot_be_built_is_told_and_the_others_are_tried(monkeypatch):
    def suspected(*arguments):
        strong = Suspicion(causes.REGULARISATION_TOO_STRONG, "", "", {"strip": True}, "")
        return [strong, Suspicion(causes.LEARNING_RATE_TOO_LOW, "", "", {"rate": 1e7}, "")]

    monkeypatch.setattr(training_stage, "suspicions_of", suspected)
    report = examine(own(1e-9), *stripes(1200), budget_seconds=200)
    assert report.causes == (causes.LEARNING_RATE_TOO_LOW,)
    assert "no regularisation: not tried: only the class Own" in str(report)
    assert "raises" not in str(report) and report.plot().text


def test_a_remedy_that_cannot_be_built_costs_no_finished_trial():
    report = Report(causes.LEARNING_RATE_TOO_HIGH, True, (Finding(causes.LEARNING_RATE_TOO_HIGH, "", "", ""),))
    remedies = (Variation("rate x 0.1", rate=0.1), Variation("batch normalisation", batch_norm=True))
    table = prescribe(report, own(1e-2), X, Y, seeds=2, steps=20, remedies=remedies)
    assert [len(trial.courses) for trial in table.trials] == [2, 2, 0]
    assert "batch normalisation: not tried: only the class Own" in str(table) and table.plot().text


def test_he_weights_are_drawn_for_kernels_only():
    layers = [
        keras.layers.Conv2D(4, 3, name="conv", bias_initializer="ones"),
        keras.layers.LayerNormalization(axis=[1, 2, 3]),
        keras.layers.PReLU(),
        keras.layers.Reshape((6, 24)),
        keras.layers.LSTM(5),
        keras.layers.Dense(4, name="out", bias_initializer="ones"),
    ]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    for weight, drawn in zip(model.weights, he_normal(model, 0), strict=True):
        same = np.array_equal(weight.numpy(), drawn)
        if weight.name.endswith("kernel"):
            assert not same and np.ptp(drawn) > 0, weight.path
        elif weight.path.split("/")[-2] in ("conv", "out"):
            assert not drawn.any(), weight.path
        else:
            assert same, weight.path
    (kernel,) = [
        drawn for weight, drawn in zip(model.weights, he_normal(model, 0), strict=True) if weight.shape[0] == 24
    ]
    assert kernel.std() == pytest.approx(np.sqrt(2 / 24), rel=0.2)


def test_what_is_compiled_to_run_eagerly_is_trained_eagerly():
    def with_numpy(y, p):
        rows = y.numpy().astype(int).ravel()
        return -keras.ops.mean(keras.ops.log(keras.ops.sum(p * np.eye(4, dtype="float32")[rows], axis=1) + 1e-7))

    model = small()
    model.compile(keras.optimizers.Adam(1e-2), with_numpy, run_eagerly=True)
    assert falls(trained(model, 40)[0])
    unbuilt = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")])
    unbuilt.compile(keras.optimizers.Adam(1e-2), with_numpy, run_eagerly=True)
    assert len(trained(unbuilt, 2)[0].loss) == 2


class Halving(keras.optimizers.schedules.LearningRateSchedule):
    """Without get_config, as tutorials write it."""

    def __call__(self, step):
        return 1e-2 * 0.5 ** (keras.ops.cast(step, "float32") / 1000)


@pytest.mark.parametrize("rate", [lambda: 1e-2, Halving()])
def test_a_rate_that_is_a_function_or_a_schedule_of_ones_own(rate):
    model = small(keras.optimizers.Adam(rate))
    assert rates(model.optimizer)[0] == pytest.approx(1e-2)
    assert falls(trained(model, 60)[0])
    assert not falls(trained(model, 60, Variation("slow", rate=1e-6))[0])


def test_ordinary_batch_norm_is_one_that_learns_also_where_it_was_frozen():
    norm = keras.layers.BatchNormalization(epsilon=1.0)
    model = functional(keras.Model, norm)
    norm.trainable = False
    plain, ordinary = (cloning.copy(model, X, seed=0, batchnorm_defaults=kind) for kind in (False, True))
    found = [next(layer for layer in made.layers if layer.name == norm.name) for made in (plain, ordinary)]
    assert [layer.trainable for layer in found] == [False, True]
    assert [layer.epsilon for layer in found] == [1.0, 1e-3] and not norm.trainable


def test_a_training_may_start_from_he_weights():
    course, trainer = trained(small(), 1, Variation("He", he=True))
    kernel = next(weight for weight in trainer.model.trainable_variables if weight.path.endswith("kernel"))
    drawn = next(value for value in course.state[0] if value.shape == kernel.shape)
    assert course.steps == 1 and 0.5 < drawn.std() / np.sqrt(2 / np.prod(kernel.shape[:-1])) < 1.5


@pytest.mark.parametrize(
    ("learned", "said"),
    [
        ([(False,), (False,), (True,)], "The smallest change that made every seed learn: B."),
        ([(False,), (False,), (False,)], "None that was tried helped."),
        ([(False,), (False,), ()], "None that was tried helped. Not tried to the end: B (the time was over)."),
        ([(False,), (), ()], "No remedy was tried to the end: A (the time was over), B (the time was over)."),
    ],
)
def test_the_outcome_tells_what_failed_from_what_was_not_tried(learned, said):
    trials = [
        Trial(name, each, (2.3,), (0.1,), (20,), ()) for name, each in zip(("control", "A", "B"), learned, strict=True)
    ]
    assert Prescription(tuple(trials), 2.3, 0.1, 1.0).outcome == said


def test_a_control_that_learned_counts_as_one_whatever_its_last_steps_were_like():
    course = Course(Variation(), 32, loss=[2.3] * 40, correct=[3] * 40, spread=[1.0] * 40)
    lab = SimpleNamespace(chance=Chance(2.3, 0.0, 0.1), accuracy=lambda _: 0.1, refused={}, asked=100)
    assert remedies._trial(lab, Variation(), [course], [0.3], 40).learned == (True,)
    assert remedies._trial(lab, Variation(), [course], [], 40).verdict == "does not learn"


def test_a_copy_keeps_its_fast_batch_norm_when_its_layers_are_measured():
    layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()]
    made = cloning.copy(keras.Sequential([*layers, keras.layers.Flatten()]), X, seed=0)
    before = [vars(layer).get("call") for layer in made.layers]
    assert any(before)
    vital_signs.through_the_layers(made, np.zeros((4, 8, 8, 3), np.float32))
    assert [vars(layer).get("call") for layer in made.layers] == before


def test_seeds_in_lists_are_taken_out_as_well():
    """Cells of a recurrent layer: a list in its configuration."""
    cells = [keras.layers.LSTMCell(4, kernel_initializer=keras.initializers.HeNormal(seed=seed)) for seed in (1, 2)]
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.RNN(cells), keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    images = np.zeros((2, 5, 3), np.float32)
    first, again, other = (cloning.copy(model, images, seed=seed).get_weights()[0] for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_lists_of_keras_have_their_seeds_taken_out():
    """What a layer keeps as a list is one of Keras's own class."""
    layer = keras.layers.Layer()
    layer.parts = [{"seed": 3}, ({"seed": 4},)]
    assert type(layer.parts) is not list and without_seeds({"parts": layer.parts})["parts"][0] == {"seed": None}
