"""Web and worker of the version before go on beside the new tables, and then beside the new code.

The order is that of docs/operating.md, "Upgrades". Both versions run on the packages that are
installed here.
"""

from __future__ import annotations

import pytest

from tests.outages.customers_requests import CustomersRequests
from tests.outages.installation import ROOT, installation
from tests.outages.real_postgres import open_folder, real_postgres
from tests.upgrading import version_before

pytestmark = pytest.mark.installation


def test_no_event_is_lost_or_doubled_and_no_request_fails() -> None:
    with open_folder() as folder, real_postgres(folder / "postgres") as postgres:
        before = version_before.unpack(folder / "before")
        with installation(postgres, folder, code=before) as running:
            customer = CustomersRequests(running)
            with running.mails_coming(), customer.coming():
                customer.turn()
                running.code = ROOT
                running.manage("migrate", "--verbosity", "0")
                running.all_flow_within()  # the old code alone, beside the new tables
                customer.turn()

                old, new = running.webs[0], running.web()
                customer.ask(new)
                running.host()
                running.all_flow_within()  # old and new beside each other
                customer.turn()

                customer.ask_no_more(old)
                old.stop()
                running.hosts.pop(0).stop()
                running.all_flow_within()
                customer.turn()
            assert running.judge() == []
            assert customer.faults == []
            assert min(customer.answers[web.url, 200] for web in (old, new)) > 30
