"""Labels are made, changed and deleted by Gmail's rules; threads change as a whole."""

import pytest

from integrations.gmail.sandbox.control_client import SandboxControl

from .conftest import Gmail

GREEN = {"backgroundColor": "#16a766", "textColor": "#ffffff"}


def refusal(gmail: Gmail, method: str, path: str, body: object = None) -> tuple[int, str]:
    answer = gmail.ask(method, path, body)
    return answer.status_code, answer.json()["error"]["message"]


def test_a_label_is_made_changed_and_deleted(gmail: Gmail, control: SandboxControl) -> None:
    made = gmail.post("/labels", {"name": "Work", "color": GREEN})
    assert (made["name"], made["type"], made["color"]) == ("Work", "user", GREEN)
    path = f"/labels/{made['id']}"
    patched = gmail.ask("PATCH", path, {"messageListVisibility": "hide"}).json()
    assert (patched["name"], patched["messageListVisibility"]) == ("Work", "hide")
    assert patched["color"] == GREEN
    replaced = gmail.ask("PUT", path, {"name": "Office"}).json()
    assert (replaced["name"], replaced.get("color")) == ("Office", None)
    message_id = control.deliver(labels=["INBOX", "Office"])["id"]
    start = gmail.get("/profile")["historyId"]
    assert gmail.ask("DELETE", path).status_code == 204
    assert gmail.get(f"/messages/{message_id}")["labelIds"] == ["INBOX"]
    (record,) = gmail.get("/history", startHistoryId=start)["history"]
    assert record["labelsRemoved"][0]["labelIds"] == [made["id"]]
    assert gmail.ask("GET", path).status_code == 404


def test_a_name_is_taken_once(gmail: Gmail) -> None:
    first = gmail.post("/labels", {"name": "Work"})
    second = gmail.post("/labels", {"name": "Play"})
    taken = (409, "Label name exists or conflicts")
    assert refusal(gmail, "POST", "/labels", {"name": "wORK"}) == taken
    assert refusal(gmail, "PATCH", f"/labels/{second['id']}", {"name": "Work"}) == taken
    assert gmail.ask("PATCH", f"/labels/{first['id']}", {"name": "WORK"}).status_code == 200


@pytest.mark.parametrize("name", ["", "  ", "x" * 226, "inbox", "TRASH", None])
def test_a_bad_name_is_refused(gmail: Gmail, name: str | None) -> None:
    assert refusal(gmail, "POST", "/labels", {"name": name}) == (400, "Invalid label name")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"name": 5}, "Invalid value at 'label.name' (TYPE_STRING), 5"),
        ({"name": "a", "colour": 1}, "Unknown name \"colour\" at 'label'"),
        ({"name": "a", "color": "red"}, "'label.color' (TYPE_MESSAGE)"),
        ({"name": "a", "color": {"backgroundColor": "#123456"}}, "#123456"),
        ({"name": "a", "labelListVisibility": "maybe"}, "'label.labelListVisibility' (TYPE_ENUM)"),
    ],
)
def test_a_body_of_another_shape_is_refused(gmail: Gmail, body: object, told: str) -> None:
    status, message = refusal(gmail, "POST", "/labels", body)
    assert status == 400
    assert told in message


def test_gmails_own_labels_stay(gmail: Gmail) -> None:
    assert gmail.ask("PATCH", "/labels/INBOX", {"name": "x"}).status_code == 400
    assert gmail.ask("PUT", "/labels/INBOX", {"name": "x"}).status_code == 400
    assert gmail.ask("DELETE", "/labels/INBOX").status_code == 400
    assert gmail.ask("DELETE", "/labels/Label_99").status_code == 404


def test_a_thread_changes_as_a_whole(gmail: Gmail, control: SandboxControl) -> None:
    first = control.deliver()
    reply = control.deliver(thread_id=first["threadId"])
    path = f"/threads/{first['threadId']}"

    def labels() -> list[list[str]]:
        return [message["labelIds"] for message in gmail.get(path, format="minimal")["messages"]]

    gmail.post(f"{path}/modify", {"addLabelIds": ["STARRED"], "removeLabelIds": ["UNREAD"]})
    assert labels() == [["INBOX", "STARRED"]] * 2
    trashed = gmail.post(f"{path}/trash")
    assert [message["id"] for message in trashed["messages"]] == [first["id"], reply["id"]]
    assert labels() == [["STARRED", "TRASH"]] * 2
    gmail.post(f"{path}/untrash")
    assert labels() == [["STARRED"]] * 2
    assert gmail.ask("DELETE", path).status_code == 204
    for change in ("", "/trash", "/untrash", "/modify"):
        method = "POST" if change else "DELETE"
        answer = gmail.ask(method, path + change, {"addLabelIds": ["STARRED"]})
        assert answer.status_code == 404
