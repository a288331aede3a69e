"""The cells of lesson 5 that a reader takes home, on networks that are not the lesson's."""

import keras
import numpy as np
import pytest
from lesson_sources import sources

IMAGES = np.random.default_rng(0).integers(0, 256, (600, 8, 8, 3), dtype=np.uint8)
LABELS = np.arange(600) // 60  # sorted by class


@pytest.fixture(scope="module")
def taken_home():
    """The functions that the lesson defines, and its steps on a fresh copy."""
    cells = sources("05")
    names = {"np": np, "keras": keras}
    exec(cells["l5-64r"], names)
    exec(cells["l5-64g"], names)
    exec(cells["l5-64c"].split("\nlook_inside(")[0], names)
    exec(cells["l5-64e"], names)
    exec(cells["l5-64k"], names)
    names["twenty_steps"] = cells["l5-64p"].split("\nassert")[0]
    names["by_heart"] = cells["l5-64l"].split("\nassert")[0]
    names["one_change"] = cells["l5-64n"]
    return names


def network(
    last="softmax", loss="sparse_categorical_crossentropy", rate=1e-3, trainable=True, rescaled=True, brakes=(), **layer
):
    keras.utils.set_random_seed(0)
    convolution = keras.layers.Conv2D(8, 3, trainable=trainable, **{"activation": "relu", **layer})
    layers = [*[keras.layers.Rescaling(1 / 255)] * rescaled, convolution, keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers, keras.layers.Dense(10, activation=last)])
    model.compile(keras.optimizers.Adam(rate, **dict(brakes)), loss, jit_compile=False)
    return model


def loss_seen(said):
    return float(said.split("before any training: ")[1].split(";")[0])


def test_a_healthy_network_passes_the_first_look(taken_home, capsys):
    taken_home["first_look"](network(), IMAGES, LABELS)
    said = capsys.readouterr().out
    assert "images (600, 8, 8, 3): 0 to 255" in said and "[0 1 2 3 4 5 6 7 8 9]" in said
    assert "training may change 3,114 of 3,114 weights, at a rate of 0.001" in said
    assert "their sum for one image: 1 to 1" in said
    assert 2.2 < loss_seen(said) < 2.6


def test_the_first_look_shows_a_frozen_layer_and_outputs_that_are_no_probabilities(taken_home, capsys):
    taken_home["first_look"](network(last="relu", trainable=False), IMAGES, LABELS)
    said = capsys.readouterr().out
    assert "training may change 2,890 of 3,114 weights" in said
    assert "their sum for one image: 1 to 1" not in said
    assert loss_seen(said) > 4


def test_the_first_look_takes_one_hot_labels_loss_objects_and_schedules(taken_home, capsys):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.02, 10, 0.5)
    model = network(loss=keras.losses.CategoricalCrossentropy(), rate=schedule)
    taken_home["first_look"](model, IMAGES, np.eye(10, dtype="float32")[LABELS])
    said = capsys.readouterr().out
    assert "labels (600, 10): [0. 1.]" in said and "at a rate of 0.02" in said
    assert 2.2 < loss_seen(said) < 2.6


def test_inside_a_network_a_frozen_layer_does_not_change(taken_home, capsys):
    for trainable, changed in ((True, 2), (False, 1)):
        model = network(trainable=trainable, rescaled=False)  # uint8 goes into the convolution
        names = {**taken_home, "model": model, "images": IMAGES, "labels": LABELS}
        exec(names["twenty_steps"], names)
        said = capsys.readouterr().out
        assert f"one more step changes {changed} of 2 kernels" in said
        assert said.count(" differs by ") == 2, "of the convolution and the dense layer"


def test_losses_are_those_of_each_step_on_images_from_everywhere(taken_home):
    model, seen = network(), []
    model.compile(model.optimizer, model.loss, metrics=["accuracy"], jit_compile=False)
    trial, again = (taken_home["fresh_copy"](model, seed=1) for _ in range(2))
    train = trial.train_on_batch
    trial.train_on_batch = lambda x, y, **options: seen.append((x, y)) or train(x, y, **options)
    losses = taken_home["losses_of"](trial, IMAGES, LABELS, steps=12, batch=60)  # ten batches, then again
    assert all(len(np.unique(y)) > 7 for _, y in seen[:10])
    assert np.array_equal(np.sort(np.concatenate([y for _, y in seen[:10]])), LABELS)
    for loss, (x, y) in zip(losses[:3], seen, strict=False):
        assert loss == pytest.approx(again.evaluate(x, y, verbose=0, batch_size=60, return_dict=True)["loss"], rel=1e-4)
        again.train_on_batch(x, y)
    assert losses[0] != taken_home["losses_of"](taken_home["fresh_copy"](model, seed=2), IMAGES, LABELS, steps=1)[0]


