// What every page shares. A page works without it; times then stay in UTC.

const zoned = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});

/** Puts times into the reader's zone; the title keeps UTC. */
function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.textContent = zoned.format(new Date(time.dateTime));
  }
  for (const title of root.querySelectorAll("title[data-begins]")) {
    title.textContent = `${zoned.format(new Date(title.dataset.begins))}: ${title.dataset.counted}`;
  }
}

const told = document.getElementById("told");

/** Tells something for as long as it takes to read, wherever the page is scrolled to. */
export function tell(text, kind = "success") {
  const line = document.createElement("p");
  line.className = `message ${kind}`;
  line.textContent = text;
  // Shown anew, it is above a dialog that was opened meanwhile.
  told.hidePopover?.();
  told.showPopover?.();
  told.append(line);
  setTimeout(() => {
    line.remove();
    if (!told.childElementCount) told.hidePopover?.();
  }, 8000);
}

// What scrolls sideways can be reached, and so scrolled, with the keyboard.
const frames = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
function watchFrames(root) {
  for (const frame of (root.parentElement ?? root).querySelectorAll(".frame")) frames.observe(frame);
}

// <button data-copy="#id"> copies what that element says; data-copy-text="…" a text of its own.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-text]");
  if (!button) return;
  const source = button.dataset.copy && document.querySelector(button.dataset.copy);
  const text = source ? (source.value ?? source.textContent) : button.dataset.copyText;
  try {
    await navigator.clipboard.writeText(text);
    tell("Copied.");
  } catch {
    tell("The browser did not allow copying: select the text and copy it by hand.", "error");
  }
});

// <form data-confirm="…"> asks before it is sent.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
}, true);

document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector("[name=csrfmiddlewaretoken]");
  if (token) event.detail.headers["X-CSRFToken"] = token.value;
});
document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  // Signed out meanwhile, or a page of another time: load it anew.
  tell(status === 403 ? "Not allowed. Load the page anew and try again." : `That did not work (${status}). Try again.`, "error");
});
document.addEventListener("htmx:sendError", () => tell("The server does not answer.", "error"));
document.addEventListener("htmx:load", (event) => {
  localise(event.detail.elt);
  watchFrames(event.detail.elt);
});
localise(document);
watchFrames(document);
