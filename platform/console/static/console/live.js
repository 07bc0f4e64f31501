// Parts that renew themselves: data-live="seconds" beside hx-trigger="renew". Nothing is asked while
// the page is hidden; shown again, each asks at once.

const parts = document.querySelectorAll("[data-live]");
const renew = (part) => window.htmx.trigger(part, "renew");

for (const part of parts) {
  setInterval(() => document.hidden || renew(part), 1000 * Number(part.dataset.live));
}
document.addEventListener("visibilitychange", () => document.hidden || parts.forEach(renew));
