"""Checks of the exercises, one module a lesson; each raises with what it expected, what it received, and what to try next."""
