"""An optimizer once more, for a copy of its model."""

import keras

from vgg_lesson.optimizers.one_device import on_one_device
from vgg_lesson.optimizers.unwrapped import unwrapped
from vgg_lesson.speed.fused_adam import fuse_adam


def fresh_optimizer(optimizer: keras.optimizers.Optimizer, *, weight_decay: bool = True, accumulation: bool = True):
    """A new optimizer of the same configuration, without the old one's state; names excluded from decay stay so.

    Args:
        optimizer: of any Keras class; only read.
        weight_decay: False leaves its weight decay out.
        accumulation: False lets it act at every step, where it was to gather the gradients of several.
    """
    own = unwrapped(optimizer)
    written = object.__new__(type(own))  # Keras cannot write down every function or schedule: the rate is handed on
    written.__dict__.update(own.__dict__, _learning_rate=0.5)
    config, rate = written.get_config(), own._learning_rate
    config["learning_rate"] = float(rate.numpy()) if isinstance(rate, keras.Variable) else rate
    if not weight_decay:  # Muon has a second one
        config |= {name: 0.0 for name, value in config.items() if name.endswith("weight_decay") and value}
    if not accumulation:
        config["gradient_accumulation_steps"] = None
    made = on_one_device(fuse_adam(type(own).from_config(config)))
    # What was excluded by name; by variable it cannot be handed on, as a copy has others.
    made._exclude_from_weight_decay_pattern = getattr(own, "_exclude_from_weight_decay_pattern", None)
    if own is optimizer:
        return made
    scaling = {"initial_scale": optimizer.initial_scale, "dynamic_growth_steps": optimizer.dynamic_growth_steps}
    return type(optimizer)(made, **scaling)
