"""What is tried: short trainings with one change each beside an untouched control, and what they prove."""
