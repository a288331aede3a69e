"""What is measured: arrays, compiled parts, a fresh network, one that is known to learn. Nothing is judged here."""
