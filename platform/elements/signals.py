"""What an upper room is told of elements, within the transaction in which it happens."""

from django.dispatch import Signal

# A private element is about to be deleted: keyword `element`. Receivers answer how many instances
# of theirs need it, a number; it is deleted only if that is none.
element_deleting = Signal()

# A private element is about to send what is secret to other addresses: keyword `element`, as it was
# before. Receivers answer as above; it is changed only if nobody needs it.
element_redirecting = Signal()
