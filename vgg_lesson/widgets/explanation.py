"""The labs of lesson 4 that run a network: Grad-CAM put to the test, and feature maps."""

from collections.abc import Callable

import keras
import numpy as np

from vgg_lesson.explain import cover, enlarge, feature_maps, layer_of_each_size, map_layers, with_fresh_weights
from vgg_lesson.outputs import Outputs
from vgg_lesson.plots.explanation import draw_feature_maps, draw_grad_cam
from vgg_lesson.plots.style import Picture
from vgg_lesson.widgets.common import Explorer, choice, int_slider, step_slider, switch

ANSWER = -1
"""Value of the class menu that stands for the class the network answers."""


def grad_cam_explorer(model: keras.Model, outputs: Outputs, prepare: Callable[[np.ndarray], np.ndarray]) -> Explorer:
    """See where evidence for a class was found, and test that by covering parts of the image.

    Args:
        model: the network that gave ``outputs``.
        outputs: of that network, with images.
        prepare: preprocesses uint8 images as in training.
    """
    images = _images(outputs)
    networks = {True: model, False: with_fresh_weights(model)}
    names = [("what the network answers", ANSWER), *((name, number) for number, name in enumerate(outputs.class_names))]

    def compute(image, layer, target, trained):
        name = outputs.class_names[outputs.labels[image]]
        return explain_image(
            networks[trained],
            images[image],
            prepare,
            layer,
            None if target == ANSWER else target,
            outputs.class_names,
            name,
        )

    layers = layer_of_each_size(model)
    return Explorer(
        "Find an image for which covering the hottest quarter changes the answer, but covering the coldest does not. "
        "Then switch to random weights: does the map still look convincing?",
        compute,
        {
            "image": int_slider("Image", 0, 0, len(images) - 1, "Which of the test images"),
            "layer": step_slider(
                "Layer",
                layers,
                layers[len(layers) // 2],
                "Whose maps are weighted: early layers are fine, late ones coarse",
            ),
            "target": choice("Ask about", names, ANSWER, "The class whose evidence is shown"),
            "trained": switch("Trained weights", True, "Off: the same network with random weights"),
        },
        height=340,
    )


def feature_map_explorer(model: keras.Model, outputs: Outputs, prepare: Callable[[np.ndarray], np.ndarray]) -> Explorer:
    """Walk through the layers and see what each makes of an image; arguments as for :func:`grad_cam_explorer`."""
    images = _images(outputs)
    layers = map_layers(model)

    def compute(image, layer):
        return draw_feature_maps(
            images[image], feature_maps(model, prepare(images[image : image + 1])[0], layer), layer=layer
        )

    return Explorer(
        "Find the last layer in whose maps you still recognise the outline of the thing in the image.",
        compute,
        {
            "image": int_slider("Image", 0, 0, len(images) - 1, "Which of the test images"),
            "layer": step_slider("Layer", layers, layers[0], "Whose output is shown, from the first to the last"),
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
    if not found.heat.any():
        finding = f'Layer {layer} shows no evidence for "{asked}" in this image'
    else:
        finding = f'"{asked}" {before:.0f}%: hottest quarter covered {hot:.0f}%, coldest covered {cold:.0f}%'
    return draw_grad_cam(
        image,
        enlarge(found.heat, *image.shape[:2]),
        result.images,
        title=finding,
        captions=(
            f"truth: {truth}; answer: {answer}",
            f"Grad-CAM, {rows} x {columns}",
            f"hottest quarter covered: {hot:.0f}%",
            f"coldest quarter covered: {cold:.0f}%",
        ),
        text=f"The image shows {truth}, the network answers {answer}. The map asks where layer {layer} "
        f"({rows} x {columns}) found evidence for {asked}, which gets {before:.1f}%. With the hottest quarter of the "
        f"pixels covered it gets {hot:.1f}%, with the coldest {cold:.1f}%.",
    )


def _images(outputs: Outputs) -> np.ndarray:
    if outputs.images is None:
        raise ValueError(f"this lab needs images, but the outputs of {outputs.name!r} have none")
    return outputs.images
