"""Muon for kernels of convolutions, an optimizer once more for a copy of a model, none that leaves graphs behind."""
