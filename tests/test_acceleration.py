"""The fast gradient against Keras's own; what is saved, loaded or cloned stays plain Keras."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from vgg_lesson.architecture import build_vgg
from vgg_lesson.speed.acceleration import accelerate, is_suitable

pytestmark = pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")), reason="with a GPU, accelerate leaves every layer alone"
)


@pytest.fixture(autouse=True)
def whole_batches(monkeypatch):
    """Each operation once, so that a graph tells which; tests/test_halves.py has the other way."""
    monkeypatch.setattr("vgg_lesson.speed.halves.an_operation_has_one_thread", lambda: False)


def one_convolution(filters=5, kernel=3, side=7, channels=4, **options):
    options = {"padding": "same", **options}
    layer = keras.layers.Conv2D(filters, kernel, name="convolution", **options)
    model = keras.Sequential([keras.Input((*(side if isinstance(side, tuple) else (side, side)), channels)), layer])
    model.layers[0].bias.assign(np.linspace(-1, 1, filters))
    return model


def gradients(model, images, jit_compile=False):
    """Output, and gradients of a loss with different weights everywhere, for images, kernel and bias."""
    images = tf.constant(images)

    @tf.function(jit_compile=jit_compile)
    def run():
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = model(images)
            loss = tf.reduce_sum(tf.sin(tf.cast(outputs, tf.float32)))
        return outputs, *tape.gradient(loss, [images, *[v.value for v in model.trainable_variables]])

    return [np.asarray(tf.cast(value, tf.float32)) for value in run()]


def replaced(layer):
    return (
        layer.convolution_op.__func__ is not type(layer).convolution_op
        if hasattr(layer.convolution_op, "__func__")
        else True
    )


@pytest.mark.parametrize("kernel", [1, 3, 5, (3, 5), (1, 7)])
@pytest.mark.parametrize("batch, side, channels", [(1, 7, 4), (3, (6, 9), 1), (2, 1, 3), (4, 2, 8)])
@pytest.mark.parametrize("onednn", [True, False])
def test_gradients_equal_stock_keras(monkeypatch, kernel, batch, side, channels, onednn):
    monkeypatch.setattr("vgg_lesson.speed.acceleration.onednn_is_on", lambda: onednn)
    model = one_convolution(kernel=kernel, side=side, channels=channels)
    images = np.random.default_rng(0).normal(size=(batch, *model.input_shape[1:])).astype("float32")
    expected = gradients(model, images)
    accelerate(model)
    assert replaced(model.layers[0])
    for ours, theirs in zip(gradients(model, images), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("side", "kernel", "one_product"),
    [
        (2, 3, True),
        (2, 5, True),
        (1, 1, True),
        ((1, 2), (1, 3), True),
        (2, 1, False),
        (2, (3, 1), False),
        ((1, 4), 3, False),
    ],
)
def test_one_product_where_all_places_see_each_other(side, kernel, one_product):
    layer = accelerate(one_convolution(side=side, kernel=kernel)).layers[0]
    images = tf.TensorSpec((None, *layer.input.shape[1:]))
    graph = tf.function(layer).get_concrete_function(images).graph
    assert ("Conv2D" not in {operation.type for operation in graph.get_operations()}) == one_product


def test_on_arm_the_input_has_its_gradient_from_a_convolution(monkeypatch):
    monkeypatch.setattr("vgg_lesson.speed.acceleration.onednn_is_on", lambda: True)
    found = {}
    for machine in ("x86_64", "aarch64"):
        monkeypatch.setattr("platform.machine", lambda machine=machine: machine)
        layer = accelerate(one_convolution()).layers[0]

        @tf.function
        def run(images, layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(images)
                loss = tf.reduce_sum(layer(images))
            return tape.gradient(loss, images)

        graph = run.get_concrete_function(tf.zeros((1, 7, 7, 4))).graph
        found[machine] = {kind for kind in (op.type for op in graph.get_operations()) if kind.startswith("Conv2D")}
    assert found["x86_64"] == {CONVOLUTIONS, KERNEL_GRADIENT, INPUT_GRADIENT}
    assert found["aarch64"] == {CONVOLUTIONS, KERNEL_GRADIENT}


@pytest.mark.parametrize("variables", [{"TF_ENABLE_ONEDNN_OPTS": "0"}, {"TF_ENABLE_ONEDNN_OPTS": "1"}])
def test_it_is_known_whether_onednn_is_on(variables):
    program = "from vgg_lesson.speed.acceleration import onednn_is_on; print(onednn_is_on())"
    environment = os.environ | variables
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(variables["TF_ENABLE_ONEDNN_OPTS"] == "1")


@pytest.mark.parametrize("onednn", [True, False])
def test_gradients_of_a_whole_vgg_equal_stock_keras(monkeypatch, onednn):
    monkeypatch.setattr("vgg_lesson.speed.acceleration.onednn_is_on", lambda: onednn)
    model = build_vgg("D", width=1 / 16, head=(16,), batch_norm=True)
    images = np.random.default_rng(0).random((4, 32, 32, 3), dtype="float32")
    expected = gradients(model, images)
    for ours, theirs in zip(gradients(accelerate(model), images), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("side", [1, 2, 4, (2, 5)])
def test_many_weights_on_a_small_map_equal_stock_keras(side):
    model = one_convolution(filters=256, side=side, channels=256)
    images = np.random.default_rng(0).normal(size=(3, *model.input_shape[1:])).astype("float32")
    expected = gradients(model, images)
    accelerate(model)
    for ours, theirs in zip(gradients(model, images), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


CONVOLUTIONS, KERNEL_GRADIENT, INPUT_GRADIENT = "Conv2D", "Conv2DBackpropFilter", "Conv2DBackpropInput"


@pytest.mark.parametrize(
    ("side", "channels", "dtype", "left"),
    [
        (2, 256, "float32", set()),
        (2, 128, "float32", set()),
        (2, 8, "float32", set()),
        (3, 64, "float32", {CONVOLUTIONS, KERNEL_GRADIENT}),
        (4, 256, "float32", set()),
        (4, 128, "float32", {CONVOLUTIONS, KERNEL_GRADIENT}),
        (8, 256, "float32", {CONVOLUTIONS, KERNEL_GRADIENT}),
        (2, 128, "mixed_bfloat16", set()),
        (8, 256, "mixed_bfloat16", {CONVOLUTIONS}),
        (8, 192, "mixed_bfloat16", {CONVOLUTIONS}),
        (8, 128, "mixed_bfloat16", {CONVOLUTIONS, KERNEL_GRADIENT}),
        (16, 256, "mixed_bfloat16", {CONVOLUTIONS, KERNEL_GRADIENT}),
        (2, 256, "mixed_float16", {CONVOLUTIONS, KERNEL_GRADIENT}),
    ],
)
@pytest.mark.parametrize("onednn", [True, False])
def test_products_where_they_are_faster(monkeypatch, side, channels, dtype, left, onednn):
    monkeypatch.setattr("vgg_lesson.speed.acceleration.onednn_is_on", lambda: onednn)
    model = accelerate(one_convolution(filters=channels, side=side, channels=channels, dtype=dtype))
    kernel = model.layers[0].kernel.value

    @tf.function
    def run(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(tf.cast(model(images), tf.float32))
        return tape.gradient(loss, [images, kernel])

    graph = run.get_concrete_function(tf.zeros([2, side, side, channels])).graph
    operations = [operation.type for operation in graph.get_operations()]
    back_to_images = {INPUT_GRADIENT} if CONVOLUTIONS in left and onednn else set()
    assert {kind for kind in operations if kind.startswith("Conv2D")} == left | back_to_images
    assert ("MatMul" in operations) == (KERNEL_GRADIENT not in left)
    if CONVOLUTIONS in left:
        assert operations.count("Conv2D") == (1 if onednn else 2)  # forward, and back to the images


@pytest.mark.parametrize("channels", [4, 256])  # as convolutions, and as products
def test_outputs_that_are_looked_up_by_rows_can_be_trained(channels):
    found = []
    for change in (lambda model: model, accelerate):
        keras.utils.set_random_seed(0)
        images = keras.Input((4, 4, channels))
        maps = keras.layers.Conv2D(channels, 3, padding="same")(images)
        model = change(keras.Model(images, keras.layers.Lambda(lambda x: keras.ops.take(x, [1, 0], axis=0))(maps)))
        model.compile("sgd", "mse", jit_compile=False)
        data = np.random.default_rng(0).normal(size=(2, 4, 4, channels)).astype(np.float32)
        model.fit(data, data[::-1], verbose=0)
        found.append(model.get_weights())
    for want, have in zip(*found, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-6)


def test_images_of_any_size():
    model = one_convolution(side=(None, None))
    images = np.random.default_rng(0).normal(size=(2, 11, 4, 4)).astype("float32")
    expected = gradients(model, images)
    for ours, theirs in zip(gradients(accelerate(model), images), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"strides": 2},
        {"padding": "valid"},
        {"kernel": 2},
        {"kernel": (3, 4)},
        {"dilation_rate": 2},
        {"groups": 2, "filters": 4},
    ],
)
def test_others_keep_the_ordinary_path(options):
    model = one_convolution(**options)
    images = np.random.default_rng(0).normal(size=(2, *model.input_shape[1:])).astype("float32")
    expected = gradients(model, images)
    accelerate(model)
    assert not is_suitable(model.layers[0])
    assert not replaced(model.layers[0])
    for ours, theirs in zip(gradients(model, images), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_subclasses_keep_their_own_convolution():
    class Doubled(keras.layers.Conv2D):
        def convolution_op(self, inputs, kernel):
            return 2 * super().convolution_op(inputs, kernel)

    layer = Doubled(2, 3, padding="same")
    accelerate(keras.Sequential([keras.Input((4, 4, 1)), layer]))
    assert not replaced(layer)


def test_nested_and_shared_layers_are_found_and_twice_is_once():
    inner = one_convolution(filters=4)
    model = keras.Sequential([keras.Input((7, 7, 4)), inner, inner])
    assert accelerate(accelerate(model)) is model
    assert replaced(inner.layers[0])
    images = np.random.default_rng(0).normal(size=(2, 7, 7, 4)).astype("float32")
    ours = gradients(model, images)
    del inner.layers[0].convolution_op  # Keras's own again
    for mine, theirs in zip(ours, gradients(model, images), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def test_half_precision_compute():
    with_policy = one_convolution(dtype="mixed_bfloat16")
    images = np.random.default_rng(0).normal(size=(2, 7, 7, 4)).astype("float32")
    expected = gradients(with_policy, images)
    for ours, theirs in zip(gradients(accelerate(with_policy), images), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("side, channels", [(7, 4), (2, 128)])  # the second is made of products
def test_gradient_of_the_gradient(side, channels):
    """Methods that penalise gradients differentiate twice."""
    model = one_convolution(filters=channels, kernel=3, side=side, channels=channels)
    images = tf.constant(np.random.default_rng(0).normal(size=(1, side, side, channels)).astype("float32"))

    def second():
        with tf.GradientTape() as outer:
            outer.watch(images)
            with tf.GradientTape() as inner:
                inner.watch(images)
                loss = tf.reduce_sum(model(images) ** 3)
            penalty = tf.reduce_sum(inner.gradient(loss, images) ** 2)
        return outer.gradient(penalty, images).numpy()

    expected = second()
    accelerate(model)
    np.testing.assert_allclose(second(), expected, rtol=1e-3, atol=1e-3)


def test_training_by_fit_gives_the_same_weights():
    def trained(change):
        keras.utils.set_random_seed(0)
        model = change(build_vgg("A", width=1 / 16, head=(16,), initializer="he_normal"))
        model.compile("sgd", "sparse_categorical_crossentropy")
        images = np.random.default_rng(0).random((32, 32, 32, 3), dtype="float32")
        model.fit(images, np.arange(32) % 10, batch_size=8, epochs=1, shuffle=False, verbose=0)
        return model.get_weights()

    for ours, theirs in zip(trained(accelerate), trained(lambda model: model), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_clone_and_config_are_plain():
    model = accelerate(one_convolution())
    clone = keras.models.clone_model(model)
    assert type(model.layers[0]) is keras.layers.Conv2D
    assert model.get_config() == one_convolution_config(model)
    assert not replaced(clone.layers[0])


def one_convolution_config(model):
    plain = one_convolution().get_config()
    plain["name"] = model.name
    plain["layers"][0]["config"] = model.get_config()["layers"][0]["config"]  # the input's running number
    return plain


def test_saved_model_loads_where_the_package_is_missing(tmp_path):
    model = accelerate(build_vgg("A", width=1 / 32, head=(8,), batch_norm=True))
    images = np.random.default_rng(0).random((2, 32, 32, 3), dtype="float32")
    model.save(tmp_path / "net.keras")
    np.savez(tmp_path / "expected.npz", images=images, outputs=model(images))
    (tmp_path / "load.py").write_text(
        "import sys\n"
        "sys.modules['vgg_lesson'] = None  # importing the package now raises ImportError\n"
        "import keras, numpy as np\n"
        "saved = np.load('expected.npz')\n"
        "model = keras.models.load_model('net.keras')\n"
        "np.testing.assert_allclose(model(saved['images']), saved['outputs'], rtol=1e-4, atol=1e-6)\n"
        "assert 'vgg_lesson.speed.acceleration' not in sys.modules\n"
        "print('plain Keras')\n"
    )
    done = subprocess.run([sys.executable, "load.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip().endswith("plain Keras"), done.stderr[-2000:]


def test_exported_model_answers_the_same(tmp_path):
    model = accelerate(build_vgg("A", width=1 / 32, head=(8,)))
    images = np.random.default_rng(0).random((2, 32, 32, 3), dtype="float32")
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "served"))
    np.testing.assert_allclose(served.serve(images), model(images), rtol=1e-4, atol=1e-6)


def test_what_is_no_model_is_named():
    with pytest.raises(TypeError, match=r"must be a keras\.Model, received None"):
        accelerate(None)
