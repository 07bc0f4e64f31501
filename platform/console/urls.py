from django.contrib.auth.views import LogoutView
from django.urls import path, re_path

from console import (
    activity,
    authenticate,
    bulk_jobs,
    callback_test,
    catalogue,
    events,
    home,
    inbox,
    instances,
    profile,
    resend,
    sandbox,
    signing_in,
    trip,
    verification,
)
from console.instance import actions, edit, page, unsigned
from console.members import posted_only
from console.reconnect import reconnect

app_name = "console"
INSTANCE = r"^instances/(?P<instance_id>[0-9]{1,18})"

urlpatterns = [
    path("", home.home, name="home"),
    path("sign-in", signing_in.SignInView.as_view(), name="sign-in"),
    path("sign-out", posted_only(LogoutView.as_view()), name="sign-out"),
    path("password", signing_in.forgotten, name="forgotten-password"),
    path("password/<uidb64>/<token>", signing_in.NewPasswordView.as_view(), name="new-password"),
    path("verify-address/<str:token>", verification.verify, name="verify-address"),
    path("activity", activity.activity, name="activity"),
    path("profile", profile.profile, name="profile"),
    path("profile/password", profile.ChangePasswordView.as_view(), name="change-password"),
    path("profile/verification", verification.ask, name="ask-verification"),
    path("profile/secret", profile.new_user_secret, name="new-user-secret"),
    path(
        "profile/organization-secret",
        profile.new_organization_secret,
        name="new-organization-secret",
    ),
    path("profile/sessions/end", profile.end_session, name="end-session"),
    path("profile/sessions/end-others", profile.end_other_sessions, name="end-other-sessions"),
    path("catalogue", catalogue.catalogue, name="catalogue"),
    path(
        "catalogue/<str:element_key>/authenticate",
        authenticate.authenticate,
        name="authenticate",
    ),
    path(
        "catalogue/<str:element_key>/authenticate/test",
        callback_test.send_test,
        name="test-callback",
    ),
    path("catalogue/<str:element_key>/sandbox", sandbox.try_element, name="try-with-the-sandbox"),
    path("connect", authenticate.former_address, name="connect"),
    path("connect/again", trip.connect_again, name="connect-again"),
    path("oauth/callback", trip.oauth_callback, name="oauth-callback"),
    path("oauth/code", trip.oauth_code, name="oauth-code"),
    path("reconnect/<str:token>", reconnect, name="reconnect"),
    path("instances", instances.instances, name="instances"),
    re_path(rf"{INSTANCE}$", page.instance, name="instance"),
    re_path(rf"{INSTANCE}/now$", page.now, name="instance-now"),
    re_path(rf"{INSTANCE}/timeline$", page.history, name="history"),
    re_path(rf"{INSTANCE}/charts$", page.charts, name="charts"),
    re_path(rf"{INSTANCE}/events$", actions.switch_events, name="switch-events"),
    re_path(rf"{INSTANCE}/enabled$", actions.enable, name="enable"),
    re_path(rf"{INSTANCE}/polls$", actions.poll, name="poll"),
    re_path(rf"{INSTANCE}/sandbox$", sandbox.make_change, name="change-in-the-sandbox"),
    re_path(rf"{INSTANCE}/token$", actions.reveal, name="reveal"),
    re_path(rf"{INSTANCE}/sending$", actions.switch_sending, name="switch-sending"),
    re_path(rf"{INSTANCE}/resend$", resend.of_instance, name="resend-of-instance"),
    re_path(rf"{INSTANCE}/left-out$", trip.left_out, name="left-out"),
    re_path(rf"{INSTANCE}/reconnect-link$", actions.make_link, name="reconnect-link"),
    re_path(rf"{INSTANCE}/edit$", edit.edit, name="edit"),
    re_path(rf"{INSTANCE}/signature-key$", edit.renew_signature_key, name="signature-key"),
    re_path(rf"{INSTANCE}/signature-key/end-old$", edit.end_old_keys, name="end-old-keys"),
    re_path(rf"{INSTANCE}/unsigned-webhooks$", unsigned.change, name="unsigned-webhooks"),
    re_path(rf"{INSTANCE}/unsigned-webhooks/end$", unsigned.end, name="end-unsigned-webhooks"),
    re_path(rf"{INSTANCE}/delete$", actions.delete, name="delete"),
    path("bulk-jobs", bulk_jobs.jobs, name="bulk-jobs"),
    re_path(
        r"^bulk-jobs/(?P<job_id>[0-9]{1,18})/cancel$", bulk_jobs.cancel, name="cancel-bulk-job"
    ),
    re_path(
        r"^bulk-jobs/(?P<job_id>[0-9]{1,18})/records\.(?P<kind>jsonl|csv)$",
        bulk_jobs.records,
        name="bulk-records",
    ),
    path("events", events.find, name="find-event"),
    path("events/resend", resend.of_all, name="resend"),
    re_path(r"^events/(?P<event_id>[0-9]{1,18})$", events.event, name="event"),
    re_path(r"^events/(?P<event_id>[0-9]{1,18})/body$", events.body, name="event-body"),
    re_path(r"^deliveries/(?P<delivery_id>[0-9]{1,18})/replay$", events.replay, name="replay"),
    path("inbox", inbox.inbox, name="inbox"),
    re_path(r"^inbox/(?P<delivery_id>[0-9]{1,18})$", inbox.delivery, name="inbox-delivery"),
]
