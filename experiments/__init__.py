"""The recorded runs: which there are, and the command that makes each again."""
