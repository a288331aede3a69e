"""Feature maps and Grad-CAM against formulas that need no gradient, and against finite differences."""

import keras
import numpy as np
import pytest

from vgg_lesson import covering, explain
from vgg_lesson.architecture import build_vgg
from vgg_lesson.speed.acceleration import accelerate


def small_net(*ending, size=8):
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((size, size, 3)),
            keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="first"),
            keras.layers.MaxPooling2D(2, name="pool"),
            keras.layers.Conv2D(5, 3, padding="same", activation="relu", name="second"),
            *ending,
        ],
        name="small",
    )


def averaging_net():
    return small_net(keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4, activation="softmax", name="out"))


IMAGE = np.random.default_rng(0).normal(size=(8, 8, 3)).astype(np.float32)


def test_feature_maps_are_the_convolution_by_loops():
    net = small_net(keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax"))
    kernel, bias = net.get_layer("first").get_weights()
    padded = np.pad(IMAGE, ((1, 1), (1, 1), (0, 0)))
    expected = np.array(
        [[np.tensordot(padded[y : y + 3, x : x + 3], kernel, 3) + bias for x in range(8)] for y in range(8)]
    )
    assert explain.feature_maps(net, IMAGE, "first") == pytest.approx(np.maximum(expected, 0), abs=1e-5)


def test_a_network_for_images_of_any_size_is_explained():
    free, sized = small_net(*averaging_net().layers[3:], size=None), averaging_net()
    free.set_weights(sized.get_weights())
    for layer in ("first", "second"):
        found = [explain.grad_cam(net, IMAGE, layer, 1).heat for net in (free, sized)]
        assert found[0] == pytest.approx(found[1], abs=1e-6)
    with pytest.raises(ValueError, match="received \\(8, 8\\)"):
        explain.feature_maps(free, IMAGE[..., 0], "first")
    with pytest.raises(ValueError, match="received \\(8, 8, 1\\)"):
        explain.feature_maps(free, IMAGE[..., :1], "first")


@pytest.mark.parametrize("target", [0, 1, 2, 3])
def test_grad_cam_on_global_average_pooling_is_the_class_activation_map(target):
    """There the weights are the dense layer's own, over the map's area (Zhou et al., arXiv 1512.04150)."""
    net = averaging_net()
    maps = explain.feature_maps(net, IMAGE, "second")
    weights = net.get_layer("out").get_weights()[0][:, target] / maps[..., 0].size
    found = explain.grad_cam(net, IMAGE, "second", target)
    assert found.heat == pytest.approx(np.maximum(maps @ weights, 0), abs=1e-6)
    assert found.heat.max() > 0 or (maps @ weights <= 0).all()
    assert found.target == target
    assert found.probabilities == pytest.approx(net(IMAGE[None])[0].numpy(), abs=1e-6)


def test_grad_cam_agrees_with_finite_differences_through_hidden_layers():
    net = small_net(
        keras.layers.Flatten(),
        keras.layers.Dense(7, activation="tanh", name="hidden"),
        keras.layers.Dense(4, activation="softmax", name="out"),
    )
    (hidden, hidden_bias), (out, out_bias) = (net.get_layer(n).get_weights() for n in ("hidden", "out"))
    maps = explain.feature_maps(net, IMAGE, "second").astype(np.float64)

    def score(values):
        return (np.tanh(values.reshape(-1) @ hidden + hidden_bias) @ out + out_bias)[2]

    gradient = np.zeros_like(maps)
    for place in np.ndindex(maps.shape):
        step = np.zeros_like(maps)
        step[place] = 1e-5
        gradient[place] = (score(maps + step) - score(maps - step)) / 2e-5
    expected = np.maximum((maps * gradient.mean(axis=(0, 1))).sum(axis=-1), 0)
    assert explain.grad_cam(net, IMAGE, "second", 2).heat == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "ending",
    [
        [keras.layers.Dense(4), keras.layers.Softmax()],
        [keras.layers.Dense(4), keras.layers.Activation("softmax")],
        [keras.layers.Dense(4)],
    ],
    ids=["Softmax", "Activation", "logits"],
)
def test_other_last_layers_give_the_same_map(ending):
    usual = averaging_net()
    other = small_net(keras.layers.GlobalAveragePooling2D(), *ending)
    other.set_weights(usual.get_weights())
    expected, found = explain.grad_cam(usual, IMAGE), explain.grad_cam(other, IMAGE)
    assert found.heat == pytest.approx(expected.heat, abs=1e-6)
    assert found.probabilities == pytest.approx(expected.probabilities, abs=1e-6)


