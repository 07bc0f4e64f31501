from django.urls import re_path

from instances import api

ID = r"(?P<instance_id>[0-9]{1,18})"
ROW = r"(?P<row_id>[0-9]{1,18})"
OPERATION = r"(?P<operation_id>[A-Za-z0-9_]{1,500})"
OF_ELEMENT = r"^elements/(?P<element>[^/]+)/instances"

urlpatterns = [
    re_path(r"^instances/?$", api.InstancesView.as_view()),
    re_path(r"^instances/enabled/?$", api.EnabledView.as_view()),
    re_path(r"^instances/docs/?$", api.DocsView.as_view()),
    re_path(rf"^instances/docs/{OPERATION}/?$", api.OperationDocsView.as_view()),
    re_path(rf"^instances/docs/{OPERATION}/definitions/?$", api.OperationDefinitionsView.as_view()),
    re_path(r"^instances/configuration/?$", api.ConfigurationView.as_view()),
    re_path(rf"^instances/configuration/{ROW}/?$", api.ConfigurationRowView.as_view()),
    re_path(rf"^instances/{ID}/?$", api.InstanceView.as_view()),
    re_path(rf"^instances/{ID}/enabled/?$", api.EnabledView.as_view()),
    re_path(rf"^instances/{ID}/reconnect-link/?$", api.ReconnectLinkView.as_view()),
    re_path(rf"^instances/{ID}/docs/?$", api.DocsView.as_view()),
    re_path(rf"^instances/{ID}/docs/{OPERATION}/?$", api.OperationDocsView.as_view()),
    re_path(
        rf"^instances/{ID}/docs/{OPERATION}/definitions/?$", api.OperationDefinitionsView.as_view()
    ),
    re_path(rf"^instances/{ID}/configuration/?$", api.ConfigurationView.as_view()),
    re_path(rf"^instances/{ID}/configuration/{ROW}/?$", api.ConfigurationRowView.as_view()),
    re_path(rf"{OF_ELEMENT}/?$", api.InstancesView.as_view()),
    re_path(rf"{OF_ELEMENT}/{ID}/?$", api.InstanceView.as_view()),
    re_path(rf"{OF_ELEMENT}/{ID}/enabled/?$", api.EnabledView.as_view()),
    re_path(rf"{OF_ELEMENT}/{ID}/docs/?$", api.DocsView.as_view()),
    re_path(rf"{OF_ELEMENT}/{ID}/docs/{OPERATION}/?$", api.OperationDocsView.as_view()),
    re_path(
        rf"{OF_ELEMENT}/{ID}/docs/{OPERATION}/definitions/?$",
        api.OperationDefinitionsView.as_view(),
    ),
    re_path(rf"{OF_ELEMENT}/{ID}/configuration/?$", api.ConfigurationView.as_view()),
    re_path(rf"{OF_ELEMENT}/{ID}/configuration/{ROW}/?$", api.ConfigurationRowView.as_view()),
]
