"""What is tried: short trainings from fresh weights, with one change each, beside an untouched control."""
