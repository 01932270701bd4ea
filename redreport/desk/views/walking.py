"""How staff change a whole session: a form, then what would come of it, then the session's name typed, then it is done.

What would come of it is reckoned anew when it is confirmed. If it says something else by then it is shown again, and nothing is
done. No step but the last writes anything; what was typed is kept through all of them.
"""

import hashlib
import unicodedata
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from redreport.desk.views.common import render_page
from redreport.desk.views.confirming import has_seen, is_confirmed, request_id_of, to_confirm
from redreport.desk.views.mail_html import html_of_mail
from sessions_live.models import LiveSession
from subscriptions.operations.previews import SampleMail

# Phones write these for the plain ones.
_LOOK_ALIKE = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "..."})


class Impossible(Exception):
    """It cannot be done; the message says why, to staff."""


@dataclass(frozen=True)
class Preview:
    """What would come of it: values for the wizard's template, and the mails. `facts` must still be so when it is confirmed."""

    facts: Any
    values: dict[str, Any]
    mails: Sequence[SampleMail]

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr(self.facts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Wizard:
    """One thing that is asked for a session.

    `look` reckons what a right form would do, and refuses with Impossible. `do` does it and returns the address of the page on
    which it is watched; the number of the form comes along. `done` is that address where what is confirmed was done before: a
    second click, or the way back and on again.
    """

    live_session: LiveSession
    title: str
    button: str
    form: forms.Form
    template: str
    look: Callable[[forms.Form], Preview]
    do: Callable[[forms.Form, uuid.UUID], str]
    done: Callable[[forms.Form, uuid.UUID], str]
    # Why it cannot be asked for at all, whatever the form says.
    impossible: str = ""


def walk(request: HttpRequest, wizard: Wizard) -> HttpResponse:
    """The page of a wizard at whichever step the request is; its form is bound where something was sent."""
    form, sent = wizard.form, request.POST
    if is_confirmed(request) and form.is_valid() and (address := wizard.done(form, request_id_of(request))):
        messages.info(request, "This was done already. Nothing was done a second time.")
        return HttpResponseRedirect(address)
    if wizard.impossible:
        return _page(request, wizard, "wizard_impossible.html", {}, status=400 if form.is_bound else 200)
    if not form.is_bound or "change" in sent or not form.is_valid():
        return _form_page(request, wizard)
    try:
        preview = wizard.look(form)
        if "show" in sent:
            return _shown_mail(preview, sent["show"])
        return _confirmed(request, wizard, preview) if is_confirmed(request) else _preview_page(request, wizard, preview)
    except Impossible as refusal:
        form.add_error(None, str(refusal))
        return _form_page(request, wizard)


def _confirmed(request: HttpRequest, wizard: Wizard, preview: Preview) -> HttpResponse:
    """It is done, if it is still what was looked at, and the session's name was typed."""
    if not has_seen(request, preview.digest):
        return _preview_page(request, wizard, preview)
    if not names(request.POST.get("typed_name", ""), wizard.live_session):
        return _preview_page(request, wizard, preview, name_is_wrong=True)
    return HttpResponseRedirect(wizard.do(wizard.form, request_id_of(request)))


def names(typed: str, live_session: LiveSession) -> bool:
    """Whether what was typed is the session's name; capitals, spaces and a phone's way with quotation marks do not count."""
    return bool(typed.strip()) and _plain(typed) == _plain(live_session.title)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text.translate(_LOOK_ALIKE)).casefold().split())


def _form_page(request: HttpRequest, wizard: Wizard) -> HttpResponse:
    return _page(request, wizard, "wizard_form.html", {}, status=400 if wizard.form.errors else 200)


def _preview_page(request: HttpRequest, wizard: Wizard, preview: Preview, *, name_is_wrong: bool = False) -> HttpResponse:
    context = {
        **preview.values,
        "mails": preview.mails,
        **to_confirm(wizard.form, preview.digest),
        "typed_name": request.POST.get("typed_name", ""),
        "name_is_wrong": name_is_wrong,
    }
    return _page(request, wizard, wizard.template, context, status=400 if name_is_wrong else 200)


def _page(request: HttpRequest, wizard: Wizard, template: str, context: dict[str, Any], status: int) -> HttpResponse:
    return render_page(request, template, {"title": wizard.title, "wizard": wizard, **context}, status)


def _shown_mail(preview: Preview, which: str) -> HttpResponse:
    """The HTML of one of the mails, the first unless another is named, on a page of its own."""
    if not preview.mails:
        raise Http404
    by_number = {str(number): mail for number, mail in enumerate(preview.mails)}
    return html_of_mail(by_number.get(which, preview.mails[0]).rendered)
