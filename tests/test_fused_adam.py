"""The fused update equals Keras's own, step by step, and leaves everything else as it is."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vgg_lesson.speed.fused_adam import fuse_adam


def trained_weights(optimizer):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(3, activation="softmax")]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    rng = np.random.default_rng(0)
    model.fit(rng.normal(size=(64, 6)), rng.integers(0, 3, 64), batch_size=8, epochs=3, shuffle=False, verbose=0)
    return model, [weights.copy() for weights in model.get_weights()]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        {"learning_rate": keras.optimizers.schedules.CosineDecay(1e-2, 20)},
        {"weight_decay": 0.1},
        {"clipnorm": 0.01},
        {"use_ema": True, "ema_overwrite_frequency": 5},
        {"gradient_accumulation_steps": 2},
        {"beta_1": 0, "beta_2": np.float64(0.99), "epsilon": np.float64(1e-7)},
    ],
    ids=["default", "constants", "schedule", "decay", "clipping", "averaging", "accumulation", "no floats"],
)
def test_equals_keras_over_24_steps(options):
    _, expected = trained_weights(keras.optimizers.Adam(**options))
    model, received = trained_weights(fuse_adam(keras.optimizers.Adam(**options)))
    assert "_backend_update_step" in vars(model.optimizer)
    assert int(model.optimizer.iterations) == 24 // options.get("gradient_accumulation_steps", 1)
    for want, have in zip(expected, received, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)


def test_rows_that_were_looked_up_and_variables_of_another_type_are_left_to_keras():
    after = []
    for change in (lambda optimizer: optimizer, fuse_adam):
        table, half = keras.Variable(np.ones((4, 2), "float32")), keras.Variable(np.ones(3), dtype="float16")
        optimizer = change(keras.optimizers.Adam(0.1))
        for row in (0, 2, 2):
            slices = tf.IndexedSlices(tf.constant([[1.0, -2.0]]), tf.constant([row]), tf.constant([4, 2]))
            optimizer.apply([slices, tf.constant([1.0, 2.0, 3.0], tf.float16)], [table, half])
        after.append((table.numpy(), half.numpy()))
    for mine, theirs in zip(*reversed(after), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert (after[1][0][[0, 2]] != 1).all() and (after[1][0][1] == 1).all()


@pytest.mark.parametrize("kind", ["bfloat16", "float64"])
def test_gradients_of_another_type_are_cast_as_by_keras(kind):
    after = []
    for change in (lambda optimizer: optimizer, fuse_adam):
        variable = keras.Variable(np.ones(3, np.float32))
        change(keras.optimizers.Adam(0.1)).apply([keras.ops.ones(3, kind)], [variable])
        after.append(variable.numpy())
    np.testing.assert_allclose(after[1], after[0], rtol=1e-6)


@pytest.mark.parametrize(
    "optimizer", [keras.optimizers.SGD(), keras.optimizers.AdamW(), keras.optimizers.Adam(amsgrad=True)],
    ids=["sgd", "adamw", "amsgrad"],
)  # fmt: skip
def test_other_optimizers_keep_the_ordinary_path(optimizer):
    assert "_backend_update_step" not in vars(fuse_adam(optimizer))


def test_under_a_strategy_that_came_later_it_is_refused_as_keras_refuses_it():
    for optimizer in (keras.optimizers.Adam(), fuse_adam(keras.optimizers.Adam())):
        with tf.distribute.OneDeviceStrategy("CPU:0").scope():
            model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
            model.compile(optimizer, "mse")
        with pytest.raises(RuntimeError, match="Mixing different tf.distribute.Strategy"):
            model.fit(np.ones((8, 3)), np.ones((8, 2)), verbose=0)


def test_a_model_saved_with_it_loads_in_plain_keras_and_trains_on(tmp_path):
    model, _ = trained_weights(fuse_adam(keras.optimizers.Adam(1e-2)))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is keras.optimizers.Adam
    assert "_backend_update_step" not in vars(loaded.optimizer)
    for mine, theirs in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.array(mine), np.array(theirs))


def test_the_name_of_an_optimizer_is_none():
    with pytest.raises(TypeError, match=r"must be a keras\.optimizers\.Optimizer, received 'adam'"):
        fuse_adam("adam")