def test_grad_cam_of_a_frozen_and_of_an_accelerated_network_is_the_same():
    net = averaging_net()
    expected = explain.grad_cam(net, IMAGE, "first").heat
    net.trainable = False
    assert explain.grad_cam(net, IMAGE, "first").heat == pytest.approx(expected)
    assert explain.grad_cam(accelerate(net), IMAGE, "first").heat == pytest.approx(expected, abs=1e-6)


# Layers whose values are never exactly 0, where ReLU and max-pooling have no derivative.
@pytest.mark.parametrize(("batch_norm", "layer"), [(False, "block5_pool"), (True, "block4_bn2")])
def test_a_network_that_grew_layer_by_layer(batch_norm, layer):
    """Such a Sequential holds several graphs. Changing the maps a little changes the score as the weights say."""
    keras.utils.set_random_seed(0)
    net = build_vgg("A", width=0.0625, head=(8,), batch_norm=batch_norm, initializer="he_normal")
    image = np.random.default_rng(0).normal(size=(32, 32, 3)).astype(np.float32)
    after = net.layers[[step.name for step in net.layers].index(layer) + 1 : -1]
    kernel, bias = net.layers[-1].get_weights()

    def score(maps):
        for step in after:
            maps = step(maps)
        return (np.asarray(maps, np.float64) @ kernel + bias)[:, 3]

    maps = explain.feature_maps(net, image, layer)
    assert np.asarray(net(image[None]))[0] == pytest.approx(explain.grad_cam(net, image, layer).probabilities, abs=1e-5)
    steps = 1e-3 * np.eye(maps.size, dtype=np.float32).reshape(maps.size, *maps.shape)
    gradient = ((score(maps + steps) - score(maps - steps)) / 2e-3).reshape(maps.shape)
    expected = np.maximum((maps * gradient.mean(axis=(0, 1))).sum(axis=-1), 0)
    assert explain.grad_cam(net, image, layer, 3).heat == pytest.approx(expected, abs=0.03 * expected.max())
    assert expected.max() > 0


def test_functional_model_with_branches():
    images = keras.Input((8, 8, 3))
    left = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="left")(images)
    right = keras.layers.Conv2D(4, 1, name="right")(images)
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Add(name="sum")([left, right]))
    net = keras.Model(images, keras.layers.Dense(3, activation="softmax", name="out")(pooled))
    maps = explain.feature_maps(net, IMAGE, "left")
    weights = net.get_layer("out").get_weights()[0][:, 1] / 64
    assert explain.grad_cam(net, IMAGE, "left", 1).heat == pytest.approx(np.maximum(maps @ weights, 0), abs=1e-6)


def test_layers_of_a_vgg():
    plain, normalised = (build_vgg("A", width=0.0625, head=(8,), batch_norm=bn) for bn in (False, True))
    assert explain.last_convolution(plain) == "block5_conv2"
    assert explain.last_convolution(normalised) == "block5_relu2", "after batch norm and ReLU"
    assert explain.map_layers(plain)[:2] == ["block1_conv1", "block1_pool"]
    assert "flatten" not in explain.map_layers(plain)
    image = np.zeros((32, 32, 3), np.float32)
    for layer in explain.map_layers(normalised):
        assert explain.feature_maps(normalised, image, layer).shape == normalised.get_layer(layer).output.shape[1:]


def test_hiding_covers_the_hottest_or_the_coldest_pixels_and_copies():
    image = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    before = image.copy()
    heat = np.zeros((4, 4), np.float32)
    heat[0, 3] = 1
    hidden = covering.hide(image, heat, 4 / 64)
    changed = (hidden != image).any(axis=-1)
    assert changed.sum() == 4
    assert changed[:2, 6:].all(), "the upper right corner"
    assert (hidden[0, 7] == image.mean(axis=(0, 1)).round()).all()
    assert not (covering.hide(image, heat, 0.5, hottest=False) != image)[:2, 6:].any()
    assert (covering.hide(image, heat, 0.0) == image).all()
    assert (image == before).all()


