"""The drawn stand-in's parts: a pen, ten subjects and the scenes they stand in."""
