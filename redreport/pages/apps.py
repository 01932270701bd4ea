from django.apps import AppConfig


class PagesConfig(AppConfig):
    name = "redreport.pages"
    label = "pages"
