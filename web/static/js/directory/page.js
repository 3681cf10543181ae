// The directory page: a list, one object's form, and the way of an edit: checked, shown, published, or told what changed.

import { call, Problem } from "../api.js";
import { Live } from "../live.js";
import { say } from "../say.js";
import { fill } from "../small-table.js";
import { button, make } from "./fields.js";
import { FORMS } from "./forms.js";

const data = JSON.parse(document.getElementById("directory-data").textContent);
const find = (selector) => document.querySelector(selector);
const form = find("[data-form]");
const title = find("#editor-title");
const footer = find("[data-footer]");
const notice = find("[data-notice]");
const NOUNS = { rep: "rep", group: "group", campaign: "campaign", settings: "settings" };
const address = () => `/api/v1/directory/${data.kind}/${encodeURIComponent(data.id)}`;
const of = (kind) => data.objects.filter((one) => one.kind === kind);

let base = {};
let etag = null;
let fields = [];

// -- the list ---------------------------------------------------------------------------------------------------

function drawList() {
  const place = find("[data-objects]");
  if (!place) return;
  const wanted = find("#find").value.trim().toLowerCase();
  const all = of(data.kind);
  const shown = all.filter((one) => `${one.id} ${one.value.name ?? ""} ${(one.value.teams ?? []).join(" ")}`.toLowerCase().includes(wanted));
  place.replaceChildren(
    ...shown.map((one) => {
      const link = make("a", { href: `/directory/${data.section}/${encodeURIComponent(one.id)}`, textContent: one.value.name || one.id });
      if (one.id === data.id) link.setAttribute("aria-current", "true");
      const line = make("li", { data: { id: one.id } }, link);
      if (data.kind === "rep") {
        const role = one.value.role ?? "rep";
        if (one.value.active === false) line.append(make("span", { className: "badge due", textContent: "switched off" }));
        else if (role !== "rep") line.append(make("span", { className: "badge", textContent: role }));
      }
      return line;
    }),
  );
  const none = find("[data-none]");
  none.hidden = shown.length > 0;
  none.textContent = all.length ? "Nothing matches the search." : `No ${NOUNS[data.kind]} is published yet${data.may_write ? ": add one." : "."}`;
}

find("#find")?.addEventListener("input", drawList);

// -- the form ---------------------------------------------------------------------------------------------------

function load() {
  const found = data.objects.find((one) => one.kind === data.kind && one.id === data.id);
  base = found?.value ?? {};
  etag = found?.etag ?? null;
  if (!data.id) {
    title.textContent = of(data.kind).length ? `Choose a ${NOUNS[data.kind]} from the list.` : `There is no ${NOUNS[data.kind]} yet.`;
    form.replaceChildren();
    footer.hidden = true;
    return;
  }
  title.textContent = data.kind === "settings" ? "Settings of the org" : found ? base.name || data.id : `New ${NOUNS[data.kind]}: ${data.id}`;
  fields = FORMS[data.kind](base, { codes: data.states, reps: of("rep"), groups: of("group") });
  const whole = make("fieldset", { className: "plain", disabled: !data.may_write }, ...fields.map((one) => one.node));
  form.replaceChildren(whole, ...(data.kind === "rep" ? [signingIn(Boolean(found))] : []));
  footer.hidden = !data.may_write;
  find("[data-remove]").hidden = !found || data.kind === "settings";
  dirty();
}

function value() {
  const now = structuredClone(base);
  for (const one of fields.filter((field) => field.touched)) {
    const read = one.read();
    if (read === undefined) delete now[one.name];
    else now[one.name] = read;
  }
  return now;
}

const spelled = (thing) =>
  JSON.stringify(thing, (_, one) =>
    one && typeof one === "object" && !Array.isArray(one) ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))) : one,
  );

function isDirty() {
  return Boolean(data.id) && data.may_write && spelled(value()) !== spelled(base);
}

function dirty() {
  const changed = isDirty();
  find("[data-dirty]").textContent = changed ? "Unpublished changes" : etag ? "As published" : "Not published yet";
  find("[data-discard]").disabled = !changed;
  find("[data-review]").disabled = Boolean(etag) && !changed;
}
for (const event of ["input", "change"]) form.addEventListener(event, () => queueMicrotask(dirty));
form.addEventListener("submit", (event) => event.preventDefault());
// What a field of several inputs says of itself does not bubble.
form.addEventListener("change", () => queueMicrotask(dirty), true);
form.addEventListener("click", () => queueMicrotask(dirty));
addEventListener("beforeunload", (event) => isDirty() && !leaving && event.preventDefault());
let leaving = false;

