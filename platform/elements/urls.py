from django.urls import re_path

from elements.api import configuration, consent, private, reading, sharing

KEY_OR_ID = r"(?P<key_or_id>[^/]+)"
ONE = rf"^elements/{KEY_OR_ID}"

urlpatterns = [
    re_path(r"^elements/?$", private.ElementsView.as_view()),
    re_path(r"^elements/keys/?$", reading.KeysView.as_view()),
    re_path(r"^elements/metadata/?$", reading.AllMetadataView.as_view()),
    re_path(rf"{ONE}/?$", private.ElementView.as_view()),
    re_path(rf"{ONE}/active/?$", private.ActiveView.as_view()),
    re_path(rf"{ONE}/export/?$", private.ExportView.as_view()),
    re_path(rf"{ONE}/clone/?$", private.CloneView.as_view()),
    re_path(rf"{ONE}/configuration/?$", configuration.ConfigurationView.as_view()),
    re_path(
        rf"{ONE}/configuration/(?P<configuration_key>[^/]+)/?$", configuration.EntryView.as_view()
    ),
    re_path(rf"{ONE}/accounts/?$", sharing.AccountsView.as_view()),
    re_path(rf"{ONE}/accounts/(?P<account_id>[0-9]+)/?$", sharing.AccountView.as_view()),
    re_path(rf"{ONE}/metadata/?$", reading.MetadataView.as_view()),
    re_path(rf"{ONE}/transformations/?$", reading.TransformationsView.as_view()),
    re_path(rf"{ONE}/docs/?$", reading.DocsView.as_view()),
    re_path(rf"{ONE}/oauth/url/?$", consent.OAuthUrlView.as_view()),
    re_path(rf"{ONE}/oauth/url/default/?$", consent.DefaultOAuthUrlView.as_view()),
    re_path(rf"{ONE}/oauth/token/?$", consent.OAuthTokenView.as_view()),
]
