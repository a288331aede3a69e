"""The labs: each control wraps one named function of the floors below; nothing imports this package."""
