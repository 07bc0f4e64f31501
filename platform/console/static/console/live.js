// Parts that renew themselves: data-live="seconds" beside hx-trigger="renew". Nothing is asked while
// the page is hidden; shown again, each asks at once.

// Asked for each time: what a click does may put others in their place.
const parts = () => [...document.querySelectorAll("[data-live]")];
const renew = (part) => window.htmx.trigger(part, "renew");
let seconds = 0;

setInterval(() => {
  seconds += 1;
  if (document.hidden) return;
  parts().filter((part) => seconds % Number(part.dataset.live) === 0).forEach(renew);
}, 1000);
document.addEventListener("visibilitychange", () => document.hidden || parts().forEach(renew));
