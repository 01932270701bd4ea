"""Components that hold words or markup of their page, as block tags. Each is drawn by the template of its name in
templates/components/; what holds nothing is a plain include from there."""

from django import template
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_block_tag
def button(
    content: str,
    *,
    to: str = "",
    of: object = "",
    href: str = "",
    kind: str = "",
    busy: str = "",
    name: str = "",
    value: object = "",
    wide: bool = False,
) -> SafeString:
    """A button that sends its form; with an address, a link that looks like one.

    `to` names the address and `of` is what it takes, such as an order's number; `href` is an address that is made already.
    `kind` is '' for the one thing to do here, 'second' beside it, 'text' for what should not draw the eye. `busy` is what it
    says while the form is under way.
    """
    return _drawn(
        "button",
        content=content,
        href=href or (reverse(to, args=[of] if of else []) if to else ""),
        kind=kind,
        busy=busy,
        name=name,
        value=value,
        wide=wide,
    )


@register.simple_block_tag
def notice(content: str, *, tone: str = "", role: str = "") -> SafeString:
    """Something to know before going on. `tone` is '', 'good', 'warn' or 'error'; `role` is 'status' or 'alert' where it must be
    read out when the page opens. Its first line may be `<p class="notice-title">`."""
    return _drawn("notice", content=content, tone=tone, role=role)


@register.simple_block_tag
def fact(content: str, term: str) -> SafeString:
    """One line of a `<dl class="facts">`: what it is, then how it stands."""
    return _drawn("fact", content=content, term=term)


@register.simple_block_tag
def table(content: str, caption: str, *, says_caption: bool = True) -> SafeString:
    """A table from its head and body. On a telephone each row becomes a list, in which a cell is named by its `data-label`.
    Where a heading above says the same as `caption`, only screen readers are given it."""
    return _drawn("table", content=content, caption=caption, says_caption=says_caption)


def _drawn(component: str, /, *, content: str, **values: object) -> SafeString:
    given = {"content": SafeString(content.strip()), **values}
    return SafeString(render_to_string(f"components/{component}.html", given).strip())