def test_what_was_frozen_or_adapted_is_so_in_a_fresh_copy(taken_home, capsys):
    normal, frozen = keras.layers.Normalization(), keras.layers.Dense(4, trainable=False)
    normal.adapt(IMAGES)
    layers = [normal, keras.layers.Flatten(), frozen, keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    copy = taken_home["fresh_copy"](model, seed=3)
    assert np.array_equal(copy.layers[2].kernel, frozen.kernel)
    assert not np.array_equal(copy.layers[3].kernel, model.layers[3].kernel)
    assert np.allclose(copy.layers[0](IMAGES), normal(IMAGES))
    before = model.get_weights()
    taken_home["look_inside"](model, IMAGES)
    assert 0.5 < float(capsys.readouterr().out.split("differs by ")[1].split(",")[0]) < 2
    assert all(map(np.array_equal, before, model.get_weights()))


def test_looking_inside_leaves_batch_norm_as_it_was(taken_home):
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.BatchNormalization(), keras.layers.Flatten()])
    taken_home["look_inside"](model, IMAGES)
    assert not model.layers[0].moving_mean.numpy().any()


def test_outputs_that_are_alike_do_not_differ_by_rounding(taken_home, capsys):
    """A hundred rows of 0.1 in float32 have a standard deviation of 1.5e-8: the signal seemed to come back."""
    model = network()
    model.set_weights([0 * weight for weight in model.get_weights()])
    taken_home["look_inside"](model, IMAGES)
    assert capsys.readouterr().out.splitlines()[-1].split("differs by ")[1].startswith("0e+00")


def test_by_heart_takes_images_of_all_classes(taken_home, capsys):
    names = {**taken_home, "model": network(rate=1e-2), "images": IMAGES, "labels": LABELS}
    exec(names["by_heart"], names)
    constant, reached = capsys.readouterr().out.split(";")
    assert len(names["labels"][names["rows"]]) == 32 and 2 < float(constant.split()[-1]) < 2.31
    assert float(reached.split()[-1]) < 1


def test_one_change_beside_a_control(taken_home, capsys):
    model = network(rate=1e-2)
    names = {**taken_home, "model": model, "images": IMAGES, "labels": LABELS}
    exec(names["one_change"], names)
    ends, said = names["ends"], capsys.readouterr().out
    assert list(ends) == [(name, seed) for name in ("untouched", "He's weights") for seed in (0, 1)]
    assert said.count("mean loss of the last 20 steps") == 4
    kernel = taken_home["fresh_copy"](model, **names["changes"]["He's weights"]).layers[1].kernel.numpy()
    assert np.std(kernel) == pytest.approx((2 / 27) ** 0.5, rel=0.15)


def test_the_first_look_shows_penalties_and_brakes(taken_home, capsys):
    taken_home["first_look"](network(), IMAGES, LABELS)
    plain = capsys.readouterr().out
    assert "which fit adds: 0\n" in plain and "brakes: none" in plain
    model = network(brakes={"clipnorm": 1e-3}, kernel_regularizer=keras.regularizers.L2(100.0))
    taken_home["first_look"](model, IMAGES, LABELS)
    said = capsys.readouterr().out
    penalties = 100 * np.sum(model.layers[1].kernel.numpy() ** 2)
    assert float(said.split("which fit adds: ")[1].split()[0]) == pytest.approx(penalties, rel=0.05)
    assert loss_seen(said) == loss_seen(plain) and "brakes: {'clipnorm': 0.001}" in said


def test_losses_are_without_penalties(taken_home):
    plain, heavy = network(), network(kernel_regularizer=keras.regularizers.L2(1.0))
    first = [taken_home["losses_of"](taken_home["fresh_copy"](model), IMAGES, LABELS, 1)[0] for model in (plain, heavy)]
    assert sum(heavy.losses) > 1 and first[0] == pytest.approx(first[1], abs=1e-3)


