// Keeps the form and the JSON beside it in step. Without it the form works as it stands: it then
// sends its fields, and with it the JSON, which is the truth.

import { bodyOf, curlOf, read, shownOf } from "./body.js";
import { tell } from "./console.js";
import { openEntry } from "./entry.js";
import { chips } from "./tags.js";

const page = document.getElementById("authenticate");
const json = document.getElementById("json");
const wrong = document.getElementById("json-wrong");
const curl = document.getElementById("copy-curl");
const all = (selector, root = page) => [...root.querySelectorAll(selector)];
const named = (path) => all(`[name="${CSS.escape(path)}"]`);

const form = {
  element: page.dataset.element,
  controls: [...new Map(all("[data-kind]").map((field) => [field.name, {
    path: field.name,
    kind: field.dataset.kind,
    fallback: field.dataset.default,
    always: "always" in field.dataset,
  }])).values()],
  resources: all("[name=poll]").map((box) => ({
    name: box.value,
    path: box.dataset.path,
    aliases: box.dataset.aliases.split(" ").filter(Boolean),
    feed: "feed" in box.dataset,
    box,
    text: named(`entry:${box.value}`)[0],
    get entry() { return JSON.parse(this.text.dataset.usual); },
  })),
};

let body = {};
let broken = false; // the JSON is not one that could be sent

/** What stands in the fields now. */
function shown() {
  const values = {};
  for (const { path, kind } of form.controls) {
    const [field, ...others] = named(path);
    if (kind === "flag") values[path] = field.checked;
    else if (field.type === "radio") values[path] = [field, ...others].find((one) => one.checked)?.value ?? "";
    else values[path] = field.value;
  }
  const ticked = form.resources.filter((one) => one.box.checked).map((one) => one.name);
  const entries = Object.fromEntries(form.resources.map((one) => [one.name, one.text.value]));
  return { values, ticked, entries };
}

function show({ values, ticked, entries }) {
  for (const { path, kind } of form.controls) {
    for (const field of named(path)) {
      if (kind === "flag") field.checked = values[path];
      else if (field.type === "radio") field.checked = field.value === values[path];
      else field.value = values[path];
    }
  }
  for (const one of form.resources) {
    if (ticked) one.box.checked = ticked.includes(one.name);
    if (one.name in entries) one.text.value = entries[one.name];
  }
}

/** A field has changed: the JSON follows. */
function fieldsChanged() {
  body = bodyOf(form, shown(), body);
  json.value = JSON.stringify(body, null, 2);
  settle("");
}

/** The JSON has changed: the fields follow, unless it is none. */
function jsonChanged() {
  try {
    body = read(form, json.value);
  } catch (error) {
    settle(error.message);
    return;
  }
  show(shownOf(form, body));
  settle("");
}

function settle(message) {
  broken = message !== "";
  wrong.textContent = message;
  json.toggleAttribute("aria-invalid", broken);
  if (broken) json.setAttribute("aria-invalid", "true");
  curl.dataset.copyText = curlOf(body, page.dataset.api, "consent" in page.dataset);
  for (const slider of all("[data-slides]")) slider.value = named(slider.dataset.slides)[0].value;
  const { values } = shown();
  const events = values["configuration.event.notification.enabled"];
  const webhook = values["configuration.event.vendor.type"] === "webhook";
  const now = { events, polling: events && !webhook, webhook: events && webhook };
  for (const part of all("[data-while]")) {
    part.hidden = !now[part.dataset.while];
    // What nobody sees must not keep the browser from sending the form.
    for (const field of all("input[type=number]", part)) field.disabled = part.hidden;
  }
  tags.show();
}

// --- What only a script can do -----------------------------------------------------------------

const tags = chips(document.getElementById("tags-chosen"), named("tags")[0], fieldsChanged);

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}

const actions = {
  generate(button) {
    const [field] = named(button.dataset.field);
    field.value = newKey();
    reveal(field, true);
    fieldsChanged();
    tell("A new key. Give it to your receiver, too.");
  },
  show(button) {
    const [field] = named(button.dataset.field);
    reveal(field, field.type === "password");
  },
  use(button) {
    named(button.dataset.field)[0].value = button.dataset.value;
    fieldsChanged();
  },
  edit(button) {
    const resource = form.resources.find((one) => one.name === button.dataset.resource);
    openEntry(form, resource, fieldsChanged);
  },
};

function reveal(field, clear) {
  field.type = clear ? "text" : "password";
  for (const button of all(`[data-do=show][data-field="${CSS.escape(field.name)}"]`)) {
    button.setAttribute("aria-pressed", String(clear));
  }
}

page.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) actions[button.dataset.do](button);
});
page.addEventListener("input", (event) => {
  if (event.target === json) return jsonChanged();
  const { slides } = event.target.dataset;
  if (slides) named(slides)[0].value = event.target.value;
  if (event.target.name || slides) fieldsChanged();
});
let sent = false; // a second click must not send it again
window.addEventListener("pageshow", () => { sent = false; });
page.addEventListener("submit", (event) => {
  if (sent || broken) event.preventDefault();
  if (broken) {
    json.focus();
    tell("The JSON cannot be sent as it is: mend it, or change a field.", "error");
  } else {
    sent = true;
  }
});
page.addEventListener("formdata", ({ formData }) => {
  for (const name of new Set(formData.keys())) {
    if (!["csrfmiddlewaretoken", "again", "once"].includes(name)) formData.delete(name);
  }
  formData.set("body", json.value);
});

for (const part of all("[data-scripted]")) part.hidden = false;
for (const part of all("[data-unscripted]")) part.hidden = true;
body = JSON.parse(json.value);
fieldsChanged();
document.getElementById("faults")?.focus();
