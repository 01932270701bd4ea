"""Findings that stay, each with the reason. Where a few lines of ours mend one it is mended instead."""

from collections.abc import Mapping

from tests.walk.examiner import Finding, is_of_django

# Of Django admin's own pages alone. What a rule finds there in any other element is a finding.
OF_DJANGO: Mapping[str, str] = {
    "aria-prohibited-attr": "SelectFilter2.js gives its help icon a label without a role",
    "aria-input-field-name": "select2, inside Django admin, names its box by an element that is empty while nothing is chosen",
    "disabled": "UserAdmin prints the widget's attribute on the div around a password's hash",
    "aria-describedby": "of a field with a hint inside a fieldset Django names an element that its own template leaves out",
    "option": "an autocomplete field begins with an empty choice",
}
# The checker guesses the language from the words, of which an admin page has few.
GUESSES = "This document appears to be written in"
# Titles that say the same at two addresses because the same has happened there.
SHARED_TITLES = {
    "Page not found · Red Report Live": "whatever is not there",
    "This link is no longer valid · Red Report Live": "a dead link of any kind",
    "This seat is canceled · Red Report Live": "by the account or by the link in a mail",
    "Something went wrong · Red Report Live": "the file for unforeseen faults, and the file itself",
}


# It shows a form that was refused among others that were not.
STYLE_PAGE = "local:style"


def is_known(finding: Finding) -> bool:
    view = finding.page.partition(" ")[0]
    if view == STYLE_PAGE and finding.rule.startswith("refused, and the title is"):
        return True
    if finding.mode == "HTML":
        return GUESSES in finding.rule or (is_of_django(view) and any(f"“{word}”" in finding.rule for word in OF_DJANGO))
    return is_of_django(view) and finding.rule in OF_DJANGO
