"""Figures of the lessons: arrays in, a :class:`vgg_lesson.plots.style.Picture` out. No Keras, no pyplot."""
