"""What is measured: arrays, compiled parts, a fresh network, a known-good one; and what chance alone gives."""
