"""What several of the pages need."""

from django.http import HttpResponseRedirect


class SeeOther(HttpResponseRedirect):
    """303: after a POST, go and look there with GET."""

    status_code = 303
