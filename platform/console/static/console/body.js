// The way between the form and the body of POST /instances: the rules of console/forms.py, for
// pages that keep both in step. Nothing here knows the page; a test holds both to the same answers.
//
// What a page shows is {values, ticked, entries}: texts (of flags, booleans) by the controls' paths,
// the names of the polled resources, and their entries as JSON by name. What there is to show is
// {element, controls: [{path, kind, fallback, always}], resources: [{name, aliases}]}.

import { faultOf } from "./json_fault.js";

const IN_CONFIGURATION = "configuration.";
const ENABLED = "event.notification.enabled";
const VENDOR_TYPE = "event.vendor.type";
const POLLER = "event.poller.configuration";

/** The body that the shown form stands for; what `before` holds beyond the form stays in it. */
export function bodyOf(form, shown, before = {}) {
  const body = { name: "", element: { key: form.element } };
  const configuration = {};
  for (const control of form.controls) {
    const said = saidBy(control, shown.values[control.path]);
    if (said === undefined) continue;
    if (control.path.startsWith(IN_CONFIGURATION)) configuration[keyOf(control)] = said;
    else body[control.path] = said;
  }
  if (configuration[ENABLED] === true && (configuration[VENDOR_TYPE] ?? "polling") === "polling") {
    configuration[POLLER] = entriesSaid(form, shown, parsed(before.configuration?.[POLLER]));
  }
  return { ...without(before, body, form), ...body, configuration: withRest(form, configuration, before.configuration) };
}

/** What the page is to show of a body; `ticked` is undefined where it says nothing of polling. */
export function shownOf(form, body) {
  const configuration = isObject(body.configuration) ? body.configuration : {};
  const values = {};
  for (const control of form.controls) {
    const place = control.path.startsWith(IN_CONFIGURATION) ? configuration : body;
    values[control.path] = valueOf(control, place[keyOf(control)]);
  }
  const said = parsed(configuration[POLLER]);
  if (!isObject(said)) return { values, ticked: undefined, entries: {} };
  const entries = {};
  for (const [name, entry] of Object.entries(said)) {
    const resource = resourceOf(form, name);
    if (resource) entries[resource.name] = textOf(entry);
  }
  return { values, ticked: Object.keys(entries), entries };
}

/** The body of a text. Throws an Error that says what is wrong and where. */
export function read(form, text) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Error(`This is not JSON: ${faultOf(text)}.`);
  }
  if (!isObject(body)) throw new Error("It must be an object: { … }.");
  require(body.name === undefined || typeof body.name === "string", "name must be a text");
  require(body.tags === undefined || isListOfTexts(body.tags), "tags must be a list of texts");
  require(isObject(body.element), 'element must be an object, such as {"key": "gmail"}');
  require(body.element.key === form.element, `element.key must be "${form.element}" on this page`);
  require(body.configuration === undefined || isObject(body.configuration), "configuration must be an object");
  const poller = body.configuration?.[POLLER];
  if (poller !== undefined && poller !== "") {
    require(isObject(parsed(poller)), `${POLLER} must be an object of resources`);
    for (const [name, entry] of Object.entries(parsed(poller))) {
      require(resourceOf(form, name), `${POLLER}.${name}: there is no such resource to poll`);
      require(isObject(entry), `${POLLER}.${name} must be an object with url and idField`);
    }
  }
  return body;
}

/** The request of a body for the command line. Its own secrets are in it as they were typed. */
export function curlOf(body, api, needsCode) {
  const sent = needsCode && !body.providerData && body.externalAuthentication !== "initial"
    ? { ...body, providerData: { code: "CODE" } } : body;
  const quoted = JSON.stringify(sent, null, 2).replaceAll("'", "'\\''");
  return [
    `curl -X POST '${api}/instances' \\`,
    `  -H "Authorization: User $PERIODIC_USER, Organization $PERIODIC_ORGANIZATION" \\`,
    "  -H 'Content-Type: application/json' \\",
    `  -d '${quoted}'`,
  ].join("\n");
}

// --- An entry of event.poller.configuration ----------------------------------------------------
// Its fields are [{places, kind, fallback}]: paths with dots, of which the first is written.

export function entryOf(fields, values, before) {
  const entry = structuredClone(before);
  fields.forEach((field, index) => {
    for (const place of field.places) put(entry, place, undefined);
    put(entry, field.places[0], saidBy(field, values[index]));
  });
  return entry;
}

