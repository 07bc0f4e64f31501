"""The HTML that people see: the consent page, its errors, and the page at the root.

Plain pages without scripts. Everything that comes from outside is escaped here.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem;
color:#1f2328;background:#fff}
h1{font-size:1.5rem}fieldset{border:1px solid #8c959f;border-radius:6px;margin:1rem 0}
label{display:block;margin:.4rem 0}input[type=text],textarea,select{font:inherit;width:100%;
box-sizing:border-box;padding:.35rem}button{font:inherit;padding:.5rem 1.25rem;margin-right:.5rem}
.note{background:#fff8c5;border:1px solid #d4a72c;border-radius:6px;padding:.5rem 1rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem .3rem 0;
border-bottom:1px solid #d0d7de}code{overflow-wrap:anywhere}
"""
_NOTE = (
    '<p class="note">This is the Gmail sandbox, a stand-in for Google on this machine. '
    "Nothing here reaches Google, and no real account is touched.</p>"
)


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} - Gmail sandbox</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{_NOTE}{body}</main></body></html>"
    )


def consent(
    client_id: str,
    redirect_host: str,
    action: str,
    accounts: Sequence[str],
    chosen: str | None,
    scopes: Mapping[str, str],
    identity: Sequence[str],
) -> str:
    """The question to the user: which account, which scopes, allow or deny.

    `scopes` maps a scope to its sentence; `identity` are those granted without a checkbox.
    """
    options = "".join(
        f'<label><input type="radio" name="account" value="{escape(address)}" required'
        f"{' checked' if address == chosen else ''}> {escape(address)}</label>"
        for address in accounts
    )
    boxes = "".join(
        f'<label><input type="checkbox" name="scope" value="{escape(scope)}" checked> '
        f"{escape(sentence)}<br><small><code>{escape(scope)}</code></small></label>"
        for scope, sentence in scopes.items()
    )
    signed = (
        f"<p>It will also know who you are ({escape(', '.join(identity))}).</p>" if identity else ""
    )
    return _page(
        f"{client_id} wants access to your Google Account",
        f'<form method="post" action="{escape(action)}">'
        f"<fieldset><legend>Choose an account</legend>{options}</fieldset>"
        f"<fieldset><legend>Select what {escape(client_id)} can access</legend>{boxes}</fieldset>"
        f"{signed}<p>You will be sent to <code>{escape(redirect_host)}</code>.</p>"
        '<button name="decision" value="allow">Allow</button>'
        '<button name="decision" value="deny" formnovalidate>Deny</button></form>',
    )


def blocked(status: int, error: str, explanation: str) -> str:
    """Google's "Access blocked" page: the request can't even be answered at its redirect URI."""
    return _page(
        "Access blocked: this request is invalid",
        f"<p>{escape(explanation)}</p><p><strong>Error {status}: {escape(error)}</strong></p>",
    )


def root(mailboxes: Iterable[tuple[str, int, int]], told: str | None) -> str:
    """What this is, which mailboxes (address, messages, history id) there are, and a form."""
    listed = list(mailboxes)
    rows = "".join(
        f"<tr><td>{escape(address)}</td><td>{count}</td><td>{history_id}</td></tr>"
        for address, count, history_id in listed
    )
    options = "".join(f"<option>{escape(address)}</option>" for address, _, _ in listed)
    status = f'<p role="status"><strong>{escape(told)}</strong></p>' if told else ""
    mailbox = f'<label>Mailbox <select name="address" required>{options}</select></label>'
    return _page(
        "Gmail sandbox",
        f"{status}<h2>Mailboxes</h2><table><thead><tr><th>Address</th><th>Messages</th>"
        f"<th>History id</th></tr></thead><tbody>{rows}</tbody></table>"
        '<h2>New mail</h2><form method="post" action="/deliver">'
        f"{mailbox}"
        '<label>Sender <input type="text" name="from" value="sender@example.com" required></label>'
        '<label>Subject <input type="text" name="subject" value="Hello"></label>'
        '<label>Text <textarea name="text" rows="4">A mail from the sandbox.</textarea></label>'
        "<button>Deliver</button></form>"
        "<h2>For programs</h2><p>Authorization <code>/o/oauth2/v2/auth</code>, tokens "
        "<code>/token</code>, revocation <code>/revoke</code>, Gmail <code>/gmail/v1/…</code>, "
        "control <code>/_control/…</code>.</p>",
    )
