"""Checks of the exercises, one module a lesson; a wrong answer raises: what was expected and received, what to try next."""
