"""The names of the causes: one constant each, with what it means. A report uses these and no others."""

HEALTHY = "healthy"
"""The network learns with its own configuration and nothing else was found."""
UNDETERMINED = "undetermined"
"""What was seen does not single out a cause, or the time was not enough to confirm one."""
NON_FINITE_VALUES = "non_finite_values"
"""NaN or infinity in the images, the labels, the weights, or made by the loss from ordinary numbers."""
LABELS_OUT_OF_RANGE = "labels_out_of_range"
"""No class numbers of this output: 1..10 for ten outputs, negative, fractions, rows that do not sum to 1."""
LOSS_LABEL_MISMATCH = "loss_label_mismatch"
"""The loss does not fit the form of the labels: it raises, or is not smallest for the right answer."""
OUTPUT_LAYER_MISMATCH = "output_layer_mismatch"
"""The output cannot say what the loss wants to hear: too few units, no probabilities, softmax twice."""
INPUTS_NOT_SCALED = "inputs_not_scaled"
"""The numbers that reach the first weights are far from size 1, and scaling them cures the training."""
INPUTS_CONSTANT = "inputs_constant"
"""The images do not differ from each other."""
TRAIN_VALIDATION_PREPROCESSING_DIFFER = "train_validation_preprocessing_differ"
"""Training and validation images were prepared differently (scale, mean, channel order, orientation)."""
UNSHUFFLED_VALIDATION_SPLIT = "unshuffled_validation_split"
"""The data lie in order of class: the last part, which Keras sets aside (or each batch), is not like the rest."""
LABELS_INDEPENDENT_OF_IMAGES = "labels_independent_of_images"
"""The labels say nothing about the images: a known-good network finds no more than in mixed labels."""
CLASS_IMBALANCE = "class_imbalance"
"""A few classes own most of the images, so always answering them looks good."""
METRIC_MISMATCH = "metric_mismatch"
"""A metric that is not what it seems: high without information, or the same for right and wrong answers."""
FROZEN_WEIGHTS = "frozen_weights"
"""Training cannot change the weights: not trainable, or no gradient reaches them."""
INITIALISATION_TOO_SMALL = "initialisation_too_small"
"""The start weights let the signal die with depth, so the output does not depend on the image."""
INITIALISATION_TOO_LARGE = "initialisation_too_large"
"""The start weights blow the signal up, so the first outputs are huge and certain."""
LEARNING_RATE_TOO_HIGH = "learning_rate_too_high"
"""Steps so large that they destroy what the weights hold; the same network learns at a smaller rate."""
LEARNING_RATE_TOO_LOW = "learning_rate_too_low"
"""Steps so small that nothing changes in the time given; the same network learns at a larger rate."""
DEAD_RELUS = "dead_relus"
"""Units whose ReLU gives zero for every image from the start, so no gradient passes."""
GRADIENT_WRONG = "gradient_wrong"
"""What training follows is not the slope of the loss: along it the loss falls where it should rise."""
OWN_TRAINING_STEP = "own_training_step"
"""The model's own ``train_step`` or ``compute_loss`` loses what Keras's ordinary one learns."""
SIGNAL_BLOCKED = "signal_blocked"
"""Behind one layer nothing depends on the image, though what goes into it does: a wrong axis, a factor of 0."""
BATCHNORM_STATISTICS = "batchnorm_statistics"
"""Batch normalisation works with statistics that are not those of the data, in training or afterwards."""
REGULARISATION_TOO_STRONG = "regularisation_too_strong"
"""Weight penalty, decay, constraint, noise or dropout outweighs the data; without it the network learns."""
AUGMENTATION_DESTROYS_IMAGES = "augmentation_destroys_images"
"""After augmentation the images no longer show their class; without it the network learns."""

MEANINGS = {
    HEALTHY: "The network learns with its own configuration.",
    UNDETERMINED: "No cause could be confirmed.",
    NON_FINITE_VALUES: "NaN or infinity where numbers should be.",
    LABELS_OUT_OF_RANGE: "The labels are not class numbers of this output.",
    LOSS_LABEL_MISMATCH: "The loss does not fit the form of the labels.",
    OUTPUT_LAYER_MISMATCH: "The output layer does not give what the loss needs.",
    INPUTS_NOT_SCALED: "The inputs are on a scale that the weights are not made for.",
    INPUTS_CONSTANT: "The images do not differ from each other.",
    TRAIN_VALIDATION_PREPROCESSING_DIFFER: "Training and validation images were prepared differently.",
    UNSHUFFLED_VALIDATION_SPLIT: "The data lie in order of class, and a part in sequence was split off.",
    LABELS_INDEPENDENT_OF_IMAGES: "The labels say nothing about the images.",
    CLASS_IMBALANCE: "A few classes own most of the images.",
    METRIC_MISMATCH: "The metric does not measure the share of right answers.",
    FROZEN_WEIGHTS: "Training cannot change the weights.",
    INITIALISATION_TOO_SMALL: "The signal dies on its way through the fresh network.",
    INITIALISATION_TOO_LARGE: "The signal grows without bound in the fresh network.",
    LEARNING_RATE_TOO_HIGH: "The learning rate is too high.",
    LEARNING_RATE_TOO_LOW: "The learning rate is too low.",
    DEAD_RELUS: "The ReLUs give zero for every image.",
    GRADIENT_WRONG: "What training follows is not the slope of the loss.",
    OWN_TRAINING_STEP: "The model's own training step loses what Keras's ordinary one learns.",
    SIGNAL_BLOCKED: "A layer lets nothing of the image through, or too little.",
    BATCHNORM_STATISTICS: "Batch normalisation uses the wrong statistics.",
    REGULARISATION_TOO_STRONG: "The regularisation outweighs the data.",
    AUGMENTATION_DESTROYS_IMAGES: "The augmentation destroys what the images show.",
}
"""Cause -> one sentence for readers."""
CAUSES = tuple(MEANINGS)
"""All names: the two without a fault, then arrays, loss and output, data order, weights, training."""
