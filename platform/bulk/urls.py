from django.urls import re_path

from bulk import api

HUB = r"hubs/(?P<hub>[^/]+)/"
JOB = r"bulk/(?P<bulk_id>[0-9]+)"

urlpatterns = [
    re_path(rf"^{hub}{path}/?$", view.as_view())
    for hub in (HUB, "")
    for path, view in (
        (r"bulk", api.JobsView),
        (r"bulk/query", api.QueryView),
        (rf"{JOB}/status", api.StatusView),
        (rf"{JOB}/errors", api.ErrorsView),
        (rf"{JOB}/cancel", api.CancelView),
        (rf"{JOB}/(?P<resource>[^/]+)", api.ResultView),
    )
]