@pytest.mark.parametrize("hottest", [True, False])
def test_equally_warm_places_are_hidden_at_random(hottest):
    """In the order of the pixels the upper rows, the sky of a photograph, would be hidden first."""
    image, heat = np.arange(16 * 16 * 3).reshape(16, 16, 3), np.zeros((8, 8), np.float32)
    heat[4, 4] = -1 if hottest else 1
    hidden = [(covering.hide(image, heat, 0.25, hottest=hottest, seed=s) != image).any(axis=-1) for s in range(30)]
    assert all(covered.sum() == 64 for covered in hidden)
    assert np.mean([np.nonzero(covered)[0].mean() for covered in hidden]) == pytest.approx(7.5, abs=1)
    assert (hidden[0] != hidden[1]).any()
    assert ((covering.hide(image, heat, hottest=hottest) != image).any(axis=-1) == hidden[0]).all()


def test_where_the_map_has_a_single_place_pixels_are_hidden_at_random():
    image, heat = np.arange(16 * 16 * 3).reshape(16, 16, 3), np.ones((1, 1), np.float32)
    hidden = [(covering.hide(image, heat, 0.25, seed=seed) != image).any(axis=-1) for seed in range(10)]
    assert all(covered.sum() == 64 for covered in hidden) and (hidden[0] != hidden[1]).any()
    assert np.mean([np.nonzero(covered)[0].mean() for covered in hidden]) == pytest.approx(7.5, abs=1)


def test_each_image_of_a_covering_test_decides_ties_anew(monkeypatch):
    seeds, hide = [], covering.hide
    monkeypatch.setattr(covering, "hide", lambda *a, seed, **more: seeds.append(seed) or hide(*a, seed=seed, **more))
    monkeypatch.setattr(covering, "_AT_ONCE", 2)
    covering.covering_test(averaging_net(), np.zeros((3, 8, 8, 3), np.uint8), lambda images: images.astype(np.float32))
    assert seeds == [0, 0, 1, 1, 2, 2]


