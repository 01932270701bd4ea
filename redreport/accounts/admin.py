"""People, as staff see them."""

from typing import Any, ClassVar

from allauth.account import admin as allauth_admin
from allauth.account.models import EmailAddress
from allauth.mfa import admin as allauth_mfa_admin
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path

from redreport import audit, clock
from redreport.accounts import group_admin  # noqa: F401
from redreport.accounts.mails import queue_notice
from redreport.accounts.models import Erasure, User
from redreport.accounts.privacy.erasing import CannotErase, ErasureChanged, ask_erasure, plan_erasure
from redreport.accounts.second_factor import APP, NothingToRemove, factors_of, remove_second_factor
from redreport.accounts.selectors import signed_in

# Whoever calls an address proven could have somebody else's code mailed to it. The import puts the page there, if it was not.
admin.site.unregister(allauth_admin.EmailAddress)
MAY_ERASE = "accounts.add_erasure"
# A second factor is its owner's alone: who could add or change one could sign in as them.
admin.site.unregister(allauth_mfa_admin.Authenticator)


class UserAddForm(AdminUserCreationForm):
    """Usually without a password: the person signs in by mailed code."""

    class Meta:
        model = User
        fields = ("email", "name", "firm")
        field_classes: ClassVar[dict[str, type[forms.Field]]] = {"email": forms.EmailField}


class UserEditForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"


class RemoveSecondFactorForm(forms.Form):
    """Why a colleague's second factor is removed."""

    reason = forms.CharField(
        max_length=200,
        label="Why",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="Such as: lost the telephone on Monday, called back at the number we have.",
    )