def test_one_more_step_shows_a_rate_that_its_schedule_has_ended(taken_home, capsys):
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-3, 1, 0.1)
    trial = taken_home["fresh_copy"](network(rate=schedule))
    for steps, moves in ((0, True), (20, False)):
        taken_home["losses_of"](trial, IMAGES, LABELS, steps)
        taken_home["one_more_step"](trial, IMAGES, LABELS)
        said = capsys.readouterr().out
        assert (float(said.split("by up to ")[1].split()[0]) > 1e-3) == moves
    assert float(said.rpartition("; rate ")[2]) < 1e-20


@pytest.mark.parametrize(
    ("layers", "optimizer", "kept"),
    [
        ({"activation": "tanh"}, {}, {"activation": "softmax"}),
        ({"kernel_regularizer": None, "bias_initializer": "ones"}, {"clipnorm": None, "learning_rate": 0.5}, {}),
    ],
)
def test_a_copy_has_what_was_changed_and_nothing_else(taken_home, layers, optimizer, kept):
    model = network(brakes={"clipnorm": 1e-3}, kernel_regularizer="l2")
    copy = taken_home["fresh_copy"](model, 0, layers, optimizer)
    for new, old in zip(copy.layers, model.layers, strict=True):
        config, was = new.get_config(), old.get_config()
        wanted = {**was, **{name: value for name, value in layers.items() if name in was}}
        wanted |= kept if old is model.layers[-1] else {}
        again = type(old).from_config(wanted)
        assert config == again.get_config()
    wanted = keras.optimizers.Adam.from_config(model.optimizer.get_config() | optimizer)
    assert copy.optimizer.get_config() == wanted.get_config()
    assert model.layers[1].get_config()["activation"] == "relu"


def test_penalties_of_activities_do_not_stop_the_look(taken_home, capsys):
    """Keras keeps the last batch's, and they cannot be read after ``fit``."""
    model = network(activity_regularizer="l2")
    taken_home["first_look"](model, IMAGES, LABELS)
    assert np.isfinite(taken_home["losses_of"](taken_home["fresh_copy"](model), IMAGES, LABELS, 2)).all()


def test_one_more_step_counts_kernels_only_and_kernels_of_zeros(taken_home, capsys):
    trial = taken_home["fresh_copy"](network(), layers={"kernel_initializer": "zeros"})
    taken_home["one_more_step"](trial, IMAGES, LABELS)
    assert "changes 0 of 2 kernels, by up to 0.0e+00" in capsys.readouterr().out
    layers = [keras.layers.Reshape((8, 24)), keras.layers.GRU(4), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255), *layers])
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    taken_home["one_more_step"](model, IMAGES, LABELS)
    said = capsys.readouterr().out
    assert "of 3 kernels" in said and float(said.split("by up to ")[1].split()[0]) < 0.1


def test_of_an_optimizer_that_mixed_precision_wraps_the_settings_are_shown_and_changed(taken_home, capsys):
    model = network()
    wrapped = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3, clipnorm=1e-3))
    model.compile(wrapped, model.loss, jit_compile=False)
    taken_home["first_look"](model, IMAGES, LABELS)
    assert "brakes: {'clipnorm': 0.001}" in capsys.readouterr().out
    copy = taken_home["fresh_copy"](model, optimizer={"clipnorm": None, "learning_rate": 0.5})
    assert copy.optimizer.clipnorm is None and float(copy.optimizer.learning_rate) == 0.5


def test_a_single_unit_is_looked_at_and_a_linear_layer_stays_so(taken_home, capsys):
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", jit_compile=False)
    taken_home["first_look"](model, IMAGES / np.float32(255), LABELS % 2)
    assert 0.3 < loss_seen(capsys.readouterr().out) < 2
    layers = [keras.layers.Flatten(), keras.layers.Dense(8, "tanh"), keras.layers.Dense(10), keras.layers.Softmax()]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    copy = taken_home["fresh_copy"](model, layers={"activation": "relu"})
    assert [layer.get_config().get("activation") for layer in copy.layers] == [None, "relu", "linear", None]
