from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from events import audited, own_events, receiver_instances, subscription
        from instances import signals

        audited.begin()
        signals.instance_saved.connect(
            subscription.follow_configuration, dispatch_uid="events.follow_configuration"
        )
        signals.instance_saved.connect(
            receiver_instances.follow_configuration, dispatch_uid="events.receiver_instances"
        )
        signals.grant_lost.connect(
            own_events.record_lost_grant, dispatch_uid="events.record_lost_grant"
        )
        signals.grant_refused.connect(
            own_events.record_refused_grant, dispatch_uid="events.record_refused_grant"
        )
        signals.grant_expiring.connect(
            own_events.record_expiring_grant, dispatch_uid="events.record_expiring_grant"
        )
        signals.instance_deleting.connect(
            subscription.clear_for_deletion, dispatch_uid="events.clear_for_deletion"
        )
