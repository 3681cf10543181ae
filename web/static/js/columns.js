// Which columns are shown, and in which order: a dialog that needs no mouse.

const dialog = document.getElementById("columns");

// Resolve with the chosen names in order, or null where it was cancelled.
export function edit(columns, visible, usual) {
  const list = dialog.querySelector("[data-list]");
  const byName = new Map(columns.map((column) => [column.name, column]));

  function fill(shown) {
    const rest = columns.map((column) => column.name).filter((name) => !shown.includes(name));
    list.replaceChildren(...[...shown, ...rest].map((name) => item(byName.get(name), shown.includes(name))));
  }

  function item(column, on) {
    const line = document.createElement("li");
    line.dataset.name = column.name;
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: on });
    label.append(box, ` ${column.label}`);
    line.append(label, mover(line, column, "up", "↑"), mover(line, column, "down", "↓"));
    return line;
  }

  function mover(line, column, way, sign) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = sign;
    button.setAttribute("aria-label", `Move ${column.label} ${way}`);
    button.addEventListener("click", () => {
      if (way === "up") line.previousElementSibling?.before(line);
      else line.nextElementSibling?.after(line);
      button.focus();
    });
    return button;
  }

  return new Promise((resolve) => {
    const controller = new AbortController();
    const end = (result) => {
      controller.abort();
      if (dialog.open) dialog.close();
      resolve(result);
    };
    const on = (selector, does) => dialog.querySelector(selector).addEventListener("click", does, { signal: controller.signal });
    on("[data-usual]", () => fill(usual));
    on("[data-cancel]", () => end(null));
    on("[data-ok]", () => {
      const names = [...list.children].filter((line) => line.querySelector("input").checked).map((line) => line.dataset.name);
      end(names.length ? names : usual);
    });
    dialog.addEventListener("close", () => end(null), { signal: controller.signal });
    fill(visible);
    dialog.showModal();
    list.querySelector("input").focus();
  });
}
