"""The builder against the paper, against keras.applications, and its facts against measurements."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from vgg_lesson.architecture import (
    CONFIGURATIONS,
    LocalResponseNormalization,
    build_vgg,
    configuration_of_depth,
    layer_table,
)
from vgg_lesson.configurations import FILTERS, PAPER_ERRORS, PAPER_ERRORS_JITTERED, count_layers

PAPER_SIZE = {"input_shape": (224, 224, 3), "classes": 1000}
# Exact counts; the paper's Table 2 prints them in millions.
PARAMETERS = {
    "A": (132_863_336, 133),
    "A-LRN": (132_863_336, 133),
    "B": (133_047_848, 133),
    "C": (133_638_952, 134),
    "D": (138_357_544, 138),
    "E": (143_667_240, 144),
}
SMALL = {"width": 1 / 32, "head": (8,)}


@pytest.fixture(autouse=True)
def forget_models():
    yield
    keras.backend.clear_session()


def total(rows, field="parameters"):
    return sum(getattr(row, field) for row in rows)


# --- the paper's table


@pytest.mark.parametrize("letter", PARAMETERS)
def test_parameter_counts_are_the_papers(letter):
    exact, millions = PARAMETERS[letter]
    counted = total(count_layers(letter, **PAPER_SIZE))
    assert counted == exact
    assert round(counted / 1e6) == millions


def test_every_configuration_is_counted_and_has_an_error_rate():
    assert list(CONFIGURATIONS) == list(PARAMETERS) == list(PAPER_ERRORS)
    assert [c.weight_layers for c in CONFIGURATIONS.values()] == [11, 11, 13, 16, 16, 19]


def test_errors_of_different_training_scales_are_kept_apart():
    """At one scale E is no better than D; only C, D and E were trained with scale jitter, which helped each."""
    assert PAPER_ERRORS["B"] > PAPER_ERRORS["C"] > PAPER_ERRORS["E"] > PAPER_ERRORS["D"]
    assert list(PAPER_ERRORS_JITTERED) == ["C", "D", "E"]
    assert all(PAPER_ERRORS_JITTERED[letter] < PAPER_ERRORS[letter] for letter in PAPER_ERRORS_JITTERED)


@pytest.mark.parametrize("head, parameters", [((), 14_719_818), ((512, 512), 15_245_130), ((4096, 4096), 33_638_218)])
def test_heads_at_cifar_size(head, parameters):
    assert total(count_layers("D", head=head)) == parameters


def test_default_is_the_lectures_network():
    model = build_vgg()
    assert model.count_params() == 33_638_218
    assert model.output_shape == (None, 10)
    assert model.layers[-1].activation is keras.activations.softmax
    assert not model.compiled


def test_depth_names_a_configuration():
    assert [configuration_of_depth(depth) for depth in (11, 13, 16, 19)] == ["A", "B", "D", "E"]
    with pytest.raises(ValueError, match=r"\[11, 13, 16, 19\].*received 12"):
        configuration_of_depth(12)


# --- an independent implementation


@pytest.mark.parametrize("letter, reference", [("D", "VGG16"), ("E", "VGG19")])
def test_layers_agree_with_keras_applications(letter, reference):
    """Names, kinds, output and weight shapes, on 32 x 32 so that no 400 MB have to be initialised."""
    options = {"input_shape": (32, 32, 3), "classes": 10}
    theirs = getattr(keras.applications, reference)(weights=None, **options)
    ours = build_vgg(letter, initializer="zeros", **options)  # zeros: the weights are replaced below

    def description(model):
        layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
        return [
            (layer.name, type(layer).__name__, layer.output.shape, [tuple(w.shape) for w in layer.weights])
            for layer in layers
        ]

    assert description(ours) == description(theirs)
    ours.set_weights(theirs.get_weights())
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(ours(images), theirs(images), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("letter, reference", [("D", "VGG16"), ("E", "VGG19")])
def test_paper_size_agrees_with_keras_applications(letter, reference):
    theirs = getattr(keras.applications, reference)(weights=None, input_shape=(224, 224, 3), include_top=False)
    expected = [(layer.name, tuple(layer.output.shape[1:]), layer.count_params()) for layer in theirs.layers[1:]]
    rows = count_layers(letter, **PAPER_SIZE)
    assert [(row.name, row.output_shape, row.parameters) for row in rows[: len(expected)]] == expected
    # The head by hand: 7 x 7 x 512 values into 4096, 4096, 1000 units.
    assert [row.parameters for row in rows[-3:]] == [25_088 * 4096 + 4096, 4096 * 4096 + 4096, 4096 * 1000 + 1000]


# --- names, options


def test_names_are_the_papers():
    names = [layer.name for layer in build_vgg("C", **SMALL).layers]
    assert names[:3] == ["block1_conv1", "block1_conv2", "block1_pool"]
    assert names[-6:] == ["block5_conv2", "block5_conv3", "block5_pool", "flatten", "fc1", "predictions"]
    assert build_vgg("A-LRN", **SMALL).name == "vgg_a_lrn"


def test_third_convolutions_of_c_are_one_by_one():
    model = build_vgg("C", **SMALL)
    sizes = {layer.name: layer.kernel_size for layer in model.layers if isinstance(layer, keras.layers.Conv2D)}
    assert {name for name, size in sizes.items() if size == (1, 1)} == {f"block{block}_conv3" for block in (3, 4, 5)}


def test_batch_norm_sits_between_convolution_and_relu():
    model = build_vgg("A", batch_norm=True, **SMALL)
    assert [layer.name for layer in model.layers[:4]] == ["block1_conv1", "block1_bn1", "block1_relu1", "block1_pool"]
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert all(not layer.use_bias and layer.activation is keras.activations.linear for layer in convolutions)


def test_batch_norm_after_pooling_waits_for_the_pooling_only():
    model = build_vgg("B", width=1 / 16, head=(), batch_norm="after_pooling", blocks=2)
    names = [layer.name.removeprefix("block1_") for layer in model.layers[:7]]
    assert names == ["conv1", "bn1", "relu1", "conv2", "pool", "bn2", "relu2"]


@pytest.mark.parametrize("blocks", [1, 4, 5])
def test_fewer_blocks_leave_the_head_the_same_map(blocks):
    model = build_vgg("A", width=1 / 16, input_shape=(64, 96, 3), blocks=blocks)
    assert [layer.name for layer in model.layers if "pool" in layer.name][-1] == f"block{blocks}_pool"
    assert model.get_layer(f"block{blocks}_pool").output.shape[1:3] == (2, 3)


def test_dropout_follows_each_layer_of_the_head():
    names = [layer.name for layer in build_vgg("A", width=1 / 32, head=(8, 8), dropout=0.5).layers]
    assert names[-5:] == ["fc1", "fc1_dropout", "fc2", "fc2_dropout", "predictions"]


def test_local_response_normalisation_follows_tensorflows():
    layer = build_vgg("A-LRN", **SMALL).get_layer("block1_lrn1")
    values = np.random.default_rng(0).normal(scale=50, size=(2, 4, 5, 7)).astype("float32")
    expected = tf.nn.local_response_normalization(values, depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75)
    np.testing.assert_allclose(layer(values), expected, rtol=1e-5)


def test_local_response_normalisation_does_not_overflow_in_half_precision():
    values = np.full((1, 2, 2, 5), 400, "float16")  # whose square is more than float16 can hold
    expected = LocalResponseNormalization()(values.astype("float32"))
    received = LocalResponseNormalization(dtype="float16")(values)
    assert received.dtype == "float16"
    np.testing.assert_allclose(received, expected, rtol=1e-3)
    precise = np.random.default_rng(0).normal(size=(1, 2, 2, 5))
    assert LocalResponseNormalization(dtype="float64")(precise).dtype == "float64"


# --- initial weights


@pytest.mark.parametrize("initializer", ["he_normal", keras.initializers.HeNormal(seed=3)])
def test_layers_of_one_shape_start_with_different_weights(initializer):
    model = build_vgg("D", initializer=initializer, **SMALL)
    kernels = [model.get_layer(f"block5_conv{number}").kernel.numpy() for number in (1, 2, 3)]
    assert kernels[0].shape == kernels[1].shape == kernels[2].shape
    assert not np.array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[1], kernels[2])


def test_same_seed_same_weights():
    def weights(seed):
        keras.utils.set_random_seed(seed)
        return build_vgg("A", **SMALL).get_weights()

    first, again, other = weights(1), weights(1), weights(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_constant_initialiser_is_kept():
    model = build_vgg("A", initializer=keras.initializers.Constant(0.25), **SMALL)
    assert np.all(model.get_layer("block1_conv1").kernel.numpy() == 0.25)


# --- saving


@pytest.mark.parametrize("options", [{}, {"configuration": "A-LRN"}, {"batch_norm": True, "dropout": 0.5}])
def test_saved_and_loaded_model_answers_the_same(options, tmp_path):
    model = build_vgg(**{"configuration": "A", **SMALL, **options})
    images = np.random.default_rng(0).random((3, 32, 32, 3), dtype="float32")
    model.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    np.testing.assert_array_equal(loaded(images), model(images))
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]


# --- facts per layer


@pytest.mark.parametrize("letter", CONFIGURATIONS)
@pytest.mark.parametrize(
    "options",
    [
        {"width": 1 / 16},
        {"width": 0.05, "head": (), "batch_norm": True, "input_shape": (50, 75, 1), "classes": 3},
        {"width": 1 / 16, "head": (9, 7, 5), "dropout": 0.5, "input_shape": (64, 32, 4)},
        {"width": 1 / 16, "head": (), "batch_norm": "after_pooling", "blocks": 4},
        {"width": 1 / 16, "blocks": 1, "input_shape": (50, 75, 1)},
        {"filters": (3, 4, 5, 4, 9), "head": (), "blocks": 4, "input_shape": (31, 31, 2), "batch_norm": True},
    ],
)
def test_counted_without_building_equals_counted_on_the_network(letter, options):
    model = build_vgg(letter, **options)
    table = layer_table(model)
    assert count_layers(letter, **options) == table
    assert total(table) == model.count_params()


def test_layer_table_counts_what_the_definitions_say():
    rows = {row.name: row for row in layer_table(build_vgg("D", batch_norm=True, head=(12,), width=1 / 16))}
    row = rows["block2_conv1"]
    assert (row.kind, row.output_shape) == ("Conv2D", (16, 16, 8))
    assert row.parameters == 3 * 3 * 4 * 8
    assert row.multiply_adds == 16 * 16 * 8 * (3 * 3 * 4)
    assert row.activation_bytes == 16 * 16 * 8 * 4
    assert (rows["block2_bn1"].parameters, rows["block2_bn1"].multiply_adds) == (4 * 8, 0)
    assert (rows["fc1"].parameters, rows["fc1"].multiply_adds) == (32 * 12 + 12, 32 * 12)
    assert rows["flatten"].receptive_field is rows["predictions"].receptive_field is None


def test_multiply_adds_equal_tensorflows_profiler():
    """TensorFlow's own count of floating-point operations: two for each multiply-add, plus one for each bias."""
    model = build_vgg("C", **SMALL)
    forward = tf.function(model).get_concrete_function(tf.TensorSpec((1, 32, 32, 3)))
    options = (
        tf.compat.v1.profiler.ProfileOptionBuilder(tf.compat.v1.profiler.ProfileOptionBuilder.float_operation())
        .with_empty_output()
        .build()
    )
    operations = tf.compat.v1.profiler.profile(forward.graph, options=options).total_float_ops
    rows = layer_table(model)
    biases = sum(math.prod(row.output_shape) for row in rows if row.kind in ("Conv2D", "Dense"))
    comparisons = sum(4 * math.prod(row.output_shape) for row in rows if row.kind == "MaxPooling2D")
    softmax = operations - 2 * total(rows, "multiply_adds") - biases - comparisons
    assert 0 <= softmax <= 10 * 10  # a few operations for each of ten values


