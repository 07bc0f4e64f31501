from django.urls import re_path

from elements import api

KEY_OR_ID = r"(?P<key_or_id>[^/]+)"

urlpatterns = [
    re_path(r"^elements/?$", api.ElementsView.as_view()),
    re_path(r"^elements/keys/?$", api.KeysView.as_view()),
    re_path(r"^elements/metadata/?$", api.AllMetadataView.as_view()),
    re_path(rf"^elements/{KEY_OR_ID}/?$", api.ElementView.as_view()),
    re_path(rf"^elements/{KEY_OR_ID}/configuration/?$", api.ConfigurationView.as_view()),
    re_path(rf"^elements/{KEY_OR_ID}/metadata/?$", api.MetadataView.as_view()),
    re_path(rf"^elements/{KEY_OR_ID}/oauth/url/?$", api.OAuthUrlView.as_view()),
]
