"""The address of inboxes. A page of one delivery is at /inbox/{id}: its digits are fewer."""

from __future__ import annotations

from django.urls import re_path

from inbox.receive import receive
from transport.own_inbox import KEY

urlpatterns = [re_path(rf"^inbox/(?P<key>{KEY})$", receive, name="inbox-receive")]
