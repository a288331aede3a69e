"""Write what the records say into the marked numbers of the lessons and the README: ``python tools/update_numbers.py``.

For after new runs were recorded. It says what it changed; read the sentences around them.
"""

from pathlib import Path

from vgg_lesson.recordings import prose, wrong_quotes

ROOT = Path(__file__).parent.parent


def update(path: Path) -> list[str]:
    """Correct the marked numbers of one text, a notebook's or a markdown file's, in place; return the changes."""
    text = path.read_text(encoding="utf-8")
    changes = []
    for quote in wrong_quotes(prose(path)):
        mark = f"<!--{quote.marker}-->"
        text = text.replace(f"{mark}{quote.says}<!--/-->", f"{mark}{quote.gives}<!--/-->")
        changes.append(f"{path.name}: {quote.says} -> {quote.gives}  ({quote.marker})")
    if changes:
        path.write_text(text, encoding="utf-8")
    return changes


if __name__ == "__main__":
    for path in sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]):
        for change in update(path):
            print(change)
