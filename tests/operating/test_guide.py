"""The operating guide, followed word for word on a fresh machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operating import machine
from tests.operating.machine import ROOT, Machine
from tests.outages.installation import until

pytestmark = [
    pytest.mark.installation,
    pytest.mark.xdist_group("operating_guide"),
    pytest.mark.skipif(bool(machine.why_not()), reason=machine.why_not()),
]
PAGE = ROOT / "docs" / "operating.md"
SITE = "https://periodic.example.com"
# As a client of an address: nginx sees it, and everything behind must believe nginx.
CURL = "curl --silent --show-error --insecure --max-time 30 --interface {address} "
STATUS = "--output /dev/null --write-out '%{{http_code}}' "


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, str]]:
    with machine.fresh(tmp_path_factory.mktemp("machine")) as fresh:
        blocks = machine.blocks(PAGE)
        yield fresh, "".join(fresh.run(block) for block in blocks)


@pytest.fixture
def installed(printed: tuple[Machine, str]) -> Machine:
    return printed[0]


def sign_in(where: Machine, address: str, name: str, password: str) -> str:
    """Return the status of the answer: 302 for who was let in."""
    jar = f"/tmp/{address}"  # noqa: S108 - of the machine that is gone with the test
    curl = CURL.format(address=address)
    return where.run(
        f"{curl} --cookie-jar {jar} --output /dev/null {SITE}/sign-in\n"
        f"token=$(awk '$6 == \"csrftoken\" {{ print $7 }}' {jar})\n"
        f"{curl} {STATUS.format()} --cookie {jar} --cookie-jar {jar} --header 'Origin: {SITE}' "
        f"--data-urlencode 'csrfmiddlewaretoken='$token --data-urlencode 'username={name}' "
        f"--data-urlencode 'password={password}' {SITE}/sign-in"
    )


def test_it_ends_with_a_server_that_is_ready_and_at_work(printed: tuple[Machine, str]) -> None:
    assert printed[1].count('{"status": "ok"}') == 2


def test_the_first_person_signs_in(printed: tuple[Machine, str]) -> None:
    where, output = printed
    (password,) = re.findall(r"Sign in as admin@example.com with the password (\S+)", output)
    assert sign_in(where, "127.0.0.2", "admin@example.com", password) == "302"
    curl = CURL.format(address="127.0.0.2") + "--output /dev/null --cookie /tmp/127.0.0.2 "
    for page in ("/profile", "/admin/"):
        answer = where.run(f"{curl} --write-out '%{{http_code}} %{{redirect_url}}' {SITE}{page}")
        assert answer == "200 "


def test_one_client_s_wrong_passwords_keep_no_other_out(printed: tuple[Machine, str]) -> None:
    where, output = printed
    guesses = [sign_in(where, "127.0.0.3", "admin@example.com", "wrong") for _ in range(5)]
    assert (guesses[0], guesses[-1]) == ("200", "429")
    (password,) = re.findall(r"Sign in as admin@example.com with the password (\S+)", output)
    assert sign_in(where, "127.0.0.4", "admin@example.com", password) == "302"


def test_http_leads_to_https_and_no_further(installed: Machine) -> None:
    curl = CURL.format(address="127.0.0.5")
    arrived = installed.run(
        f"{curl} --location --max-redirs 3 --output /dev/null "
        "--write-out '%{url_effective} %{http_code}' http://periodic.example.com/sign-in"
    )
    assert arrived == f"{SITE}/sign-in 200"


def test_files_of_pages_are_compressed_and_kept_by_browsers(installed: Machine) -> None:
    curl = CURL.format(address="127.0.0.5")
    page = installed.run(f"{curl} {SITE}/sign-in")
    (style, *_) = re.findall(r'href="(/static/console/console\.[0-9a-f]{12}\.css)"', page)
    head = installed.run(f"{curl} --head --header 'Accept-Encoding: gzip' {SITE}{style}").lower()
    assert "content-encoding: gzip" in head
    assert "immutable" in head


def test_long_addresses_and_large_mails_reach_the_platform(installed: Machine) -> None:
    """It says that nobody is signed in. Of nginx's own answers it would be 414 and 413."""
    curl = CURL.format(address="127.0.0.5") + STATUS.format()
    api = f"{SITE}/elements/api-v2"
    where = f"{api}/instances?where={'a' * 100_000}"
    installed.run(
        f"printf 'url = \"%s\"' '{where}' > /tmp/long; head -c 30000000 /dev/zero > /tmp/mail"
    )
    assert installed.run(f"{curl} --http1.1 --config /tmp/long") == "401"
    sent = f"{curl} --header 'Content-Type: application/json' --data-binary @/tmp/mail"
    assert installed.run(f"{sent} {api}/messages") == "401"


def test_services_stop_in_time_and_start_again(installed: Machine) -> None:
    installed.run("systemctl stop periodic-web periodic-worker")
    installed.run("systemctl start periodic-web periodic-worker")
    curl = CURL.format(address="127.0.0.5")
    ready = f"{curl} --fail --retry 30 --retry-all-errors --retry-delay 1 {SITE}/health/ready"
    assert installed.run(ready) == '{"status": "ok"}'


def working_hosts(first: Machine) -> int:
    """How many hosts run the worker's loops."""
    counted = "SELECT count(DISTINCT host) FROM worker_looplease WHERE lease_until > now()"
    return int(first.run(f"runuser -u postgres -- psql -At periodic -c '{counted}'"))


def test_a_second_host_shares_the_work_and_goes_on_alone(
    installed: Machine, tmp_path: Path
) -> None:
    reach, name = machine.blocks(PAGE, "first-host")
    (join,) = machine.blocks(PAGE, "further-host")
    with machine.fresh(tmp_path) as second:
        machine.connect(installed, "10.0.0.1/24", second, "10.0.0.2/24")
        installed.run(reach)
        settings = installed.run("cat /etc/periodic/environment")
        place = "/run/scp/root@10.0.0.1:/etc/periodic"
        second.run(f"mkdir -p {place}; cat > {place}/environment <<'END'\n{settings}END")
        second.run(join)
        until(lambda: working_hosts(installed) == 2)

        installed.run(name)
        installed.run("systemctl stop periodic-web periodic-worker")
        until(lambda: working_hosts(installed) == 1)
        curl = CURL.format(address="127.0.0.5") + "--fail --retry 60 --retry-all-errors "
        for question in ("ready", "work"):
            answer = installed.run(f"{curl} --retry-delay 1 {SITE}/health/{question}")
            assert answer == '{"status": "ok"}'
        installed.run("systemctl start periodic-web periodic-worker")
