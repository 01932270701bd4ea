"""People, as staff see them. Staff enter the admin through the same sign-in as everybody else."""

from typing import Any, ClassVar

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from csp.decorators import csp_replace
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.db import transaction
from django.http import HttpRequest

from redreport import audit, clock
from redreport.accounts.models import User

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

# Django's own scripts write HTML through jQuery, which Trusted Types refuse; the rest of the policy holds in the admin too.
_allow_jquery = csp_replace({"require-trusted-types-for": None})
_admin_view = admin.site.admin_view


def _admin_view_with_jquery(view: Any, cacheable: bool = False) -> Any:
    return _allow_jquery(_admin_view(view, cacheable))


admin.site.admin_view = _admin_view_with_jquery  # type: ignore[method-assign]


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
        ("Permissions", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("date_joined", "last_login")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "firm", "usable_password", "password1", "password2")}),)

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        """A corrected address is unproven until its owner signs in with it; the one it replaces opens nothing from now on."""
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            if not change:
                audit.record(actor=request.user, verb="user_added", target=obj, now=clock.now())
                return
            EmailAddress.objects.filter(user=obj).exclude(email=obj.email).delete()
            detail = {"fields": sorted(form.changed_data)}
            audit.record(actor=request.user, verb="user_changed", target=obj, detail=detail, now=clock.now())

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """An account is deactivated instead: what it bought, booked and did keeps pointing at it."""
        return False
