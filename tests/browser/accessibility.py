"""What axe-core finds in the labs of a page."""

# The handles of ipywidgets 8.1's sliders have no accessible name, and none can be given from Python: noUiSlider would
# take one (handleAttributes), but ipywidgets passes none on. Only handles beside a visible label may pass for it.
FIND = """async ([labs, rules]) => {
    // JupyterLab's body has no height, and axe-core takes everything in it for invisible: no contrast is looked at.
    document.body.style.height = "100vh";
    const found = await axe.run(labs, {runOnly: rules, elementRef: true});
    const label = it => it.closest(".widget-inline-hbox")?.querySelector(".widget-label")?.innerText.trim();
    const upstream = it => it.matches(".noUi-handle") && label(it);
    const ours = found.violations.flatMap(({id, nodes}) => nodes
        .filter(({element}) => !(id === "aria-input-field-name" && upstream(element)))
        .map(({html}) => [id, html]));
    return {looked: found.passes.map(({id}) => id), ours};
}"""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


def violations(lab, axe) -> list[tuple[str, str]]:
    """Rule and element of everything that breaks WCAG 2.1 AA in the labs, without what is known from upstream."""
    lab.page.add_script_tag(path=axe)
    with lab.whole():
        found = lab.page.evaluate(FIND, [".jp-OutputArea-output .jupyter-widgets", RULES])
    assert "color-contrast" in found["looked"], "axe-core sees no text"
    return [tuple(each) for each in found["ours"]]
