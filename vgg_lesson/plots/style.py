"""One look for every figure: colours and fonts, and how a figure becomes an image.

Colours are those of Okabe and Ito (2008), which stay apart for all common kinds of colour
blindness. Figures are built without pyplot, whose global state is not safe when a training
thread and the notebook draw at the same time.
"""

import io
import math
import threading
from dataclasses import dataclass, field

import matplotlib
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cbook import normalize_kwargs
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image

CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#F0E442", "#000000")
COLOURS = {
    "training": CYCLE[0],
    "validation": CYCLE[1],
    "chance": "#6B6B6B",
    "good": CYCLE[2],
    "bad": CYCLE[1],
    "ink": "#1A1A1A",
    "muted": "#6B6B6B",
    "grid": "#E3E3E3",
    "paper": "#FFFFFF",
}
# Pages are white on purpose: on JupyterLab's dark theme a figure reads like a printed card.
STYLE = {
    "figure.facecolor": COLOURS["paper"],
    "axes.facecolor": COLOURS["paper"],
    "savefig.facecolor": COLOURS["paper"],
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.hinting": "none",  # at this many pixels hinting changes nothing that one sees, and takes a fifth of the time
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelcolor": COLOURS["ink"],
    "axes.edgecolor": COLOURS["muted"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=CYCLE),
    "grid.color": COLOURS["grid"],
    "grid.linewidth": 0.8,
    "lines.linewidth": 2.0,
    "lines.markersize": 5,
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
    "xtick.labelcolor": COLOURS["ink"],
    "ytick.labelcolor": COLOURS["ink"],
    "image.interpolation": "nearest",
}
SCREEN_DPI = 100
PIXEL_RATIO = 2  # sharp on high-density screens

FEW_COLOURS = 4096
"""Drawings with smooth edges have up to so many; images of scenes have more."""

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

# matplotlib's settings, its font and path caches are shared between figures and not thread-safe: two threads that
# leave rc_context in the other order than they entered it would keep this style for the notebook's own plots.
_DRAWING = threading.Lock()


@dataclass(frozen=True, repr=False)
class Picture:
    """A figure and the same finding in words.

    Attributes:
        figure: the matplotlib figure.
        text: one or two sentences with the numbers that the figure shows: the text equivalent.
    """

    figure: Figure = field(compare=False)
    text: str

    def __repr__(self) -> str:
        return f"Picture: {self.text}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        width = round(self.figure.get_figwidth() * SCREEN_DPI)
        data = {"image/png": to_png(self.figure), "text/plain": repr(self)}
        return data, {"image/png": {"width": width, "alt": self.text}}


class StyledAxes(Axes):
    """Axes that look as ``STYLE`` says.

    matplotlib reads the settings of a title, line or image when it is made, and then ``STYLE`` no longer holds.
    """

    def plot(self, *arguments, **look):
        """As :meth:`matplotlib.axes.Axes.plot`, with the style's width and markers as defaults."""
        own = {"linewidth": STYLE["lines.linewidth"], "markersize": STYLE["lines.markersize"]}
        return super().plot(*arguments, **own | normalize_kwargs(look, Line2D))

    def imshow(self, image, *arguments, **look):
        """As :meth:`matplotlib.axes.Axes.imshow`, every pixel a square."""
        return super().imshow(image, *arguments, **{"interpolation": STYLE["image.interpolation"]} | look)

    def set_title(self, label, fontdict=None, loc=None, pad=None, **text):
        """As :meth:`matplotlib.axes.Axes.set_title`, with the style's place, size and weight as defaults.

        The height is fixed: looking for room above the ticks measures them all once more, and no axes here has
        its ticks on top.
        """
        text = {"y": 1.0, "fontsize": STYLE["axes.titlesize"], "fontweight": STYLE["axes.titleweight"], **text}
        place, gap = loc or STYLE["axes.titlelocation"], pad or STYLE["axes.titlepad"]
        self.shown_title = super().set_title(label, fontdict, place, gap, **text)
        return self.shown_title

    def set_xscale(self, value, **scale):
        """As :meth:`matplotlib.axes.Axes.set_xscale`."""
        super().set_xscale(value, **scale)
        _plain_powers(self.xaxis)

    def set_yscale(self, value, **scale):
        """As :meth:`matplotlib.axes.Axes.set_yscale`."""
        super().set_yscale(value, **scale)
        _plain_powers(self.yaxis)


