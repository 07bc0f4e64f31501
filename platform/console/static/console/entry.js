// The dialog with the settings of one polled resource: an entry of event.poller.configuration.

import { copied, entryOf, entryShown } from "./body.js";
import { tell } from "./console.js";

const dialog = document.getElementById("entry");
const inputs = [...dialog.querySelectorAll("[data-places]")];
const fields = inputs.map((input) => ({
  places: input.dataset.places.split(" "),
  kind: input.dataset.type,
  fallback: input.dataset.default ?? "",
}));
const target = dialog.querySelector("[name=target]");
let opened = null; // {form, resource, changed}

/** Opens the settings of a resource; `changed` is called when they were taken over. */
export function openEntry(form, resource, changed) {
  opened = { form, resource, changed };
  dialog.querySelector("h2").textContent = `Settings of ${resource.name}`;
  for (const part of dialog.querySelectorAll("[data-listed]")) part.hidden = resource.feed;
  for (const part of dialog.querySelectorAll("[data-fed]")) part.hidden = !resource.feed;
  const others = form.resources.filter((one) => one !== resource);
  target.replaceChildren(...others.map((one) => new Option(one.name, one.name)));
  dialog.querySelector("[data-copying]").hidden = others.length === 0;
  show(entryNow(resource));
  zones();
  dialog.showModal();
  dialog.scrollTop = 0;
}

function entryNow(resource) {
  try {
    const entry = JSON.parse(resource.text.value);
    if (typeof entry === "object" && entry !== null && !Array.isArray(entry)) return entry;
  } catch { /* what cannot be read begins as usual */ }
  return resource.entry;
}

function show(entry) {
  entryShown(fields, entry).forEach((value, index) => {
    if (fields[index].kind === "flag") inputs[index].checked = value;
    else inputs[index].value = value;
  });
}

function entryWritten() {
  const values = inputs.map((input, index) => (fields[index].kind === "flag" ? input.checked : input.value));
  return entryOf(fields, values, entryNow(opened.resource));
}

function keep(resource, entry) {
  resource.text.value = JSON.stringify(entry, null, 2);
  resource.box.checked = true;
}

const actions = {
  done() {
    if (!dialog.querySelector("form").reportValidity()) return;
    keep(opened.resource, entryWritten());
    dialog.close();
    opened.changed();
  },
  cancel: () => dialog.close(),
  usual: () => show(opened.resource.entry),
  copy() {
    const other = opened.form.resources.find((one) => one.name === target.value);
    keep(opened.resource, entryWritten());
    keep(other, copied(entryNow(opened.resource), opened.resource, other));
    opened.changed();
    tell(`${other.name} is polled with a copy of these settings.`);
    dialog.close(); // opened anew, it begins at its top
    openEntry(opened.form, other, opened.changed);
  },
};

dialog.addEventListener("click", (event) => {
  const button = event.target.closest("[data-entry]");
  if (button) actions[button.dataset.entry]();
});
// Enter in a field is Done, not what the browser takes for the first button.
dialog.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  actions.done();
});

/** The zones that the browser knows, offered once somebody may want them. */
function zones() {
  const list = document.getElementById("zones");
  if (list.childElementCount > 1 || !Intl.supportedValuesOf) return;
  list.append(...Intl.supportedValuesOf("timeZone").map((zone) => new Option(zone)));
}
