"""The evidence pack's way to staff: a download from the page of a dispute or an order, written down each time."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join

from redreport import audit, clock
from redreport.accounts.selectors import signed_in
from subscriptions.evidence import evidence_pack
from subscriptions.models import Payment


class EvidenceDownload(admin.ModelAdmin):
    """Adds the download to the admin of something that has payments; who may see the thing may have its evidence."""

    def payments_of(self, row: Any) -> list[Payment]:
        """The payments whose evidence belongs to this row."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.download_evidence)
        name = f"{self.opts.app_label}_{self.opts.model_name}_evidence"
        return [path("<int:pk>/evidence/<int:payment_id>/", view, name=name), *super().get_urls()]

    def download_evidence(self, request: HttpRequest, pk: int, payment_id: int) -> HttpResponse:
        row = self.get_object(request, str(pk))
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        payment = next((payment for payment in self.payments_of(row) if payment.pk == payment_id), None) if row else None
        if payment is None:
            raise Http404
        now = clock.now()
        pack = evidence_pack(payment=payment, now=now)
        audit.record(actor=signed_in(request), verb="evidence_taken", target=payment, now=now)
        filename = f"evidence-{payment.stripe_payment_intent_id}.zip"
        headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"}
        return HttpResponse(pack, content_type="application/zip", headers=headers)

    @admin.display(description="evidence pack")
    def evidence(self, row: Any) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_evidence"
        links = ((reverse(name, args=[row.pk, payment.pk]), payment) for payment in self.payments_of(row))
        return format_html_join(" ", '<a href="{}">Download for {}</a>', links) or "Nothing was paid."
