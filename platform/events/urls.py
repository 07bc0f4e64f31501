"""Addresses of events and notifications, below /elements/api-v2/."""

from __future__ import annotations

from django.urls import re_path

from events import (
    api,
    callback_api,
    fetch_api,
    notifications_api,
    receiver_api,
    refused_api,
    signing_key_api,
    subscriptions_api,
    unsigned_api,
)

INSTANCE = r"^instances/(?P<instance_id>[0-9]+)/events"
OF_INSTANCE = r"^instances/(?P<instance_id>[0-9]{1,18})/events"
ANY = r"^instances/events"
EVENT = r"/(?P<event_id>[0-9]+)"
NOTIFICATIONS = r"^notifications"
NOTIFICATION = rf"{NOTIFICATIONS}/(?P<notification_id>[0-9]+)"
SUBSCRIPTION = r"/(?P<subscription_id>[0-9]+)"
RECEIVER = r"^events/(?P<element_key>[^/]+)"
REF = r"/(?P<ref>[^/]+)"

urlpatterns = [
    re_path(rf"{ANY}/?$", api.EventsView.as_view()),
    re_path(rf"{INSTANCE}/?$", api.EventsView.as_view()),
    re_path(rf"{ANY}/analytics/?$", api.AnalyticsView.as_view()),
    re_path(rf"{ANY}/analytics/instances/?$", api.InstanceAnalyticsView.as_view()),
    re_path(rf"{ANY}/analytics/accounts/?$", api.AccountAnalyticsView.as_view()),
    re_path(rf"{ANY}/dispositions/?$", api.DispositionsView.as_view()),
    re_path(rf"{ANY}{EVENT}/?$", api.EventView.as_view()),
    re_path(rf"{INSTANCE}{EVENT}/?$", api.EventView.as_view()),
    re_path(rf"{ANY}{EVENT}/deliveries/?$", api.DeliveriesView.as_view()),
    re_path(rf"{INSTANCE}{EVENT}/deliveries/?$", api.DeliveriesView.as_view()),
    re_path(rf"{NOTIFICATIONS}/?$", notifications_api.NotificationsView.as_view()),
    re_path(rf"{NOTIFICATIONS}/emails/?$", notifications_api.EmailsView.as_view()),
    re_path(rf"{NOTIFICATION}/?$", notifications_api.NotificationView.as_view()),
    re_path(rf"{NOTIFICATION}/acknowledge/?$", notifications_api.AcknowledgeView.as_view()),
    re_path(rf"{NOTIFICATIONS}/subscriptions/?$", subscriptions_api.SubscriptionsView.as_view()),
    re_path(
        rf"{NOTIFICATIONS}/subscriptions{SUBSCRIPTION}/?$",
        subscriptions_api.SubscriptionView.as_view(),
    ),
    *(
        re_path(rf"{events}/{what}/?$", view.as_view())
        for events in (ANY, OF_INSTANCE)
        for what, view in (
            ("test", callback_api.InstanceTestView),
            ("active", callback_api.InstanceActiveView),
            ("failed", callback_api.InstanceFailedView),
            ("queue", fetch_api.InstanceQueueView),
            ("queue/acknowledge", fetch_api.InstanceAcknowledgeView),
        )
    ),
    *(
        re_path(rf"{NOTIFICATIONS}/subscriptions{SUBSCRIPTION}/{what}/?$", view.as_view())
        for what, view in (
            ("test", callback_api.SubscriptionTestView),
            ("active", callback_api.SubscriptionActiveView),
            ("queue", fetch_api.SubscriptionQueueView),
            ("queue/acknowledge", fetch_api.SubscriptionAcknowledgeView),
        )
    ),
    re_path(
        r"^instances/(?P<instance_id>[0-9]{1,18})/signature-key/?$",
        signing_key_api.InstanceKeyView.as_view(),
    ),
    re_path(
        r"^instances/(?P<instance_id>[0-9]{1,18})/refused-webhooks/?$",
        refused_api.RefusedWebhooksView.as_view(),
    ),
    re_path(
        r"^instances/(?P<instance_id>[0-9]{1,18})/refused-webhooks"
        r"/(?P<refused_id>[0-9]{1,18})/read/?$",
        refused_api.ReadAgainView.as_view(),
    ),
    re_path(
        r"^instances/(?P<instance_id>[0-9]{1,18})/unsigned-webhooks/?$",
        unsigned_api.UnsignedAddressView.as_view(),
    ),
    re_path(
        rf"{NOTIFICATIONS}/subscriptions{SUBSCRIPTION}/signature-key/?$",
        signing_key_api.SubscriptionKeyView.as_view(),
    ),
    re_path(
        rf"{NOTIFICATIONS}/subscriptions/deliveries/?$",
        subscriptions_api.AllDeliveriesView.as_view(),
    ),
    re_path(
        rf"{NOTIFICATIONS}/subscriptions/deliveries/failed/?$",
        callback_api.AllFailedView.as_view(),
    ),
    re_path(
        rf"{NOTIFICATION}/subscriptions/deliveries/?$",
        subscriptions_api.NotificationDeliveriesView.as_view(),
    ),
    re_path(
        rf"{NOTIFICATION}/subscriptions{SUBSCRIPTION}/deliveries/?$",
        subscriptions_api.SubscriptionDeliveryView.as_view(),
    ),
    re_path(
        rf"^events/(?P<element_key>[^/]+?)Polling{REF}/?$", receiver_api.PollEventView.as_view()
    ),
    re_path(rf"{RECEIVER}/direct/?$", receiver_api.PollEventView.as_view()),
    re_path(rf"{RECEIVER}/unsigned/(?P<key>[\w-]{{43}})/?$", receiver_api.UnsignedView.as_view()),
    re_path(rf"{RECEIVER}/?$", receiver_api.ReceiverView.as_view()),
    re_path(rf"{RECEIVER}{REF}/?$", receiver_api.ReceiverView.as_view()),
    re_path(r"^events(?:/.*)?$", receiver_api.NothingView.as_view()),
]
