from django.urls import re_path

from hubs import api

HUB = r"^hubs/(?P<hub>[^/]+)/"
PATH = r"(?P<path>[^/]+(?:/[^/]+)*)/?"

# Included last: the short form takes every path that nothing else has taken.
urlpatterns = [
    re_path(rf"{HUB}objects/?$", api.ObjectsView.as_view()),
    re_path(rf"{HUB}ping/?$", api.PingView.as_view()),
    re_path(rf"{HUB}{PATH}$", api.OperationView.as_view()),
    re_path(r"^objects/?$", api.ObjectsView.as_view()),
    re_path(r"^ping/?$", api.PingView.as_view()),
    re_path(rf"^{PATH}$", api.OperationView.as_view()),
]
