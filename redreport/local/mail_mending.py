"""
What is done to a mail before and after the compiler of MJML, so that its HTML is sound and its sources stay plain.

Before: the styles of plain elements are written at each of them, since some mail programs drop a mail's style sheet.
After: what today's HTML has no place for is said as today's HTML says it. Comments are left alone: in them stands what is for the
Outlook that draws with Word, in Word's own words.
"""

import re
from collections.abc import Callable

NAMES_OF_OFFICE = "urn:schemas-microsoft-com:office:office"
SERIF = "Georgia, 'Times New Roman', serif"
SANS = "Arial, Helvetica, sans-serif"
INK, QUIET, RED, LINE = "#1a1614", "#5b524b", "#a6121f", "#d8cdbf"

# By element, or by element and class.
DRESS = {
    "h1": f"margin:0 0 16px;font-family:{SERIF};font-size:28px;font-weight:bold;line-height:1.15;color:{INK};",
    "p": "margin:0 0 16px;",
    "ul": "margin:0 0 16px;padding:0 0 0 22px;",
    "li": "margin:0 0 8px;",
    "a": f"color:{INK};",
    "td.label": (
        f"width:150px;padding:8px 16px 8px 0;border-top:1px solid {LINE};vertical-align:top;"
        f"font-family:{SANS};font-size:14px;font-weight:bold;line-height:1.8;color:{QUIET};"
    ),
    "td.value": f"padding:8px 0;border-top:1px solid {LINE};vertical-align:top;color:{INK};",
}

# A comment, a style sheet, or a start tag: only the last is mended.
_PIECES = re.compile(
    r"(?P<whole><!--.*?-->|<style[^>]*>.*?</style>)|<(?P<name>[a-z][a-z0-9-]*)(?P<rest>(?:[^>\"]|\"[^\"]*\")*)>", re.DOTALL
)
_ATTRIBUTE = re.compile(r'([a-z:-]+)="([^"]*)"')
_WORDS_OF_WORD = re.compile(r"\s*mso-[a-z-]+\s*:[^;}]*;")
_STYLE_SHEET = re.compile(r'<style type="text/css">')

Attributes = dict[str, str]


def dress(source: str) -> str:
    """The source with the house's styles at each plain element that has none of its own."""
    return _PIECES.sub(_dressed, source)


def mend(html: str) -> str:
    """What the compiler made, as HTML that the Nu checker finds nothing in."""
    mended = _PIECES.sub(_mended, html)
    # Word wants this name where it is used, if the document does not declare it; in HTML no element can.
    mended = mended.replace("<o:OfficeDocumentSettings>", f'<o:OfficeDocumentSettings xmlns:o="{NAMES_OF_OFFICE}">')
    # One line for each row and block, so that a change can be read.
    return re.sub(r"(</tr>|</table>|</div>|</style>|</p>|-->|<tbody>)(?=\S)", r"\1\n", mended).strip() + "\n"


def _dressed(piece: re.Match[str]) -> str:
    name = piece["name"]
    if not name or 'style="' in piece["rest"]:
        return piece[0]
    kind = re.search(r'class="([a-z]+)"', piece["rest"])
    style = DRESS.get(f"{name}.{kind[1]}" if kind else name)
    return f'<{name}{piece["rest"]} style="{style}">' if style else piece[0]


def _mended(piece: re.Match[str]) -> str:
    if piece["whole"]:
        return _sheet_without_words_of_word(piece["whole"])
    name, rest = piece["name"], piece["rest"]
    attributes = dict(_ATTRIBUTE.findall(rest))
    if name in _MENDINGS:
        _MENDINGS[name](attributes)
    if "style" in attributes:
        attributes["style"] = _WORDS_OF_WORD.sub("", attributes["style"])
    return "".join((f"<{name}", *(f' {key}="{value}"' for key, value in attributes.items()), ">"))


def _sheet_without_words_of_word(whole: str) -> str:
    """Styles that only Word knows are no CSS; what it needs of them stands in its own comment, in `parts/head.mjml`."""
    if whole.startswith("<!--"):
        return whole
    return _WORDS_OF_WORD.sub("", _STYLE_SHEET.sub("<style>", whole))


def _mend_html(attributes: Attributes) -> None:
    """Names of XML have no place in HTML; we draw nothing with VML."""
    for name in ("xmlns", "xmlns:v", "xmlns:o"):
        attributes.pop(name, None)


def _mend_table(attributes: Attributes) -> None:
    """No gaps, no border and the width, said in CSS. Every table of a mail is there for its layout, and says so."""
    for name in ("border", "cellpadding", "cellspacing", "align"):
        attributes.pop(name, None)
    width = attributes.pop("width", "")
    attributes["role"] = "presentation"
    style = attributes.get("style", "")
    if "border-collapse" not in style:
        style = f"border-collapse:collapse;{style}"
    if width and "width:" not in style:
        style = f"{style}width:{width};"
    attributes["style"] = f"border-spacing:0;{style}"


def _mend_cell(attributes: Attributes) -> None:
    """Alignment and color in CSS. The cell of a button gets a name, by which Word's own styles find it."""
    attributes.pop("role", None)
    if attributes.pop("bgcolor", ""):
        attributes["class"] = "press"
    style = _WORDS_OF_WORD.sub("", attributes.pop("style", ""))
    align, middle = attributes.pop("align", ""), attributes.pop("valign", attributes.pop("vertical-align", ""))
    if align and "text-align" not in style:
        style += f"text-align:{align};"
    if middle and "vertical-align" not in style:
        style += f"vertical-align:{middle};"
    if "padding" not in style and attributes.get("class") != "press":
        style += "padding:0;"
    attributes["style"] = style


_MENDINGS: dict[str, Callable[[Attributes], None]] = {"html": _mend_html, "table": _mend_table, "td": _mend_cell}
