from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path, re_path

from console import connect, events, home, instances
from console.reconnect import reconnect

app_name = "console"
INSTANCE = r"^instances/(?P<instance_id>[0-9]{1,18})"

urlpatterns = [
    path("", home.home, name="home"),
    path(
        "sign-in",
        LoginView.as_view(template_name="console/sign_in.html", redirect_authenticated_user=True),
        name="sign-in",
    ),
    path("sign-out", LogoutView.as_view(), name="sign-out"),
    path("connect", connect.connect, name="connect"),
    path("connect/again", connect.connect_again, name="connect-again"),
    path("oauth/callback", connect.oauth_callback, name="oauth-callback"),
    path("reconnect/<str:token>", reconnect, name="reconnect"),
    path("instances", instances.instances, name="instances"),
    re_path(rf"{INSTANCE}$", instances.instance, name="instance"),
    re_path(rf"{INSTANCE}/reconnect-link$", instances.make_link, name="reconnect-link"),
    re_path(rf"{INSTANCE}/events$", instances.switch_events, name="switch-events"),
    re_path(rf"{INSTANCE}/disconnect$", instances.disconnect, name="disconnect"),
    path("events", events.find, name="find-event"),
    re_path(r"^events/(?P<event_id>[0-9]{1,18})$", events.event, name="event"),
    re_path(r"^deliveries/(?P<delivery_id>[0-9]{1,18})/replay$", events.replay, name="replay"),
]
