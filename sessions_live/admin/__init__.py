"""The desk's pages of the schedule, one module a subject."""

from sessions_live.admin import lists, materials
from sessions_live.admin.schedule import LiveSessionAdmin

__all__ = ["LiveSessionAdmin", "lists", "materials"]
