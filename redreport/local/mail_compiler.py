"""`make mails`: the HTML of every mail, made anew from its source.

A source is `templates/emails/mjml/<name>.mjml`; what is made of it is a Django template, `templates/emails/<name>.html`. Those of
allauth's mails stand in `mjml/account/` and `mjml/mfa/`, their HTML in `templates/<app>/email/<name>_message.html`. The HTML is
committed; nothing of this runs in production.
"""

import re
from pathlib import Path

from mjml import mjml2html

from redreport.local.mail_mending import dress, mend
from redreport.local.supervisor import REPOSITORY

TEMPLATES = REPOSITORY / "templates"
SOURCES = TEMPLATES / "emails" / "mjml"
PARTS = SOURCES / "parts"
# What every mail may use, loaded where the template begins.
LOADED = "{% load site %}{% house as house %}"

_INCLUDE = re.compile(r'<mj-include path="(?P<path>[a-z_/]+\.mjml)" />')
_REMARK = re.compile(r"<!--(?!\[).*?-->\s*", re.DOTALL)


def sources() -> list[Path]:
    """The source of each mail; parts are none."""
    return sorted(path for path in SOURCES.rglob("*.mjml") if PARTS not in path.parents)


def html_of(source: Path) -> Path:
    """Where the HTML made of it stands."""
    path = source.relative_to(SOURCES)
    if len(path.parts) == 1:
        return TEMPLATES / "emails" / f"{path.stem}.html"
    return TEMPLATES / path.parts[0] / "email" / f"{path.stem}_message.html"


def committed_html() -> list[Path]:
    """Every HTML template of a mail that stands in the repository."""
    return sorted([*(TEMPLATES / "emails").glob("*.html"), *TEMPLATES.glob("*/email/*_message.html")])


def compile_mail(source: Path) -> str:
    """The HTML template. Raises ValueError, with the name of the source, where that is no MJML."""
    try:
        compiled = mjml2html(dress(_with_parts(source.read_text(encoding="utf-8"))))
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
    return LOADED + mend(compiled)


def _with_parts(source: str) -> str:
    """Parts are put in here: those that the compiler itself puts in do not learn how wide the mail is."""
    whole = _INCLUDE.sub(lambda include: _with_parts((SOURCES / include["path"]).read_text(encoding="utf-8").strip()), source)
    return _REMARK.sub("", whole)


def main() -> None:
    made = {html_of(source): compile_mail(source) for source in sources()}
    for path, html in made.items():
        if not path.exists() or path.read_text(encoding="utf-8") != html:
            path.write_text(html, encoding="utf-8")
            print(path.relative_to(REPOSITORY))
    for path in committed_html():
        if path not in made:
            print(f"{path.relative_to(REPOSITORY)} has no source")


if __name__ == "__main__":
    main()
