"""The project: settings, addresses, rules of the house, and the rooms both apps stand on."""

from redreport.celery import app as celery_app

__all__ = ["celery_app"]
