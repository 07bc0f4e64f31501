// Tags as chips. The text field, one tag a line, stays the truth.

/** Shows the tags of `field` in `place`, and lets people add and remove them; `changed` is called. */
export function chips(place, field, changed) {
  const list = place.querySelector("[data-chips]");
  const entry = place.querySelector("input");
  const suggested = [...place.querySelectorAll("[data-tag]")];
  const tags = () => field.value.split("\n").map((line) => line.trim()).filter(Boolean);

  function set(wanted) {
    field.value = [...new Set(wanted)].join("\n");
    changed();
  }

  function add() {
    const written = entry.value.split(",").map((one) => one.trim()).filter(Boolean);
    entry.value = "";
    if (written.length) set([...tags(), ...written]);
  }

  entry.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || (event.key === "," && entry.value.trim())) {
      event.preventDefault();
      add();
    } else if (event.key === "Backspace" && entry.value === "" && tags().length) {
      set(tags().slice(0, -1));
    }
  });
  entry.addEventListener("change", add);
  place.addEventListener("click", (event) => {
    const { tag, remove } = event.target.closest("button")?.dataset ?? {};
    if (tag) set([...tags(), tag]);
    if (remove) {
      set(tags().filter((one) => one !== remove));
      entry.focus();
    }
  });

  return {
    show() {
      const chosen = tags();
      list.replaceChildren(...chosen.map(chip));
      for (const button of suggested) button.hidden = chosen.includes(button.dataset.tag);
    },
  };
}

function chip(tag) {
  const item = document.createElement("li");
  item.className = "badge chip";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.dataset.remove = tag;
  button.setAttribute("aria-label", `Remove the tag ${tag}`);
  button.textContent = "×";
  item.append(tag, " ", button);
  return item;
}
