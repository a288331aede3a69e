"""The labs of lesson 4 that run a network: Grad-CAM put to the test, and feature maps."""

import numpy as np

from vgg_lesson.covering import cover
from vgg_lesson.explain import Network, enlarge, feature_maps, layer_of_each_size, map_layers, with_fresh_weights
from vgg_lesson.plots.explanation import draw_feature_maps, draw_grad_cam
from vgg_lesson.plots.style import Picture
from vgg_lesson.widgets.common import choice, int_slider, step_slider, switch
from vgg_lesson.widgets.explorer import Explorer

ANSWER = -1
"""Value of the class menu that stands for the class the network answers."""


def grad_cam_explorer(*networks: Network) -> Explorer:
    """See where evidence for a class was found, and test that by covering parts of the image.

    Args:
        networks: at least one, with images; their outputs' names must differ.
    """
    by_name, first = _by_name(networks), networks[0]
    fresh = {name: with_fresh_weights(network.model) for name, network in by_name.items()}
    names = [("what the network answers", ANSWER), *((name, k) for k, name in enumerate(first.outputs.class_names))]
    sizes = [first.model.get_layer(layer).output.shape[1:3] for layer in layer_of_each_size(first.model)]
    maps = [(f"{height} × {width}", place) for place, (height, width) in enumerate(sizes)]

    def compute(network, image, maps, target, trained):
        model, outputs, prepare = by_name[network]
        layers = layer_of_each_size(model)
        return explain_image(
            model if trained else fresh[network],
            outputs.images[image],
            prepare,
            layers[min(maps, len(layers) - 1)],
            None if target == ANSWER else target,
            outputs.class_names,
            outputs.class_names[outputs.labels[image]],
        )

    return Explorer(
        "Find an image for which covering the hottest quarter halves the probability, and the coldest does not. "
        "Then switch to random weights: does the map still look convincing?",
        compute,
        {
            "network": _network(by_name),
            "image": _image(networks),
            "maps": step_slider(
                "Maps of size", maps, len(maps) // 2, "Maps of early layers are fine, of late ones coarse"
            ),
            "target": choice("Ask about", names, ANSWER, "The class whose evidence is shown"),
            "trained": switch("Trained weights", True, "Off: the same network with random weights"),
        },
        height=340,
    )


def feature_map_explorer(*networks: Network) -> Explorer:
    """Walk through the layers and see what each makes of an image.

    Args:
        networks: at least one, with images; their outputs' names must differ. Offered are the layers whose names
            all of them have.
    """
    by_name = _by_name(networks)
    named = {name: map_layers(network.model) for name, network in by_name.items()}
    layers = [layer for layer in next(iter(named.values())) if all(layer in others for others in named.values())]
    if not layers:
        raise ValueError(f"the networks must share names of layers, received {named}")

    def compute(network, image, layer):
        model, outputs, prepare = by_name[network]
        shown = outputs.images[image]
        return draw_feature_maps(shown, feature_maps(model, prepare(shown[None])[0], layer), layer=layer)

    return Explorer(
        "Find the last layer in whose maps you still recognise the outline of the thing in the image.",
        compute,
        {
            "network": _network(by_name),
            "image": _image(networks),
            "layer": choice("Layer", layers, layers[0], "Whose output is shown, from the first to the last"),
        },
        height=330,
    )


def explain_image(model, image, prepare, layer: str, target: int | None, class_names, truth: str) -> Picture:
    """Grad-CAM of one image, and what covering the hottest and the coldest quarter does to the probability.

    Args:
        model: a Keras classifier.
        image: (H, W, 3) uint8.
        prepare: preprocesses uint8 images as in training.
        layer: a name from :func:`vgg_lesson.explain.map_layers`.
        target: class number, or None for the class that the network answers.
        class_names: all names.
        truth: the name of what the image shows.
    """
    result = cover(model, image, prepare, layer, target)
    found, before, (hot, cold) = result.map, 100 * result.before, 100 * result.after
    asked, answer = class_names[found.target], class_names[int(found.probabilities.argmax())]
    rows, columns = found.heat.shape
    first, second, the_first, the_second = "hottest", "coldest", "the hottest", "the coldest"
    if not np.ptp(found.heat):  # no place is warmer than another
        first, second, the_first, the_second = "random", "another", "a random", "another"
    finding = f'"{asked}" {before:.0f}%: {first} quarter covered {hot:.0f}%, {second} covered {cold:.0f}%'
    said = f"The map asks where layer {layer} ({rows} × {columns}) found evidence for {asked}, which gets {before:.1f}%"
    if not found.heat.any():
        finding = f'Layer {layer} shows no evidence for "{asked}" in this image'
        said = f"Layer {layer} ({rows} × {columns}) shows no evidence for {asked}, which gets {before:.1f}%"
    return draw_grad_cam(
        image,
        enlarge(found.heat, *image.shape[:2]),
        result.images,
        title=finding,
        captions=(
            f"true: {truth}\nsaid: {answer}",
            f"Grad-CAM, {rows} × {columns}",
            f"{first} quarter covered: {hot:.0f}%",
            f"{second} quarter covered: {cold:.0f}%",
        ),
        text=f"The image shows {truth}, the network answers {answer}. {said}. With {the_first} quarter "
        f"of the pixels covered it gets {hot:.1f}%, with {the_second} {cold:.1f}%.",
    )


def _by_name(networks: tuple[Network, ...]) -> dict[str, Network]:
    names = [network.outputs.name for network in networks]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"need at least one network, with different names, received {names}")
    for network in networks:
        if network.outputs.images is None:
            raise ValueError(f"this lab needs images, but the outputs of {network.outputs.name!r} have none")
    return dict(zip(names, networks, strict=True))


def _network(by_name: dict[str, Network]):
    return choice("Network", list(by_name), next(iter(by_name)), "Which network to look into")


def _image(networks: tuple[Network, ...]):
    last = min(len(network.outputs.labels) for network in networks) - 1
    return int_slider("Image", 0, 0, last, "Which of the network's images")
