"""People, as staff see them."""

from typing import Any, ClassVar

from allauth.account import admin as allauth_admin
from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from redreport import audit, clock
from redreport.accounts.models import User
from redreport.accounts.selectors import signed_in

# Whoever calls an address proven could have somebody else's code mailed to it. The import puts the page there, if it was not.
admin.site.unregister(allauth_admin.EmailAddress)


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
        with transaction.atomic():
            before = self.get_object(request, unquote(id))
            response = super().user_change_password(request, id, form_url)
            after = self.get_object(request, unquote(id))
            if before and after and before.password != after.password:
                audit.record(actor=signed_in(request), verb="password_changed", target=after, now=clock.now())
        return response

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        """
        A corrected address is unproven until its owner signs in with it; the one it replaces opens nothing from now on, nor do
        the password and the sessions of whoever used it.
        """
        if change and "email" in form.changed_data:
            # Another password, though one that nobody can type, ends every session: each is tied to the password.
            obj.set_unusable_password()
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