def test_covering_a_spot_that_decides_hurts_and_covering_the_rest_does_not():
    """A network that only looks for red: its map must find the red corner."""
    net = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(1, 1, name="red", activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    net.set_weights(
        [np.array([1.0, -1, 0]).reshape(1, 1, 3, 1), np.zeros(1), np.array([[0.0, 64]]), np.array([8.0, 0])]
    )
    image = np.full((8, 8, 3), 90, np.uint8)
    image[:4, 4:] = (250, 0, 0)
    prepare = lambda images: images.astype(np.float32) / 255  # noqa: E731
    found = covering.cover(net, image, prepare)
    assert found.map.target == 1
    assert (found.map.heat[:4, 4:] > 0).all()
    assert found.map.heat[4:].max() == 0
    direct = net(prepare(found.images)).numpy()[:, 1]
    assert found.after == pytest.approx(direct, abs=1e-6)
    assert found.before == pytest.approx(net(prepare(image[None])).numpy()[0, 1], abs=1e-6)
    hot, cold = covering.covering_test(net, np.stack([image, image[:, ::-1]]), prepare, "red")
    assert (hot > 0.5).all()
    assert (np.abs(cold) < 0.2).all()


def test_many_images_are_tested_a_batch_at_a_time_with_the_numbers_of_each_alone(monkeypatch):
    net, images = averaging_net(), np.random.default_rng(1).integers(0, 256, (7, 8, 8, 3), np.uint8)
    asked, ask = [], covering.grad_cams
    monkeypatch.setattr(covering, "grad_cams", lambda *a: asked.append(len(a[1])) or ask(*a))
    monkeypatch.setattr(covering, "_AT_ONCE", 3)
    together = covering.covering_test(net, images, lambda images: images / np.float32(255))
    assert asked == [3, 3, 1]
    for number, image in enumerate(images):
        alone = covering.cover(net, image, lambda images: images / np.float32(255), seed=number)
        assert together[:, number] == pytest.approx(alone.before - alone.after, abs=1e-6)


def test_fresh_weights_are_the_same_network_untrained():
    net = averaging_net()
    fresh = explain.with_fresh_weights(net, seed=1)
    assert [layer.name for layer in fresh.layers] == [layer.name for layer in net.layers]
    assert not np.allclose(fresh.get_weights()[0], net.get_weights()[0])
    assert np.allclose(explain.with_fresh_weights(net, seed=1).get_weights()[0], fresh.get_weights()[0])


def test_fresh_weights_of_a_vgg_go_by_their_seed_and_not_by_that_of_the_network():
    net = build_vgg("A", width=0.02, head=(), seed=3)
    first, again, other = (explain.with_fresh_weights(net, seed).get_weights()[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other) and not np.allclose(first, net.get_weights()[0])


@pytest.mark.parametrize("functional", [False, True])
def test_the_last_layer_has_maps_but_no_grad_cam(functional):
    net = small_net(keras.layers.Activation("softmax", name="per_place"))
    net = keras.Model(net.inputs, net.outputs) if functional else net
    assert explain.feature_maps(net, IMAGE, "per_place") == pytest.approx(np.asarray(net(IMAGE[None]))[0])
    with pytest.raises(ValueError, match="before the last one, .*received 'per_place'"):
        explain.grad_cam(net, IMAGE, "per_place")


class OwnCall(keras.Model):
    def call(self, images):
        return images


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net: explain.grad_cam(net, IMAGE, "third"), r"layer must be one of \['first', 'pool', 'second'\]"),
        (lambda net: explain.grad_cam(net, IMAGE, target=4), r"class number in 0 \.\. 3, received 4"),
        (lambda net: explain.grad_cam(net, IMAGE[:4]), r"\(8, 8, 3\) float, received \(4, 8, 3\)"),
        (lambda net: explain.feature_maps(net, IMAGE.astype(np.uint8), "first"), "preprocessed.*uint8"),
        (lambda net: covering.hide(IMAGE, np.zeros((2, 2)), 25), "share .* received 25"),
        (
            lambda net: explain.grad_cam(
                small_net(keras.layers.Flatten(), keras.layers.Dense(2, activation="sigmoid")), IMAGE
            ),
            "received Dense .*with sigmoid",
        ),
        (
            lambda net: explain.map_layers(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])),
            "no layer with feature maps",
        ),
        (
            lambda net: explain.last_convolution(
                keras.Sequential([keras.Input((4, 4, 3)), keras.layers.MaxPooling2D(2)])
            ),
            "no Conv2D among its own layers; name one",
        ),
        (lambda net: explain.grad_cam(net, IMAGE, target=1.5), "target must be a class number .* received 1.5"),
        (lambda net: explain.grad_cam(net, IMAGE, target="cat"), "target must be a class number .* received 'cat'"),
        (lambda net: explain.map_layers(OwnCall()), "built Sequential or functional model, received OwnCall"),
        (lambda net: explain.map_layers(keras.Sequential([keras.layers.Conv2D(2, 3)])), "built Sequential"),
    ],
)
def test_errors_say_what_was_received(call, words):
    with pytest.raises(ValueError, match=words):
        call(averaging_net())


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_under_a_mixed_policy_grad_cam_is_about_the_same(policy):
    full = averaging_net()
    keras.config.set_dtype_policy(policy)
    try:
        mixed = averaging_net()
    finally:
        keras.config.set_dtype_policy("float32")
    mixed.set_weights(full.get_weights())
    expected, found = (explain.grad_cam(net, IMAGE, "second", 1) for net in (full, mixed))
    assert found.heat.dtype == np.float32
    assert found.heat == pytest.approx(expected.heat, abs=float(0.02 * expected.heat.max()) + 1e-4)
    assert found.probabilities == pytest.approx(expected.probabilities, abs=0.02)


def test_networks_within_networks_are_drawn_anew_as_well():
    body = build_vgg("A", width=1 / 16, head=(), seed=0)
    net = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Rescaling(1.0), body])
    first, again, other = (explain.with_fresh_weights(net, seed).get_weights()[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert not np.array_equal(first, net.get_weights()[0])