def _plain_powers(axis) -> None:
    """Label powers of ten with the font's own superscripts: parsing formulas takes longer than all other text."""
    if axis.get_scale() == "log":
        axis.set_major_formatter(lambda value, _: f"10{str(round(math.log10(value))).translate(_RAISED)}")


def headline(drawn, text: str) -> None:
    """Write the finding of a figure of several axes above them all."""
    drawn.suptitle(text, x=0.01, ha="left", fontsize=11.5, fontweight="bold")


def figure(
    width: float = 6.4,
    height: float = 3.6,
    rows: int = 1,
    columns: int = 1,
    margins: dict[str, float] | None = None,
    **subplots,
):
    """Make a styled figure.

    Args:
        width, height: size in inches (100 screen pixels each).
        rows, columns: grid of axes; further keywords go to :meth:`matplotlib.figure.Figure.subplots`.
        margins: keywords of :meth:`matplotlib.figure.Figure.subplots_adjust`, for labs that must answer
            at once: measuring every text to place the axes takes about as long as drawing them.

    Returns:
        ``(Figure, axes)``: one Axes, or an array of them when rows or columns exceed 1.
    """
    with _DRAWING, matplotlib.rc_context(STYLE):
        made = Figure(figsize=(width, height), dpi=SCREEN_DPI, layout="none" if margins else "constrained")
        FigureCanvasAgg(made)
        if margins:
            made.subplots_adjust(**margins)
        subplots["subplot_kw"] = {"axes_class": StyledAxes, **subplots.get("subplot_kw", {})}
        return made, made.subplots(rows, columns, **subplots)


def to_png(made: Figure) -> bytes:
    """Render a figure as PNG bytes, at twice the screen's resolution.

    What has few colours and holds no image, neither a photograph nor a heat map, gets a palette of 256: half the size,
    and only the edges of letters change.
    """
    pixels = _drawn(made).convert("RGB")
    if not any(axes.images for axes in made.axes) and pixels.getcolors(FEW_COLOURS):
        pixels = pixels.quantize(256, dither=Image.Dither.NONE)
    return _encoded(pixels, format="png", compress_level=6)


def to_jpeg(made: Figure) -> bytes:
    """Render a figure as JPEG bytes, at twice the screen's resolution, for a lab that has to answer at once.

    Encoding takes a fifth of a PNG's time. On the architecture, class and atlas labs no channel of a pixel was off by
    more than 22 of 255.
    """
    return _encoded(_drawn(made), format="jpeg", quality=95, subsampling=0)


def _drawn(made: Figure) -> Image.Image:
    """The figure's pixels, four bytes each. The fourth is not used: the paper covers everything."""
    usual = made.dpi
    with _DRAWING, matplotlib.rc_context(STYLE):
        # Not savefig: it draws twice where a layout is computed, and keeps an alpha channel that is full everywhere.
        made.set_dpi(SCREEN_DPI * PIXEL_RATIO)
        for text in made.findobj(Text):  # a $ in the name of a class is no formula
            text.set_parse_math(False)
        try:
            made.canvas.draw()
            if _shrink_titles(made):
                made.canvas.draw()
            size = made.canvas.get_width_height(physical=True)
            return Image.frombuffer("RGBX", size, made.canvas.buffer_rgba(), "raw", "RGBX", 0, 1)
        finally:
            made.set_dpi(usual)


def _shrink_titles(made: Figure) -> bool:
    """Make titles smaller that are longer than the figure is wide, as names of classes can make them; True if any."""
    room, cut = made.bbox.x1, False
    for title in (axes.shown_title for axes in made.axes if getattr(axes, "shown_title", None)):
        place = title.get_window_extent()
        if place.x1 > room:
            title.set_fontsize(0.99 * title.get_fontsize() * (room - place.x0) / place.width)
            cut = True
    return cut


def _encoded(pixels: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    pixels.save(buffer, dpi=(SCREEN_DPI * PIXEL_RATIO,) * 2, **options)
    return buffer.getvalue()
