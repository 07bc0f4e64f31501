from django.urls import re_path

from hubs import api

HUB = r"^hubs/(?P<hub>[^/]+)/"
RESOURCE = r"(?P<resource>[^/]+)"
OBJECT = r"(?P<object_id>[^/]+)"

# Included last: the short form takes every path that nothing else has taken.
urlpatterns = [
    re_path(rf"{HUB}objects/?$", api.ObjectsView.as_view()),
    re_path(rf"{HUB}ping/?$", api.PingView.as_view()),
    re_path(rf"{HUB}{RESOURCE}/?$", api.ResourceView.as_view()),
    re_path(rf"{HUB}{RESOURCE}/{OBJECT}/?$", api.ResourceView.as_view()),
    re_path(r"^objects/?$", api.ObjectsView.as_view()),
    re_path(r"^ping/?$", api.PingView.as_view()),
    re_path(rf"^{RESOURCE}/?$", api.ResourceView.as_view()),
    re_path(rf"^{RESOURCE}/{OBJECT}/?$", api.ResourceView.as_view()),
]
