"""How many instances an organization has of each element, and how it has tagged them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.db import connection

from instances.models import ElementInstance

MOST_COUNTED = 1_000  # instances of one element; who has more is told so
LATEST = 1_000  # instances whose tags are looked at

# By the index instance_of_element, so that the answer takes as long for a million instances.
COUNT = """
SELECT wanted.key,
       (SELECT count(*)
          FROM (SELECT 1
                  FROM instances_elementinstance i
                 WHERE i.organization_id = %s AND i.element_key = wanted.key
                 LIMIT %s) AS counted)
  FROM unnest(%s::text[]) AS wanted (key)
"""


def by_element(organization_id: int, element_keys: Sequence[str]) -> dict[str, int]:
    """How many instances there are of each; MOST_COUNTED + 1 stands for more than that."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [organization_id, MOST_COUNTED + 1, list(element_keys)])
        return {str(key): int(count) for key, count in cursor.fetchall()}


def usual_tags(organization_id: int, most: int) -> list[str]:
    """The tags that its latest instances have most often; those of an own name alone left out."""
    latest = ElementInstance.objects.filter(organization_id=organization_id).order_by("-pk")
    found: Counter[str] = Counter()
    for name, tags in latest.values_list("name", "tags")[:LATEST]:
        found.update(tag for tag in tags if tags != [name])
    return [tag for tag, _ in found.most_common(most)]
