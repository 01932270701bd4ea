"""The desk's own pages, inside Django admin: each is named `admin:desk_…`."""

from django.urls import URLPattern, URLResolver, path

from redreport.desk.views import books, exports, jobs

urlpatterns: list[URLPattern | URLResolver] = [
    path("jobs/<uuid:public_id>/", jobs.job, name="desk_job"),
    path("jobs/<uuid:public_id>/try-again/", jobs.try_again, name="desk_job_try_again"),
    path("sessions/<int:pk>/roster/export/", exports.roster, name="desk_roster_export"),
    path("books/", books.books, name="desk_books"),
    path("books/rows/", books.books_rows, name="desk_books_rows"),
    path("books/rows.<str:extension>", books.books_rows_file, name="desk_books_rows_file"),
    path("books/<str:section>.svg", books.books_plot, name="desk_books_plot"),
    path("books/<str:section>.<str:extension>", books.books_table, name="desk_books_table"),
]
