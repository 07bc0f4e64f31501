// What unfold writes into its pages as expressions, for Alpine's CSP build, which evaluates simple
// ones only: its own components by name, and of `window` what its expressions read.

const SIDEBAR = "sidebarDesktopOpen";

const page = (firstTab = "") => ({
  activeTab: "",
  sidebarMobileOpen: false,
  sidebarDesktopOpen: localStorage.getItem(SIDEBAR) !== "0",
  window: {
    location: {
      get pathname() {
        return location.pathname;
      },
      get search() {
        return location.search;
      },
      get hash() {
        return location.hash;
      },
      set href(address) {
        location.assign(address);
      },
    },
  },
  init() {
    this.activeTab = getCurrentTab() || firstTab;
    this.$watch(SIDEBAR, (open) => localStorage.setItem(SIDEBAR, open ? "1" : "0"));
  },
});

// unfold asks once whether the system is dark; it may become so while a page is open.
const SYSTEM = matchMedia("(prefers-color-scheme: dark)");

const followedTheme = (first) => {
  const asked = theme(first);
  return {
    ...asked,
    systemIsDark: SYSTEM.matches,
    init() {
      asked.init.call(this);
      SYSTEM.addEventListener("change", () => {
        this.systemIsDark = SYSTEM.matches;
      });
    },
    themeBindings: {
      ...asked.themeBindings,
      ["x-bind:class"]() {
        const dark = this.adminTheme === "auto" ? this.systemIsDark : this.adminTheme === "dark";
        return dark ? "dark" : "";
      },
    },
  };
};

document.addEventListener("alpine:init", () => {
  Alpine.data("page", page);
  Alpine.data("theme", followedTheme);
  Alpine.data("searchForm", searchForm);
});

// unfold makes some links and icons clickable and nothing else; here the keyboard reaches them.
const CLICKED = "[x-on\\:click]:is(a:not([href]), span, div, h2)";

const reach = (element) => {
  if (element.querySelector("a[href], button, input, select")) {
    return;
  }
  element.tabIndex = 0;
  element.setAttribute("role", "button");
  const icon = element.matches(".material-symbols-outlined") && element.textContent.trim();
  if (icon) {
    element.setAttribute("aria-label", icon.replaceAll("_", " "));
  }
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      element.click();
    }
  });
};

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(CLICKED).forEach(reach);
});

// A field with autocompletion is called what its label says, and not by what is chosen alone.
const callByLabel = (select) => {
  const label = document.querySelector(`label[for="${select.id}"]`);
  const shown = document.getElementById(`select2-${select.id}-container`);
  if (label && shown) {
    label.id ||= `label-of-${select.id}`;
    shown.setAttribute("aria-labelledby", label.id);
    shown.parentElement.setAttribute("aria-labelledby", `${label.id} ${shown.id}`);
  }
};

// jQuery's own queue: it comes behind what makes those fields.
window.django?.jQuery?.(() => {
  document.querySelectorAll("select.admin-autocomplete").forEach(callByLabel);
});
