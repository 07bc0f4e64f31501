// Parts that renew themselves: data-live="seconds" beside hx-trigger="renew", each second while what
// is in it is data-soon. Nothing is asked while the page is hidden; shown again, each asks at once.

// Asked for each time: what a click does may put others in their place.
const parts = () => [...document.querySelectorAll("[data-live]")];
const every = (part) => (part.querySelector("[data-soon]") ? 1 : Number(part.dataset.live));
const renew = (part) => window.htmx.trigger(part, "renew");
let seconds = 0;

setInterval(() => {
  seconds += 1;
  if (document.hidden) return;
  parts().filter((part) => seconds % every(part) === 0).forEach(renew);
}, 1000);
document.addEventListener("visibilitychange", () => document.hidden || parts().forEach(renew));
