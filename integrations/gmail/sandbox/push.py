"""Push: who watches which mailbox, and the Pub/Sub subscription that carries it to an endpoint.

At most one notice a second for each mailbox; what is above that is dropped, as Google drops it. An
endpoint that doesn't answer 2xx is asked again a few times. Watches and the key that tokens are
signed with are kept with the state; the subscription and its faults are not.
Sources: https://developers.google.com/workspace/gmail/api/guides/push
https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
"""

import asyncio
import base64
import json
import logging
import re
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .clock import Clock
from .errors import ApiError
from .store import Store

ISSUER = "https://accounts.google.com"
KEYS_PATH = "/oauth2/v3/certs"
WATCH_DAYS = 7
LONGEST = 3600  # seconds that a token is good
APART = 1.0  # seconds between two notices of a mailbox
TRIES = 5
FIRST_PAUSE = 0.1  # seconds until an endpoint is asked again; doubles
ANSWER_WITHIN = 10.0  # seconds

_TOPIC = re.compile(r"projects/[^/\s]+/topics/[^/\s]{3,255}")
_WATCHES, _KEY = "push_watches", "push_key"
_log = logging.getLogger("gmail.sandbox")


@dataclass
class Subscription:
    """Where notices go, with what token, and what goes wrong on the way."""

    url: str = ""  # empty: nowhere
    audience: str = ""
    service_account: str = "pusher@sandbox.iam.gserviceaccount.com"
    silent: bool = False  # nothing is sent
    drop: int = 0  # so many further ones are dropped
    delay_s: float = 0.0


@dataclass
class Pusher:
    """Tells the subscription of changes."""

    store: Store
    clock: Clock
    subscription: Subscription = field(default_factory=Subscription)
    sent: int = 0  # notices that were answered 2xx
    refused: int = 0  # answers other than that
    dropped: int = 0
    numbered: int = 0  # messages of the topic
    last_at: dict[str, float] = field(default_factory=dict)
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _key: rsa.RSAPrivateKey | None = None

    # Watches

    def watch(self, address: str, project: str, topic: Any) -> int:
        """Watches a mailbox for an application; when it ends, in milliseconds. Raises ApiError."""
        if not isinstance(topic, str) or not _TOPIC.fullmatch(topic):
            raise ApiError(400, f"Invalid topicName does not match projects/{project}/topics/*")
        watches = self.watches()
        mine = watches.get(address, {}).get(project)
        if mine and mine["topic"] != topic and mine["until"] > self.clock.now_ms():
            raise ApiError(
                400,
                "Only one user push notification client allowed per developer "
                "(call /stop then try again)",
            )
        until = self.clock.now_ms() + WATCH_DAYS * 86_400_000
        watches.setdefault(address, {})[project] = {"topic": topic, "until": until}
        self._keep(watches)
        return until

    def stop_watch(self, address: str, project: str) -> None:
        """Watches it no more for this application; nothing to do where it wasn't."""
        watches = self.watches()
        if watches.get(address, {}).pop(project, None) is not None:
            self._keep(watches)

    def watches(self) -> dict[str, dict[str, dict[str, Any]]]:
        """By address and client id: topic, and end in milliseconds."""
        found: dict[str, dict[str, dict[str, Any]]] = json.loads(self.store.setting(_WATCHES, "{}"))
        return found

    def _keep(self, watches: dict[str, dict[str, dict[str, Any]]]) -> None:
        self.store.set_setting(_WATCHES, json.dumps({a: w for a, w in watches.items() if w}))

    # Notices

    def changed(self, address: str, history_id: int) -> None:
        """A mailbox has changed: those who watch it are told, once the change is committed."""
        if not self.subscription.url:
            return
        now = self.clock.now()
        watching = self.watches().get(address, {}).values()
        if not any(watch["until"] > now * 1000 for watch in watching):
            return
        too_soon = 0 <= now - self.last_at.get(address, -APART) < APART
        if self.subscription.silent or self.subscription.drop > 0 or too_soon:
            self.subscription.drop = max(self.subscription.drop - (not too_soon), 0)
            self.dropped += 1
            return
        self.last_at[address] = now
        task = asyncio.get_running_loop().create_task(self._push(address, history_id))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _push(self, address: str, history_id: int) -> None:
        to = self.subscription
        await asyncio.sleep(to.delay_s)
        data = json.dumps({"emailAddress": address, "historyId": history_id}).encode()
        self.numbered += 1
        body = {
            "message": {
                "data": base64.b64encode(data).decode(),
                "messageId": str(self.numbered),
                "message_id": str(self.numbered),
                "publishTime": self.clock.today().isoformat(),
            },
            "subscription": "projects/sandbox/subscriptions/gmail",
        }
        pause = FIRST_PAUSE
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for _ in range(TRIES):
                if await self._sent(session, to, body):
                    return
                await asyncio.sleep(pause)
                pause *= 2

    async def _sent(
        self, session: aiohttp.ClientSession, to: Subscription, body: dict[str, Any]
    ) -> bool:
        headers = {"Authorization": f"Bearer {self.token(to)}"}
        try:
            async with session.post(to.url, json=body, headers=headers) as answer:
                if answer.status < 300:
                    self.sent += 1
                    return True
                _log.warning("the push endpoint answered %s", answer.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("the push endpoint did not answer: %s", error)
        self.refused += 1
        return False

    def end(self) -> None:
        """Gives up what is still on its way."""
        for task in list(self.tasks):
            task.cancel()

    # Tokens

    def token(self, to: Subscription) -> str:
        """An OIDC token as Pub/Sub sends it."""
        now = int(self.clock.now())
        claims = {
            "aud": to.audience or to.url,
            "azp": "104176025330667568672",
            "email": to.service_account,
            "email_verified": True,
            "exp": now + LONGEST,
            "iat": now,
            "iss": ISSUER,
            "sub": "104176025330667568672",
        }
        return jwt.encode(claims, self._private(), "RS256", {"kid": self.key_id})

    @property
    def key_id(self) -> str:
        return f"{self._private().public_key().public_numbers().n % 2**64:016x}"

    def keys(self) -> dict[str, Any]:
        """The public half, as a JWK set."""
        algorithm = jwt.algorithms.RSAAlgorithm
        key = algorithm.to_jwk(self._private().public_key(), as_dict=True)
        return {"keys": [{**key, "kid": self.key_id, "alg": "RS256", "use": "sig"}]}

    def _private(self) -> rsa.RSAPrivateKey:
        if self._key is None:
            kept = self.store.setting(_KEY, "")
            if kept:
                loaded = serialization.load_pem_private_key(kept.encode(), None)
                assert isinstance(loaded, rsa.RSAPrivateKey)  # noqa: S101 - as it was kept
                self._key = loaded
            else:
                self._key = rsa.generate_private_key(65537, 2048)
                pem = self._key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
                self.store.set_setting(_KEY, pem.decode())
        return self._key
