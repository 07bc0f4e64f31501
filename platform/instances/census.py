"""How many instances within reach each element has, and how they are tagged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.db import connection

from accounts.reach import INSTANCE_WITHIN, Reach
from instances.models import ElementInstance

MOST_COUNTED = 1_000  # instances of one element; who has more is told so
LATEST = 1_000  # instances whose tags are looked at

# By the index instance_of_element, so that the answer takes as long for a million instances.
COUNT = f"""
SELECT wanted.key,
       (SELECT count(*)
          FROM (SELECT 1
                  FROM instances_elementinstance i
                 WHERE i.organization_id = %(organization)s AND i.element_key = wanted.key
                   AND {INSTANCE_WITHIN}
                 LIMIT %(most)s) AS counted)
  FROM unnest(%(keys)s::text[]) AS wanted (key)
"""  # noqa: S608 - made of constants


def by_element(reach: Reach, element_keys: Sequence[str]) -> dict[str, int]:
    """How many instances there are of each; MOST_COUNTED + 1 stands for more than that."""
    with connection.cursor() as cursor:
        cursor.execute(
            COUNT,
            {
                "organization": reach.organization.pk,
                "account": reach.account_id,
                "most": MOST_COUNTED + 1,
                "keys": list(element_keys),
            },
        )
        return {str(key): int(count) for key, count in cursor.fetchall()}


def usual_tags(reach: Reach, most: int) -> list[str]:
    """The tags that its latest instances have most often; those of an own name alone left out."""
    latest = reach.rows(ElementInstance).order_by("-pk")
    found: Counter[str] = Counter()
    for name, tags in latest.values_list("name", "tags")[:LATEST]:
        found.update(tag for tag in tags if tags != [name])
    return [tag for tag, _ in found.most_common(most)]