class EraseAccountForm(forms.Form):
    """Why an account is erased, and what was read beforehand."""

    reason = forms.CharField(
        max_length=200,
        label="Why",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="Such as: asked for it by mail on Monday, from the address of the account. It stays in the audit trail for "
        "good, so write no name and no address.",
    )
    consequences = forms.CharField(widget=forms.HiddenInput)


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    form = UserEditForm
    add_form = UserAddForm
    list_display = ("email", "name", "firm", "is_staff", "is_active", "date_joined")
    list_filter = ("is_staff", "is_active", "groups")
    search_fields = ("email", "name", "firm")
    ordering = ("email",)
    readonly_fields = ("date_joined", "last_login")
    fieldsets = (
        (None, {"fields": ("email", "name", "firm", "time_zone", "password")}),
        ("Permissions", {"fields": ("is_active",)}),
        ("Dates", {"fields": ("date_joined", "last_login")}),
    )
    superuser_fieldsets = (
        *fieldsets,
        ("Powers", {"fields": ("is_staff", "is_superuser", "groups", "user_permissions")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "firm", "usable_password", "password1", "password2")}),)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """What a person may do in the admin is for superusers alone to see and to give."""
        return self.superuser_fieldsets if obj and signed_in(request).is_superuser else super().get_fieldsets(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """
        Superusers alone change staff, themselves included: who may change somebody's address or password can become them.
        """
        within_reach = obj is None or not (obj.is_staff or obj.is_superuser) or signed_in(request).is_superuser
        return within_reach and super().has_change_permission(request, obj)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """A mail tells the owner, as it does when they change it themselves: a colleague knows this one."""
        now = clock.now()
        with transaction.atomic():
            before = self.get_object(request, unquote(id))
            response = super().user_change_password(request, id, form_url)
            after = self.get_object(request, unquote(id))
            if before and after and before.password != after.password:
                audit.record(actor=signed_in(request), verb="password_changed", target=after, now=now)
                queue_notice(template="account/email/password_changed", user=after, now=now)
        return response

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        """
        A corrected address is unproven until its owner signs in with it; the one it replaces opens nothing from now on, nor do
        the password, the passkeys and the sessions of whoever used it. Nor do those of a reader who becomes staff: a colleague
        may have set that password, and would have the new powers with it. A mailed code lets both in again.
        """
        begins_anew = change and ("email" in form.changed_data or _becomes_staff(form))
        if begins_anew:
            # Another password, though one that nobody can type, ends every session: each is tied to the password.
            obj.set_unusable_password()
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            if not change:
                audit.record(actor=request.user, verb="user_added", target=obj, now=clock.now())
                return
            EmailAddress.objects.filter(user=obj).exclude(email=obj.email).delete()
            if "email" in form.changed_data:
                # Whoever reads there hears of it, and not which address it is now: it may have been somebody else's all along.
                queue_notice(template="account/email/email_corrected", user=obj, to=form.initial["email"], now=clock.now())
            detail: dict[str, Any] = {"fields": sorted(form.changed_data)}
            if begins_anew:
                factors, _ = Authenticator.objects.filter(user=obj).delete()
                detail |= {"second_factors_removed": factors} if factors else {}
            audit.record(actor=request.user, verb="user_changed", target=obj, detail=detail, now=clock.now())

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """An account is deactivated instead: what it bought, booked and did keeps pointing at it."""
        return False

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/second-factor/", wrap(self.second_factor_view), name="accounts_user_second_factor"),
            path("<int:pk>/erase/", wrap(self.erase_view), name="accounts_user_erase"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        user = self.get_object(request, unquote(object_id))
        may_remove = user is not None and self._may_remove_factors(request, user) and bool(factors_of(user))
        may_erase = user is not None and not _is_being_erased(user) and signed_in(request).has_perm(MAY_ERASE)
        context = {"may_remove_second_factor": may_remove, "may_erase": may_erase, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def _may_remove_factors(self, request: HttpRequest, user: User) -> bool:
        """A superuser, of somebody else: one's own is taken off on the page Security, with the factor itself."""
        actor = signed_in(request)
        return actor.is_superuser and actor != user

    def second_factor_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Remove a second factor that was lost: a question with its reason, and on POST it is done."""
        if not signed_in(request).is_superuser:
            raise PermissionDenied
        user = self.get_object(request, str(pk))
        if user is None:
            raise Http404
        if not self._may_remove_factors(request, user):
            raise PermissionDenied
        form = RemoveSecondFactorForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            return self._remove_second_factor(request, user, form.cleaned_data["reason"])
        words = ["an authenticator app" if factor == APP else "a passkey" for factor in sorted(factors_of(user))]
        context = {
            **self.admin_site.each_context(request),
            "title": "Remove the second factor",
            "opts": self.opts,
            "person": user,
            "factors": words or ["none"],
            "form": form,
        }
        return render(request, "admin/accounts/user/remove_second_factor.html", context)

    def erase_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Erase the account of a reader who wrote in: what stands in the way or is lost, then why, and on POST it is done."""
        actor, now = signed_in(request), clock.now()
        if not actor.has_perm(MAY_ERASE):
            raise PermissionDenied
        user = self.get_object(request, str(pk))
        if user is None:
            raise Http404
        if _is_being_erased(user):
            self.message_user(request, "This account is being erased already, or is erased.", messages.INFO)
            return redirect("admin:accounts_user_change", user.pk)
        plan, has_changed = plan_erasure(user=user, now=now), False
        form = EraseAccountForm(request.POST if request.method == "POST" else None, initial={"consequences": plan.digest})
        if form.is_valid():
            said = form.cleaned_data
            try:
                ask_erasure(user_id=pk, actor=actor, reason=said["reason"], consequences=said["consequences"], now=now)
            except (CannotErase, ErasureChanged):
                plan, has_changed = plan_erasure(user=user, now=now), True
                form = EraseAccountForm(initial={"consequences": plan.digest, "reason": said["reason"]})
            else:
                self.message_user(
                    request, "The account is closed, and is being erased. Its owner gets a last mail.", messages.SUCCESS
                )
                return redirect("admin:accounts_user_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": "Erase the account",
            "opts": self.opts,
            "person": user,
            "plan": plan,
            "has_changed": has_changed,
            "form": form,
        }
        return render(request, "admin/accounts/user/erase.html", context)

    def _remove_second_factor(self, request: HttpRequest, user: User, reason: str) -> HttpResponse:
        try:
            remove_second_factor(user_id=user.pk, actor=signed_in(request), reason=reason, now=clock.now())
        except NothingToRemove:
            self.message_user(request, "There is none to remove. Nothing was done.", messages.INFO)
        else:
            self.message_user(request, f"Removed. {user} has been told by mail.", messages.SUCCESS)
        return redirect("admin:accounts_user_change", user.pk)


def _is_being_erased(user: User) -> bool:
    """One that was switched off alone still holds all that is known of its owner, who may have it erased."""
    return Erasure.objects.filter(user=user).exists()


def _becomes_staff(form: forms.ModelForm) -> bool:
    """Whether the form gives powers to somebody who had none."""
    powers = ("is_staff", "is_superuser")
    given = [name for name in powers if name in form.changed_data and form.cleaned_data[name]]
    return bool(given) and not any(form.initial.get(name) for name in powers)