@pytest.mark.parametrize(
    "name", ["block1_conv2", "block1_pool", "block2_conv2", "block2_pool", "block3_conv3", "block3_pool"]
)
def test_receptive_field_is_where_gradients_arrive(name):
    """Which input pixels move one output value in the middle? All-positive weights let nothing cancel."""
    model = build_vgg(
        "D", input_shape=(96, 96, 1), initializer=keras.initializers.Constant(0.05), width=1 / 64, head=()
    )
    values = np.random.default_rng(0).random((1, 96, 96, 1), dtype="float32")
    # Average pooling passes the gradient to all four inputs, where max pooling picks one.
    layers, images = [], tf.constant(values)
    for layer in model.layers:
        pooling = isinstance(layer, keras.layers.MaxPooling2D)
        layers.append(keras.layers.AveragePooling2D(2) if pooling else layer)
        if layer.name == name:
            break
    with tf.GradientTape() as tape:
        tape.watch(images)
        output = images
        for layer in layers:
            output = layer(output)
        middle = output[0, output.shape[1] // 2, output.shape[2] // 2, 0]
    moved = np.abs(tape.gradient(middle, images).numpy()[0, :, :, 0]) > 0
    rows, columns = np.flatnonzero(moved.any(axis=1)), np.flatnonzero(moved.any(axis=0))
    expected = {row.name: row.receptive_field for row in layer_table(model)}[name]
    assert np.ptp(rows) + 1 == np.ptp(columns) + 1 == expected


def test_receptive_field_of_strides_dilation_and_global_pooling():
    model = keras.Sequential(
        [
            keras.Input((40, 40, 1)),
            keras.layers.Conv2D(2, 5, strides=2, name="strided"),
            keras.layers.Conv2D(2, 3, dilation_rate=2, name="dilated"),
            keras.layers.AveragePooling2D(3, strides=2, name="averaged"),
            keras.layers.Conv2D(2, 3, name="after_two_strides"),
            keras.layers.GlobalAveragePooling2D(name="global"),
        ]
    )
    assert [row.receptive_field for row in layer_table(model)] == [5, 5 + 4 * 2, 13 + 2 * 2, 17 + 2 * 4, None]


def test_a_dense_layer_on_maps_works_at_every_place():
    layers = [keras.Input((32, 32, 3)), keras.layers.Dense(8), keras.layers.Flatten(), keras.layers.Dense(10)]
    rows = layer_table(keras.Sequential(layers))
    assert [row.multiply_adds for row in rows if row.kind == "Dense"] == [32 * 32 * 3 * 8, 32 * 32 * 8 * 10]


def test_layer_table_refuses_what_it_cannot_count():
    with pytest.raises(ValueError, match="'unbuilt' has no shapes yet"):
        layer_table(keras.Sequential([keras.layers.Dense(2)], name="unbuilt"))
    depthwise = keras.Sequential([keras.Input((8, 8, 2)), keras.layers.DepthwiseConv2D(3, name="depth")])
    with pytest.raises(ValueError, match="cannot count layer 'depth' of class DepthwiseConv2D"):
        layer_table(depthwise)
    for layer in (
        keras.layers.GlobalAveragePooling2D(keepdims=True, name="odd"),
        keras.layers.Resizing(4, 4, name="odd"),
        keras.layers.UpSampling2D(name="odd"),
    ):
        with pytest.raises(ValueError, match=f"cannot count layer 'odd' of class {type(layer).__name__}"):
            layer_table(keras.Sequential([keras.Input((8, 8, 2)), layer]))
    for layer in (
        keras.layers.Conv2D(2, (1, 7), name="long"),
        keras.layers.Conv2D(2, 3, dilation_rate=(1, 2), name="long"),
        keras.layers.MaxPooling2D((1, 2), name="long"),
        keras.layers.AveragePooling2D(2, strides=(1, 2), name="long"),
    ):
        with pytest.raises(ValueError, match="counts square windows only, layer 'long' has"):
            layer_table(keras.Sequential([keras.Input((8, 8, 2)), layer]))
    padded = keras.Sequential([keras.Input((8, 8, 2)), keras.layers.ZeroPadding2D(), keras.layers.Conv2D(1, 3)])
    assert [row.receptive_field for row in layer_table(padded)] == [1, 3]
    images = keras.Input((8, 8, 2))
    branch = keras.layers.Conv2D(2, 3, padding="same", name="branch")(images)
    joined = keras.layers.Add(name="joined")([images, branch])
    with pytest.raises(ValueError, match="'joined' does not follow"):
        layer_table(keras.Model(images, joined))


# --- bad input

BAD = [
    ({"configuration": "F"}, r"configuration must be one of \['A', .*received 'F'"),
    ({"configuration": 16}, "configuration must be one of .*received 16"),
    ({"configuration": ["D"]}, "configuration must be one of"),
    ({"input_shape": (31, 32, 3)}, r"input_shape must be .*received \(31, 32, 3\)"),
    ({"input_shape": (32, 32)}, "input_shape must be"),
    ({"input_shape": (32, 32, 0)}, "input_shape must be"),
    ({"input_shape": (32.0, 32, 3)}, "input_shape must be"),
    ({"input_shape": 32}, "input_shape must be .*received 32"),
    ({"classes": 1}, "classes must be .*received 1"),
    ({"classes": 10.0}, "classes must be"),
    ({"classes": True}, "classes must be"),
    ({"width": 0}, "width must leave at least 1 of the 64 filters.*received 0"),
    ({"width": 1 / 256}, "width must leave"),
    ({"width": -1.0}, "width must leave"),
    ({"width": float("nan")}, "width must leave.*received nan"),
    ({"width": float("inf")}, "width must leave.*received inf"),
    ({"width": "1"}, "width must leave.*received '1'"),
    ({"head": (0,)}, r"head must hold .*received \(0,\)"),
    ({"head": (4096.0,)}, "head must hold"),
    ({"head": 4096}, "head must hold .*received 4096"),
    ({"head": "512"}, "head must hold"),
    ({"dropout": 1.0}, "dropout must lie in .*received 1.0"),
    ({"dropout": -0.1}, "dropout must lie in"),
    ({"dropout": None}, "dropout must lie in"),
    ({"dropout": True}, "dropout must lie in"),
    ({"batch_norm": "before"}, r"batch_norm must be one of \(False, True, 'after_pooling'\), received 'before'"),
    ({"batch_norm": 1}, "batch_norm must be one of .*received 1"),
    ({"batch_norm": 0.0}, "batch_norm must be one of .*received 0.0"),
    ({"batch_norm": ["after_pooling"]}, "batch_norm must be one of"),
    ({"blocks": 0}, "blocks must be a whole number from 1 to 5, received 0"),
    ({"blocks": 6}, "blocks must be .*received 6"),
    ({"blocks": 4.0}, "blocks must be .*received 4.0"),
]


@pytest.mark.parametrize("options, message", BAD)
@pytest.mark.parametrize("function", [build_vgg, count_layers])
def test_bad_arguments_are_named(function, options, message):
    with pytest.raises(ValueError, match=message):
        function(**options)


@pytest.mark.parametrize("momentum", [-0.1, 1.0, 2])
def test_a_momentum_of_running_statistics_lies_below_1(momentum):
    with pytest.raises(ValueError, match=f"batch_norm_momentum must lie in .*received {momentum}"):
        build_vgg(batch_norm=True, batch_norm_momentum=momentum, **SMALL)


def test_unknown_initialiser_is_named():
    with pytest.raises(ValueError, match="glorot_uniforn"):
        build_vgg(initializer="glorot_uniforn", **SMALL)


@pytest.mark.parametrize("initializer", [lambda shape, dtype=None: np.zeros(shape, dtype), None, "he"])
def test_what_is_no_keras_initialiser_is_named(initializer):
    with pytest.raises(ValueError, match="initializer must be the name of a Keras initialiser.*he_normal.* received"):
        build_vgg(initializer=initializer, **SMALL)


@pytest.mark.parametrize("depth", [[16], 16.5, 12, None])
def test_odd_depths_are_named(depth):
    with pytest.raises(ValueError, match="depth must be one of .11, 13, 16, 19. weight layers, received"):
        configuration_of_depth(depth)


def test_numpy_numbers_are_welcome():
    assert build_vgg("A", width=np.float64(1 / 32), head=(np.int64(8),), classes=np.int64(4)).output_shape == (None, 4)


def test_filters_are_five_blocks():
    assert all(len(configuration.kernels) == len(FILTERS) for configuration in CONFIGURATIONS.values())
