from django.urls import re_path

from hubs import api, directory

HUB = r"^hubs/(?P<hub>[^/]+)"
NAME = r"(?P<name>[^/]+)"
PATH = r"(?P<path>.+?)/?$"

# Included last: the short form takes every path that nothing else has taken.
urlpatterns = [
    re_path(r"^hubs/?$", directory.HubsView.as_view()),
    re_path(r"^hubs/keys/?$", directory.KeysView.as_view()),
    re_path(r"^hubs/(?P<hub_key>[^/]+)/?$", directory.HubView.as_view()),
    re_path(r"^hubs/(?P<hub_key>[^/]+)/elements/?$", directory.ElementsView.as_view()),
    re_path(rf"{HUB}/objects/?$", api.ObjectsView.as_view()),
    re_path(rf"{HUB}/objects/{NAME}/metadata/?$", api.ObjectMetadataView.as_view()),
    re_path(rf"{HUB}/objects/{NAME}/docs/?$", api.ObjectDocsView.as_view()),
    re_path(rf"{HUB}/ping/?$", api.PingView.as_view()),
    re_path(rf"{HUB}/{PATH}", api.OperationView.as_view()),
    re_path(r"^objects/?$", api.ObjectsView.as_view()),
    re_path(rf"^objects/{NAME}/metadata/?$", api.ObjectMetadataView.as_view()),
    re_path(rf"^objects/{NAME}/docs/?$", api.ObjectDocsView.as_view()),
    re_path(r"^ping/?$", api.PingView.as_view()),
    re_path(rf"^{PATH}", api.OperationView.as_view()),
]
