"""The HTML of the mails is what `make mails` makes of their sources: nobody edits one of the two alone."""

from pathlib import Path

import pytest

from redreport.local import mail_compiler
from redreport.local.mail_mending import dress, mend
from redreport.local.supervisor import REPOSITORY

each_source = pytest.mark.parametrize(
    "source", mail_compiler.sources(), ids=lambda source: source.relative_to(mail_compiler.SOURCES).as_posix()
)


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


@each_source
def test_html_is_what_the_source_says(source: Path) -> None:
    html = mail_compiler.html_of(source)
    assert html.exists(), f"{name_of(html)} is missing: make mails"
    is_fresh = html.read_bytes() == mail_compiler.compile_mail(source).encode()
    assert is_fresh, f"{name_of(html)} is not what {name_of(source)} says: make mails, or undo what was done to it by hand"


def test_no_html_is_without_a_source() -> None:
    made = {mail_compiler.html_of(source) for source in mail_compiler.sources()}
    assert [name_of(path) for path in mail_compiler.committed_html() if path not in made] == []


@each_source
def test_every_mail_has_a_text_and_a_subject_beside_it(source: Path) -> None:
    html = mail_compiler.html_of(source)
    is_allauths = html.stem.endswith("_message")
    subject = f"{html.stem.removesuffix('_message')}_subject.txt" if is_allauths else f"{html.stem}.subject.txt"
    assert [name for name in (f"{html.stem}.txt", subject) if not html.with_name(name).exists()] == []


def test_source_that_is_no_mjml_is_named(tmp_path: Path) -> None:
    source = tmp_path / "broken.mjml"
    source.write_text("<mjml><mj-body><p></mj-body></mjml>")
    with pytest.raises(ValueError, match=r"/broken\.mjml: "):
        mail_compiler.compile_mail(source)


def test_plain_elements_are_dressed_and_those_with_styles_are_left() -> None:
    assert dress("<p>One</p>") == '<p style="margin:0 0 16px;">One</p>'
    assert dress('<p style="margin:0;">One</p>') == '<p style="margin:0;">One</p>'
    assert 'class="label" style="width:150px;' in dress('<td class="label">When</td>')
    assert dress('<td class="other">When</td>') == '<td class="other">When</td>'


def test_what_html_has_no_place_for_is_said_in_css() -> None:
    table = '<table border="0" cellpadding="0" cellspacing="0" width="100%" align="center">'
    assert mend(table) == '<table role="presentation" style="border-spacing:0;border-collapse:collapse;width:100%;">\n'
    assert mend('<td align="left" bgcolor="#a6121f" style="background:#a6121f;">') == (
        '<td class="press" style="background:#a6121f;text-align:left;">\n'
    )
    assert mend('<td style="mso-padding-alt:0px;color:#1a1614;">') == '<td style="color:#1a1614;padding:0;">\n'


def test_what_only_word_reads_is_left_alone() -> None:
    comment = '<!--[if mso | IE]><td align="center" width="600" style="mso-line-height-rule:exactly;"><![endif]-->'
    assert mend(comment) == comment + "\n"