find("[data-discard]").addEventListener("click", () => {
  clear();
  load();
  title.focus();
  say("Your changes are discarded.");
});

// -- what is wrong ----------------------------------------------------------------------------------------------

function clear() {
  notice.hidden = true;
  for (const place of form.querySelectorAll("[data-problem]")) place.hidden = true;
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  for (const one of fields) one.tell?.([]);
}

function tell(errors) {
  clear();
  let first = null;
  const left = [];
  for (const { path, reason } of errors) {
    const name = path.split(/[.[]/)[0];
    const one = fields.find((field) => field.name === name);
    if (!one) {
      left.push(reason);
      continue;
    }
    one.tell?.(errors.filter((each) => each.path.startsWith(name)));
    const place = one.node.querySelector(":scope > [data-problem]");
    place.textContent = place.hidden ? reason : `${place.textContent}; ${reason}`;
    place.hidden = false;
    const input = one.node.querySelector("input, select, button");
    input?.setAttribute("aria-invalid", "true");
    first ??= input;
  }
  if (left.length) {
    notice.textContent = left.join("; ");
    notice.hidden = false;
  }
  first?.focus();
}

function failed(error) {
  if (error instanceof Problem && error.status === 422) {
    tell(error.body.errors?.length ? error.body.errors : [{ path: "", reason: error.message }]);
    say("That cannot be published yet; see what is wrong at the fields.");
  } else if (error instanceof Problem && error.status === 412) lost(error.body);
  else say(error.message);
}

// -- review and publish -----------------------------------------------------------------------------------------

const review = find("#review");
let doing = null;

function written(thing) {
  if (thing === null || thing === undefined) return "not set";
  if (typeof thing === "boolean") return thing ? "yes" : "no";
  return typeof thing === "string" ? thing : JSON.stringify(thing);
}

// A field of the form by its label, what is inside one by its path.
function what(path) {
  const one = fields.find((field) => field.name === path);
  return one?.node.querySelector("label, legend")?.textContent ?? path;
}

async function ask(method, query = "") {
  const body = method === "PUT" ? value() : undefined;
  return call(method, address() + query, body, etag ? { "if-match": etag } : {});
}

async function show(method) {
  try {
    const tried = await ask(method, "?dry_run=true");
    clear();
    doing = method;
    const whose = data.kind === "settings" ? "settings" : `${NOUNS[data.kind]} ${value().name || data.id}`;
    find("#review-title").textContent = method === "DELETE" ? `Remove ${whose}?` : etag ? `Publish these changes of ${whose}?` : `Publish the new ${whose}?`;
    find("[data-effects]").replaceChildren(...tried.effects.map((text) => make("li", { textContent: text })));
    fill(
      find("[data-changes]"),
      ["What", "Published", "Yours"],
      tried.changes.map((one) => [what(one.path), written(one.old), method === "DELETE" ? "removed" : written(one.new)]),
      "Nothing differs from what is published.",
    );
    find("[data-publish]").textContent = method === "DELETE" ? "Remove" : "Publish";
    review.showModal();
    find("[data-publish]").focus();
  } catch (error) {
    failed(error);
  }
}
find("[data-review]").addEventListener("click", () => show("PUT"));
find("[data-remove]").addEventListener("click", () => show("DELETE"));
find("[data-back]").addEventListener("click", () => review.close());

find("[data-publish]").addEventListener("click", async (event) => {
  event.target.disabled = true;
  const isNew = !etag;
  const invites = form.querySelector("[data-account]")?.checked;
  try {
    const done = await ask(doing);
    review.close();
    if (doing === "DELETE") {
      leaving = true;
      return location.assign(`/directory/${data.section}`);
    }
    await renew();
    load();
    title.focus();
    say("Published. It counts from now on, for leads that are there, too.");
    if (isNew && invites) await invite(done.value.email);
  } catch (error) {
    review.close();
    failed(error);
  } finally {
    event.target.disabled = false;
  }
});

async function renew() {
  data.objects = (await call("GET", "/api/v1/directory")).objects;
  drawList();
}

// -- a lost edit ------------------------------------------------------------------------------------------------

const lostDialog = find("#lost");

function lost(body) {
  find("[data-lost-why]").textContent = `${body.detail}. Nothing of yours was published.`;
  const changes = body.changes ?? Object.entries(body.current ?? {}).map(([path, now]) => ({ path, old: base[path], new: now })).filter((one) => spelled(one.old) !== spelled(one.new));
  fill(find("[data-lost-changes]"), ["What", "Was", "Is now"], changes.map((one) => [what(one.path), written(one.old), written(one.new)]), "Nothing that you can see differs.");
  lostDialog.showModal();
}

find("[data-theirs]").addEventListener("click", async () => {
  lostDialog.close();
  await renew();
  clear();
  load();
  title.focus();
});
// What they changed stays, and of mine what I touched comes on top: the next review shows it against theirs.
find("[data-mine]").addEventListener("click", async () => {
  lostDialog.close();
  await renew();
  const found = data.objects.find((one) => one.kind === data.kind && one.id === data.id);
  base = found?.value ?? {};
  etag = found?.etag ?? null;
  dirty();
  find("[data-review]").focus();
  say("Your changes now stand on what is published. Review them again.");
});

// -- signing in -------------------------------------------------------------------------------------------------

function signingIn(there) {
  const email = data.emails[data.id];
  const frame = make("fieldset", { className: "account" }, make("legend", { textContent: "Signing in" }));
  if (!data.may_write) frame.append(make("p", { textContent: email ? `Signs in as ${email}.` : "Has no account." }));
  else if (!there) {
    const box = make("input", { type: "checkbox", data: { account: "" } });
    frame.append(make("label", { className: "inline" }, box, "Also make an account with a password to hand over, under the email above"));
  } else {
    const input = make("input", { type: "email", value: email ?? base.email ?? "", "aria-label": "Address to sign in with" });
    const act = button(email ? "Make a new password" : "Let them sign in", () => invite(input.value));
    frame.append(make("p", { className: "hint", textContent: email ? `Signs in as ${email}. A new password ends their sessions.` : "Has no account yet." }), make("p", { className: "tools" }, input, act));
    if (data.second_factors.includes(data.id)) frame.append(make("p", { className: "tools" }, button("Reset the second factor", resetSecondFactor)));
  }
  return frame;
}

async function resetSecondFactor(event) {
  const act = event.currentTarget;
  try {
    await call("DELETE", `/api/v1/directory/rep/${encodeURIComponent(data.id)}/second-factor`);
    data.second_factors = data.second_factors.filter((id) => id !== data.id);
    act.remove();
    say("Signing in asks for the password alone now.");
  } catch (error) {
    say(`The second factor was not reset: ${error.message}`);
  }
}

async function invite(email) {
  try {
    const made = await call("POST", `/api/v1/directory/rep/${encodeURIComponent(data.id)}/account`, { email: email ?? "" });
    data.emails[data.id] = made.email;
    find("[data-invited-email]").textContent = made.email;
    find("[data-invited-password]").textContent = made.password ?? "none: one signs in with the company's account here";
    find("#invited").showModal();
  } catch (error) {
    say(`No account was made: ${error.message}`);
  }
}
find("[data-invited-close]").addEventListener("click", () => {
  find("#invited").close();
  if (!isDirty()) load();
  title.focus();
});
find("#invited").addEventListener("close", () => (find("[data-invited-password]").textContent = ""));

// -- adding -----------------------------------------------------------------------------------------------------

const added = find("#added");
find("[data-add]")?.addEventListener("click", () => {
  find("#added-problem").hidden = true;
  added.showModal();
});
find("[data-added-cancel]").addEventListener("click", () => added.close());
find("[data-added]").addEventListener("submit", (event) => {
  event.preventDefault();
  const id = find("#added-id").value.trim();
  const problem = find("#added-problem");
  if (of(data.kind).some((one) => one.id === id)) {
    problem.textContent = `There is a ${NOUNS[data.kind]} ${id} already.`;
    problem.hidden = false;
    return;
  }
  location.assign(`/directory/${data.section}/${encodeURIComponent(id)}`);
});

// -- live -------------------------------------------------------------------------------------------------------

const live = new Live({ queue: "-" });
live.on("directory", async () => {
  if (document.querySelector("dialog[open]")) return;
  await renew();
  const found = data.objects.find((one) => one.kind === data.kind && one.id === data.id);
  if (!data.id || (found?.etag ?? null) === etag) return;
  if (isDirty()) {
    notice.textContent = "Somebody has just published this. Review your changes to see what differs.";
    notice.hidden = false;
  } else load();
});
live.start();
drawList();
load();
document.documentElement.dataset.ready = "yes";
