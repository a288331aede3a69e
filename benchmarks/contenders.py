"""What the contenders of the training benchmark do, each in a process of its own, see ``benchmarks.speed``."""

import os
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass


@dataclass(frozen=True)
class Net:
    """A network to train with Adam: VGG16 at some width, see ``build_vgg``."""

    title: str
    width: float
    head: tuple[int, ...]
    batch_norm: bool
    batch: int
    steps: int


NETS = {
    "lecture": Net("the lecture's VGG16, full width, head 2x4096, batch 128", 1.0, (4096, 4096), False, 128, 4),
    "lecture32": Net("the lecture's VGG16, full width, head 2x4096, batch 32", 1.0, (4096, 4096), False, 32, 8),
    "quarter": Net("VGG16 + batch norm, 1/4 width, head 2x1024, batch 128", 0.25, (1024, 1024), True, 128, 10),
    "eighth": Net("VGG16 plain, 1/8 width, head 2x512, batch 128", 0.125, (512, 512), False, 128, 40),
    "eighth32": Net("VGG16 plain, 1/8 width, head 2x512, batch 32", 0.125, (512, 512), False, 32, 80),
}
TURNS = 6
"""Epochs that a contender trains at least, the first one to warm up."""
BFLOAT16 = "-bfloat16"
"""How the name of a contender ends that computes in mixed precision."""


def work(contender: str, net: Net) -> None:
    """Build, warm up, then train ``net.steps`` steps at each line on standard input.

    Args:
        contender: "ours", "stock", "torch" or "torch-channels-last", with ``BFLOAT16`` at the end or without.
        net: what to train.
    """
    train = (torch_training if contender.startswith("torch") else keras_training)(contender, net)
    train()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(train(), flush=True)


def _images(net: Net):
    import numpy as np

    rng = np.random.default_rng(0)
    count = net.batch * net.steps
    return rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, count)


def keras_training(contender: str, net: Net):
    import keras
    import numpy as np

    from vgg_lesson.architecture import build_vgg
    from vgg_lesson.data import CLASS_NAMES, Dataset
    from vgg_lesson.pipeline import training_batches
    from vgg_lesson.speed.several_steps import set_steps_in_a_call, steps_in_a_call
    from vgg_lesson.training import build_model
    from vgg_lesson.training_config import TrainingConfig

    name = contender.removesuffix(BFLOAT16)
    if (os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1") != (name == "ours"):
        raise RuntimeError(f"TF_ENABLE_ONEDNN_OPTS is {os.environ.get('TF_ENABLE_ONEDNN_OPTS')!r} for {contender!r}")
    images, labels = _images(net)
    policy = "float32" if name == contender else "mixed_bfloat16"
    config = TrainingConfig(
        width=net.width, head=net.head, batch_norm=net.batch_norm, batch_size=net.batch, dtype_policy=policy
    )
    if name == "ours":
        dataset = Dataset(images, labels, images, labels, images, labels, CLASS_NAMES, "sketches", "random")
        model = build_model(config, steps_per_epoch=net.steps)
        arguments = {"x": training_batches(dataset, config), "shuffle": False}
        set_steps_in_a_call(model, steps_in_a_call(model, net.batch, net.steps, TURNS))
    else:  # as the lecture writes it
        keras.config.set_dtype_policy(policy)
        model = build_vgg(width=net.width, head=net.head, batch_norm=net.batch_norm)
        model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
        x, y = images.astype(np.float32) / 255, keras.utils.to_categorical(labels, 10)
        arguments = {"x": x, "y": y, "batch_size": net.batch}
    ended = []
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: ended.append(time.perf_counter()))

    def train() -> float:
        began = time.perf_counter()
        model.fit(**arguments, verbose=0, callbacks=[clock])
        return len(images) / (ended[-1] - began)

    return train


def torch_training(contender: str, net: Net):
    import torch
    from torch import nn

    torch.manual_seed(0)
    layers, channels = [], 3
    for convolutions, filters in zip((2, 2, 3, 3, 3), (64, 128, 256, 512, 512), strict=True):
        for _ in range(convolutions):
            units = round(filters * net.width)
            layers.append(nn.Conv2d(channels, units, 3, padding=1, bias=not net.batch_norm))
            layers += [nn.BatchNorm2d(units)] if net.batch_norm else []
            layers.append(nn.ReLU(inplace=True))
            channels = units
        layers.append(nn.MaxPool2d(2))
    layers.append(nn.Flatten())
    for units in net.head:
        layers += [nn.Linear(channels, units), nn.ReLU(inplace=True)]
        channels = units
    layout = torch.channels_last if "channels-last" in contender else torch.contiguous_format
    model = nn.Sequential(*layers, nn.Linear(channels, 10)).to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    loss_function = nn.CrossEntropyLoss()
    images, labels = _images(net)
    x = (torch.from_numpy(images).float() / 255).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    y = torch.from_numpy(labels)

    def train() -> float:
        began = time.perf_counter()
        right = 0
        for rows in torch.randperm(len(x)).split(net.batch):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16) if contender.endswith(BFLOAT16) else nullcontext():
                logits = model(x[rows].contiguous(memory_format=layout))
                loss = loss_function(logits, y[rows])
            loss.backward()
            optimizer.step()
            right += (logits.argmax(1) == y[rows]).sum().item()  # Keras counts accuracy as well
        return len(x) / (time.perf_counter() - began)

    return train


if __name__ == "__main__":
    work(sys.argv[1], NETS[sys.argv[2]])
