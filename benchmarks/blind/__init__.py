"""Blind tests of the diagnosis: networks by authors who had not seen it, its cases, its tests or the lessons.

    python -m benchmarks.blind --data cifar10 --output results.jsonl

``benchmarks/blind.jsonl`` holds what ``examine`` said when it met these networks for the first time, on CIFAR-10 (JPEG
copy), with 90 seconds beside other work. "judged" was written by a person: "right" where cause and remedy are the true
ones, "close" where the report leads there under another name. What was mended because of it is no longer blind.
"""
