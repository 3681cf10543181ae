// The parts of a form. Each field: {name, node, read()}. One that nobody touched keeps what was published, to the letter.

let count = 0;

export function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "data") Object.assign(node.dataset, value);
    else if (name.includes("-") || name === "role" || name === "for" || name === "list") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children);
  return node;
}

export function button(text, act, properties = {}) {
  const node = make("button", { type: "button", textContent: text, ...properties });
  node.addEventListener("click", act);
  return node;
}

// A label, an input, a hint and a place for what is wrong with it.
function labelled(name, label, input, hint) {
  const id = (input.id = `field-${name}-${(count += 1)}`);
  const told = [make("p", { className: "problem", id: `${id}-problem`, hidden: true, data: { problem: "" } })];
  if (hint) told.unshift(make("p", { className: "hint", id: `${id}-hint`, textContent: hint }));
  input.setAttribute("aria-describedby", told.map((one) => one.id).join(" "));
  return make("div", { className: "field", data: { path: name } }, make("label", { for: id, textContent: label }), input, ...told);
}

function field(name, node, read) {
  const made = { name, node, read, touched: false };
  for (const event of ["input", "change"]) node.addEventListener(event, () => (made.touched = true));
  return made;
}

export function text(name, label, value, { hint, type = "text", suggestions, placeholder = "" } = {}) {
  const input = make("input", { type, value: value ?? "", placeholder, autocomplete: "off" });
  const node = labelled(name, label, input, hint);
  if (suggestions) {
    const list = make("datalist", { id: `${input.id}-list` }, ...suggestions.map((one) => make("option", { value: one })));
    input.setAttribute("list", list.id);
    node.append(list);
  }
  return field(name, node, () => input.value.trim() || undefined);
}

// `factor`: the unit that is published in one that is shown, as 60 seconds in a minute; it is published whole.
// What is no number is sent as it was written, so that the server says what is wrong with it.
export function number(name, label, value, { hint, factor = 1 } = {}) {
  const input = make("input", { inputMode: "decimal", value: value === undefined ? "" : String(Number((value / factor).toFixed(3))), autocomplete: "off" });
  return field(name, labelled(name, label, input, hint), () => {
    const written = input.value.trim();
    if (!written) return undefined;
    const found = Number(written.replace(",", "."));
    if (!Number.isFinite(found)) return written;
    return factor === 1 ? found : Math.round(found * factor);
  });
}

export function choice(name, label, value, options, { hint } = {}) {
  const input = make("select", {}, ...options.map(([key, said]) => make("option", { value: key, textContent: said })));
  input.value = value ?? options[0][0];
  return field(name, labelled(name, label, input, hint), () => input.value || undefined);
}

export function toggle(name, label, value, { hint } = {}) {
  const input = make("input", { type: "checkbox", checked: value });
  const node = labelled(name, label, input, hint);
  node.classList.add("toggle");
  node.prepend(input);
  return field(name, node, () => input.checked);
}

export function list(name, label, value, { hint } = {}) {
  const input = make("input", { value: (value ?? []).join(", "), autocomplete: "off" });
  return field(name, labelled(name, label, input, hint), () =>
    input.value
      .split(",")
      .map((one) => one.trim())
      .filter(Boolean),
  );
}

// A frame for a field of several inputs; `place` gets them.
export function framed(name, legend, hint) {
  const place = make("div");
  const node = make("fieldset", { data: { path: name } }, make("legend", { textContent: legend }));
  if (hint) node.append(make("p", { className: "hint", textContent: hint }));
  node.append(place, make("p", { className: "problem", hidden: true, data: { problem: "" } }));
  return { node, place };
}

export function composed(name, node, read) {
  return field(name, node, read);
}

// Licences: not tracked, or the states somebody is licensed in.
export function states(name, label, value, codes) {
  const { node, place } = framed(name, label);
  const tracked = make("input", { type: "checkbox", checked: value !== undefined });
  const boxes = codes.map((code) => {
    const box = make("input", { type: "checkbox", value: code, checked: (value ?? []).includes(code) });
    return make("label", { className: "state" }, box, code);
  });
  const grid = make("div", { className: "states", role: "group", "aria-label": "States" }, ...boxes);
  const all = button("All", () => check(true));
  const none = button("None", () => check(false));
  const tools = make("p", { className: "tools" }, all, none);
  function check(on) {
    for (const box of grid.querySelectorAll("input")) box.checked = on;
    node.dispatchEvent(new Event("change"));
  }
  function show() {
    grid.hidden = tools.hidden = !tracked.checked;
  }
  tracked.addEventListener("change", show);
  place.append(make("label", { className: "inline" }, tracked, "Only leads of these states (otherwise licences are not asked)"), tools, grid);
  show();
  return field(name, node, () =>
    tracked.checked ? [...grid.querySelectorAll("input:checked")].map((box) => box.value) : undefined,
  );
}

// A rule over the lead's fields, in the rule builder; an empty rule is no rule.
export function rule(name, label, value, hint) {
  const { node, place } = framed(name, label, hint);
  const builder = make("rule-builder", {
    data: { name, label, fieldsFrom: "#fields-data", value: JSON.stringify(value ?? null) },
  });
  place.append(builder);
  const made = field(name, node, () => (builder.value.rules?.length ? builder.value : undefined));
  made.tell = (problems) => builder.dispatchEvent(new CustomEvent("rule-problems", { detail: problems }));
  return made;
}
