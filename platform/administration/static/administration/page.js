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

document.addEventListener("alpine:init", () => {
  Alpine.data("page", page);
  Alpine.data("theme", theme);
  Alpine.data("searchForm", searchForm);
});
