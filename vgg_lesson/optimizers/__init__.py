"""Muon for convolution kernels, fresh copies of optimizers, and optimizers that leave no graphs behind."""
