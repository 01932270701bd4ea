"""What stands in the head of a page for programs: who may list it, how it looks when somebody shares it, what it is about."""

import html
import json
from typing import Any

from django import template
from django.conf import settings
from django.template.base import NodeList, Parser, Token
from django.templatetags.static import static
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

# Inside a script element a browser looks for its end, and for nothing else.
_FOR_SCRIPTS = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


class CaptureNode(template.Node):
    """Keeps what it holds under a name and prints nothing."""

    def __init__(self, nodelist: NodeList, name: str) -> None:
        self.nodelist = nodelist
        self.name = name

    def render(self, context: template.Context) -> SafeString:
        words = " ".join(html.unescape(self.nodelist.render(context)).split())
        # Escaped anew: what is written in a template may hold a quotation mark, and this goes into attributes.
        context[self.name] = escape(words)
        return mark_safe("")


@register.tag
def capture(parser: Parser, token: Token) -> CaptureNode:
    """`{% capture page_title %}{% block title %}…{% endblock %}{% endcapture %}`: the words of a block that are needed twice."""
    name = token.split_contents()[1]
    nodelist = parser.parse(("endcapture",))
    parser.delete_first_token()
    return CaptureNode(nodelist, name)


@register.simple_tag
def absolute_static(path: str) -> str:
    """The absolute address of one of our static files, for programs that read a page elsewhere."""
    return settings.SITE_URL + static(path)


@register.filter
def json_ld(data: dict[str, Any] | None) -> SafeString:
    """Structured data as a data block: no script, so the content security policy lets it pass. Nothing for nothing."""
    if not data:
        return mark_safe("")
    said = json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_FOR_SCRIPTS)
    return format_html('<script type="application/ld+json">{}</script>', mark_safe(said))
