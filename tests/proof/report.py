"""What the long proof came to, as docs/proof.md says it."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from tests.proof.run import Proof
from tests.proof.verdict import Verdict
from tests.proof.worker import DELIVERIES, POLLS

PAGE = """\
# The proof

`make proof` wrote this page. It says what was done to Periodic, and what came of it.

{summary}

{date}, {changes} changes in {mailboxes} mailboxes, {rounds} rounds, {minutes} minutes on \
{cores} cores, Python {python}, seed {seed}.

## How it is done

Mailboxes of the Gmail sandbox are connected over the API. Then round follows round: things happen \
in the mailboxes, the clocks of the sandbox and the workers move on by more than a lease, \
the end of what a refusal has closed, which is a time of PostgreSQL's, comes as much nearer, and \
workers run side by side, several that poll and several that deliver, each a process of its own. \
They are the product's engines over PostgreSQL, the sandbox and a callback receiver, all on \
sockets. Most are ordered to kill themselves with -9 just before or just after a statement, which \
is named, others are killed anywhere or told to stop. What brings up a statement that workers \
seldom come by is arranged when its turn comes: the provider refuses, tokens expire, the receiver \
is down until its breakers open. \
The PostgreSQL under them is shut down and killed; whoever wants a connection next starts it \
again, as everywhere in Periodic. It goes on until so many changes have happened and each \
statement has cost its workers, or was waited for in vain. Then nothing fails any more, and \
unharmed workers finish.

What happens, which faults are ordered and who is to die where follows from the seed; how several \
workers get in each other's way does not. The test suite runs the same in short, one worker at a \
time.

## What is counted

- **Lost**: a change that no event which arrived tells of. Each message that was added while it \
was watched must be told CREATED once, each that is there with the labels that it has, and each \
that is gone DELETED as the last word. It is compared with a copy of the sandbox's own history \
that triggers keep, not with what the workers saw.
- **Stored twice**: a state of a message that stands in two events.
- **Delivered under two ids**: one event, or one state of a message, that came under two \
`webhook-id`s. The same event again under the same id is what the contract allows.
- **Cursors moved back**: a trigger in the database writes down each value a cursor takes.
- **Overtaken**: a third of the mailboxes ask for the events of each message in their order; there \
none may be tried before the earlier one of the same message was taken.
- **Untrue**: a state that was told and that the message never had, states told in another order \
than they came in, a body that changed between two attempts, a signature that does not verify, or \
a worker that failed for another reason than a lost database.

When Gmail has forgotten a mailbox's history, a comparison of the whole mailbox shows what is new \
in the window, and what became of each message that was told of, however old. A message that came \
and went within the gap, or was added in it under a date of the past, labels that came and went in \
it, and what became of one that nothing was told of, nobody can know of. Nothing is promised of \
that, and it is not counted; {unknowable} messages were such.

## What happened

The changes, as the sandbox's history has them:

{kinds}

What they came of:

{happened}

## What went wrong on purpose

{faults}

## What workers did

{workers}

## Kills by statement

How often a worker was killed right before and right after each. A statement is named for the \
constant that holds it, or for the function that makes it. Rare ones (a lease renewed, a \
subscription turned off) are few because workers seldom come by them. Statements of the token \
refresh run in a thread beside the polls. {missed}

### Claiming and storing polls

{polls}

### Claiming and storing deliveries

{deliveries}

## What came of it

{figures}
"""


def summary(verdict: Verdict) -> str:
    counts = {
        "events lost": verdict.lost,
        "stored twice": verdict.stored_twice,
        "delivered under two ids": verdict.two_ids,
        "cursors moved back": verdict.moved_back,
        "overtaken": verdict.overtaken,
        "untrue": verdict.untrue,
    }
    return "**" + ", ".join(f"{name} {len(found)}" for name, found in counts.items()) + "**"


def written(proof: Proof, verdict: Verdict, seed: int) -> str:
    unknowable = verdict.figures.pop("messages that nothing is promised of")
    return PAGE.format(
        summary=summary(verdict),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        changes=_number(proof.ledger.changes()),
        mailboxes=len(proof.trouble.mailboxes),
        rounds=_number(proof.rounds),
        minutes=f"{proof.seconds / 60:.1f}",
        cores=os.cpu_count(),
        python=platform.python_version(),
        seed=seed,
        unknowable=_number(unknowable),
        kinds=_table(("change", "times"), proof.ledger.kinds()),
        happened=_table(("what happened", "times"), proof.trouble.acts),
        faults=_table(
            ("fault", "times"),
            {
                **_named("provider", proof.trouble.served),
                **_named("receiver", proof.customer.replies),
                **_named("PostgreSQL", proof.restarts),
            },
        ),
        workers=_table(("workers", "times"), proof.endings),
        missed=_missed(proof),
        polls=_kills(proof, POLLS),
        deliveries=_kills(proof, DELIVERIES),
        figures=_table(("", ""), verdict.figures),
    )


def _named(what: str, counts: Mapping[str, int]) -> dict[str, int]:
    return {f"{what}: {name}": count for name, count in sorted(counts.items())}


def _kills(proof: Proof, task: str) -> str:
    rows = proof.kills[task].table().items()
    return _rows(
        ("statement", "before", "after"),
        ((f"`{name}`", before, after) for name, (before, after) in rows),
    )


def _missed(proof: Proof) -> str:
    missed = {
        f"{moment} `{name}` ({tried} times)"
        for kills in proof.kills.values()
        for (name, moment), tried in kills.missed().items()
    }
    if not missed:
        return "Each has killed at least once, before and after it."
    return f"Tried in vain: {', '.join(sorted(missed))}."


def _table(head: tuple[str, str], counts: Mapping[str, int]) -> str:
    return _rows(head, counts.items())


def _rows(head: Iterable[str], rows: Iterable[tuple[str | int, ...]]) -> str:
    head = list(head)
    lines = [head, ["---", *("---:" for _ in head[1:])]]
    lines += [[one if isinstance(one, str) else _number(one) for one in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(count: int) -> str:
    return f"{count:,}"
