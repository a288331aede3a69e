"""Checks of the exercises, one module a lesson: a wrong answer raises, with what was expected and what to try."""
