"""What an upper room is told of elements, within the transaction in which it happens."""

from django.dispatch import Signal

# A private element is about to be deleted: keyword `element`. Receivers answer how many instances
# of theirs need it, a number; it is deleted only if that is none.
element_deleting = Signal()