export function entryShown(fields, entry) {
  return fields.map((field) => {
    const said = field.places.map((place) => found(entry, place)).find((one) => one !== undefined);
    return valueOf(field, said);
  });
}

/** The entry of one resource for another one: its place in the url, and its id's field. */
export function copied(entry, from, to) {
  const [path, ...query] = String(entry.url ?? "").split("?");
  const start = [from.path, from.name, ...from.aliases].map((name) => `/${name.replace(/^\//, "")}`)
    .find((name) => path.endsWith(name));
  const url = start === undefined ? to.entry.url : path.slice(0, -start.length) + `/${to.name}`;
  return { ...entry, url: [url, ...query].join("?"), idField: to.entry.idField };
}

// --- The rules ---------------------------------------------------------------------------------

function saidBy(control, value) {
  if (control.kind === "flag") {
    return control.always || value !== (control.fallback === "true") ? value : undefined;
  }
  const text = ["secret", "lines"].includes(control.kind) ? value : value.trim();
  if (control.kind === "tags") {
    const tags = text.split("\n").map((line) => line.trim()).filter(Boolean);
    return tags.length ? tags : undefined;
  }
  if (text === "" || (text === control.fallback && !control.always)) {
    return control.path === "name" ? "" : undefined;
  }
  return control.kind === "number" && /^[0-9]{1,15}$/.test(text) ? Number(text) : text;
}

function valueOf(control, said) {
  if (control.kind === "flag") {
    const text = said === undefined || said === null || said === "" ? control.fallback : String(said);
    return text.trim().toLowerCase() === "true";
  }
  if (said === undefined || said === null || said === "") return control.fallback;
  if (control.kind === "tags" && Array.isArray(said)) return said.join("\n");
  return textOf(said, 0);
}

function entriesSaid(form, shown, before) {
  const entries = {};
  for (const { name } of form.resources) {
    if (shown.ticked.includes(name)) entries[name] = parsed(shown.entries[name]);
  }
  for (const [name, entry] of Object.entries(isObject(before) ? before : {})) {
    if (!resourceOf(form, name)) entries[name] = entry;
  }
  return entries;
}

/** What the form has no control for, of the body … */
function without(before, body, form) {
  const known = new Set([...form.controls.map((one) => one.path), "configuration", ...Object.keys(body)]);
  return Object.fromEntries(Object.entries(before).filter(([name]) => !known.has(name)));
}

/** … and of its configuration, after what it has. */
function withRest(form, configuration, before) {
  const known = new Set([...form.controls.map(keyOf), POLLER]);
  const rest = Object.entries(isObject(before) ? before : {}).filter(([key]) => !known.has(key));
  return { ...configuration, ...Object.fromEntries(rest) };
}

const keyOf = (control) => control.path.startsWith(IN_CONFIGURATION)
  ? control.path.slice(IN_CONFIGURATION.length) : control.path;

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isListOfTexts = (value) => Array.isArray(value) && value.every((one) => typeof one === "string");
const textOf = (value, indent = 2) => typeof value === "string" ? value : JSON.stringify(value, null, indent);

function parsed(value) {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function resourceOf(form, name) {
  const wanted = name.trim().replace(/^\/+/, "");
  return form.resources.find((one) => one.name === wanted || one.aliases.includes(wanted));
}

function require(holds, message) {
  if (!holds) throw new Error(`${message}.`);
}

const OWN = new Set(["__proto__", "constructor", "prototype"]);

function found(object, place) {
  return place.split(".").reduce((at, name) => (isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined), object);
}

function put(object, place, value) {
  const names = place.split(".");
  const last = names.pop();
  if ([...names, last].some((name) => OWN.has(name))) return;
  let at = object;
  for (const name of names) {
    if (!isObject(at[name])) {
      if (value === undefined) return;
      at[name] = {};
    }
    at = at[name];
  }
  if (value === undefined) delete at[last];
  else at[last] = value;
  for (const [index, name] of [...names.entries()].reverse()) {
    const parent = names.slice(0, index).reduce((one, step) => one[step], object);
    if (isObject(parent[name]) && Object.keys(parent[name]).length === 0) delete parent[name];
  }
}

