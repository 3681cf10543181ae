// The form of a view: drawn from its value, and read back as one.

const COLUMNS = 10;
const option = (value, text) => Object.assign(document.createElement("option"), { value, textContent: text });
const rules = (tree) => (tree?.rules ?? []).reduce((sum, rule) => sum + (rule.rules ? rules(rule) : 1), 0);

export function draw(form, page, given, changed) {
  const { elements } = form;
  elements.name.value = given.name ?? "";
  elements.description.value = given.description ?? "";
  elements.claimable.checked = given.claimable === true;
  drawAsks(form, page.fields, given);
  teams(form, page.teams, given.teams ?? ["*"]);
  outcomes(form, page.outcomes, given.outcomes ?? [], changed);
  claimable(form, false);
  form.addEventListener("input", (event) => unless(event, changed));
  form.addEventListener("change", (event) => {
    const { name } = event.target;
    if (name === "claimable") claimable(form, true);
    if (name === "access") access(form);
    unless(event, changed);
  });
}

// What a view asks of leads and shows of them: its columns, rules and order, as a rep's own views have them, too.
export function drawAsks(form, fields, given) {
  const { elements } = form;
  columns(form, fields, given.columns ?? []);
  elements["sort-field"].replaceChildren(...fields.map(({ name, label }) => option(name, label)));
  elements["sort-field"].value = given.sort?.field ?? "arrived_at";
  elements["sort-direction"].value = given.sort?.direction ?? "asc";
  for (const name of ["inclusion", "exclusion"]) builder(form, name, given[name]);
  form.addEventListener("change", ({ target: { name } }) => {
    if (name === "inclusion" || name === "exclusion") counted(form, name);
  });
}

export function asks(form) {
  const { elements } = form;
  return {
    columns: [...form.querySelectorAll("[data-columns] select")].map((one) => one.value).filter(Boolean),
    inclusion: JSON.parse(elements.inclusion.value),
    exclusion: JSON.parse(elements.exclusion.value),
    sort: { field: elements["sort-field"].value, direction: elements["sort-direction"].value },
  };
}

// Says what is wrong with it: at the rule where it is one's, in a list where it is not.
export function wrong(form, problems) {
  const list = form.querySelector("[data-problems]");
  const elsewhere = problems.filter((one) => !/^(in|ex)clusion/.test(one.path));
  list.hidden = elsewhere.length === 0;
  const said = elsewhere.map((one) => `${one.path || "the view"}: ${one.reason}`);
  list.replaceChildren(...said.map((textContent) => Object.assign(document.createElement("li"), { textContent })));
  for (const one of form.querySelectorAll("rule-builder")) {
    one.dispatchEvent(new CustomEvent("rule-problems", { detail: problems }));
  }
}

// What is only asked, not kept, and what is half typed, does not make a draft.
function unless(event, changed) {
  const { name, type } = event.target;
  if (["about", "new-outcome"].includes(name) || (event.type === "input" && !["text", "search"].includes(type))) return;
  if (event.target.closest("rule-builder") && type !== "hidden") return;
  changed();
}

export function value(form, before) {
  const { elements } = form;
  const chosen = (name) => [...form.querySelectorAll(`input[name=${name}]:checked`)].map((box) => box.value);
  const all = elements.access.value === "all";
  return {
    ...before,
    name: elements.name.value,
    description: elements.description.value,
    ...asks(form),
    teams: all ? ["*"] : chosen("team"),
    claimable: elements.claimable.checked,
    outcomes: chosen("outcome"),
  };
}

function columns(form, fields, chosen) {
  const room = form.querySelector("[data-columns]");
  for (let n = 0; n < Math.max(COLUMNS, chosen.length); n += 1) {
    const select = document.createElement("select");
    select.setAttribute("aria-label", `Column ${n + 1}`);
    select.append(option("", "None"), ...fields.map(({ name, label }) => option(name, label)));
    if (chosen[n] && !fields.some(({ name }) => name === chosen[n])) select.append(option(chosen[n], chosen[n]));
    select.value = chosen[n] ?? "";
    room.append(select);
  }
}

function builder(form, name, tree) {
  const element = document.createElement("rule-builder");
  const label = name === "inclusion" ? "Inclusion rules" : "Exclusion rules";
  Object.assign(element.dataset, { name, label, fieldsFrom: "#fields-data", value: JSON.stringify(tree ?? null) });
  form.querySelector(`[data-rules=${name}]`).append(element);
  counted(form, name);
}

function counted(form, name) {
  form.querySelector(`[data-count=${name}]`).textContent = `(${rules(JSON.parse(form.elements[name].value))})`;
}

function box(name, text, checked) {
  const label = document.createElement("label");
  label.className = "check";
  const input = Object.assign(document.createElement("input"), { type: "checkbox", name, value: text, checked });
  label.append(input, text);
  return label;
}

function teams(form, known, chosen) {
  const all = chosen.includes("*");
  const names = [...new Set([...known, ...chosen])].filter((team) => team !== "*").sort();
  form.querySelector("[data-team-list]").append(...names.map((team) => box("team", team, chosen.includes(team))));
  form.elements.access.value = all ? "all" : "selected";
  access(form);
}

function access(form) {
  const all = form.elements.access.value === "all";
  for (const input of form.querySelectorAll("input[name=team]")) input.disabled = all;
}

function outcomes(form, known, chosen, changed) {
  const room = form.querySelector("[data-outcome-list]");
  const names = [...new Set([...known, ...chosen])].sort();
  room.append(...names.map((outcome) => box("outcome", outcome, chosen.includes(outcome))));
  const input = form.elements["new-outcome"];
  const add = () => {
    const name = input.value.trim();
    if (!name) return;
    const there = [...room.querySelectorAll("input")].find((one) => one.value === name);
    if (there) there.checked = true;
    else room.append(box("outcome", name, true));
    input.value = "";
    changed();
  };
  form.querySelector("[data-add-outcome]").addEventListener("click", add);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    add();
  });
}

// Q5: claimable clears the outcomes and disables them; unchecking does not bring them back.
function claimable(form, cleared) {
  const checked = form.elements.claimable.checked;
  const room = form.querySelector("[data-outcomes]");
  room.disabled = checked;
  if (checked && cleared) for (const one of room.querySelectorAll("input[name=outcome]")) one.checked = false;
}
