// Saved filters of a list, with its columns and order: a person's own, and those shared with the org (S6).

import { call, messageOf } from "./api.js";
import { element } from "./dom.js";
import { say } from "./say.js";

/** @import { Table } from "./table.js" */

/**
 * @typedef {object} Saved
 * @property {string} saved_id
 * @property {string} name
 * @property {string} query
 * @property {string[]} columns
 * @property {boolean} shared
 * @property {boolean} mine
 */

const MAX_LETTERS = 100; // of a name
const OWN = "leads that match nothing else"; // A select needs a value for the list without a saved filter.

export class SavedLists {
  /**
   * @param {Table} table
   * @param {object} options
   * @param {string} options.list the list's name in the API
   * @param {string} options.all the name of the list without a filter
   * @param {boolean} options.mayShare
   * @param {string[]} options.columns the columns that are shown without a saved filter
   */
  constructor(table, { list, all, mayShare, columns }) {
    this.table = table;
    this.list = list;
    this.key = `saved-list/${list}`;
    this.all = all;
    this.mayShare = mayShare;
    this.usual = columns;
    /** @type {Saved[]} */
    this.saved = [];
    this.select = table.find("[data-saved]", "select");
    this.dialog = element("#save-list", document, "dialog");
    this.select.addEventListener("change", () => this.choose());
    table.find("[data-save-list]").addEventListener("click", () => this.open());
    element("[data-cancel]", this.dialog).addEventListener("click", () => this.dialog.close());
    element("[data-remove]", this.dialog).addEventListener("click", () => this.remove());
    element("[data-copy]", this.dialog).addEventListener("click", () => this.copy());
    element("form", this.dialog, "form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
  }

  /** Reads the filters, and shows the columns of the one that the address has. */
  async start() {
    await this.read();
    const { current } = this;
    if (current?.columns.length) this.table.showColumns(current.columns);
  }

  async read() {
    /** @type {Saved[]} */
    const found = await call("GET", `/api/v1/saved-lists?list=${this.list}`).catch((error) => {
      say(messageOf(error));
      return [];
    });
    this.saved = found;
    this.draw();
  }

  /** The address of the list without the page. */
  get query() {
    const address = this.table.address;
    address.delete("cursor");
    address.sort();
    return address.toString();
  }

  /** The saved filter that the list shows now. Of those that show the same, it is the one that was chosen last. */
  get current() {
    const { query } = this;
    const same = this.saved.filter((list) => sorted(list.query) === query && list.query !== "");
    const chosen = sessionStorage.getItem(this.key);
    return same.find((list) => list.saved_id === chosen) ?? same[0];
  }

  /** Shows which filter the address has. */
  draw() {
    const groups = [
      ["Yours", this.saved.filter((list) => !list.shared)],
      ["For everybody", this.saved.filter((list) => list.shared)],
    ];
    this.select.replaceChildren(new Option(this.all, ""));
    for (const [label, ones] of /** @type {[string, Saved[]][]} */ (groups)) {
      if (!ones.length) continue;
      const group = document.createElement("optgroup");
      group.label = label;
      group.append(...ones.map(({ name, saved_id }) => new Option(name, saved_id)));
      this.select.append(group);
    }
    const { current, query } = this;
    if (!current && query) this.select.append(new Option("Not saved", OWN));
    this.select.value = current?.saved_id ?? (query ? OWN : "");
  }

  async choose() {
    if (this.select.value === OWN) return;
    const chosen = this.saved.find((list) => list.saved_id === this.select.value);
    sessionStorage.setItem(this.key, this.select.value);
    const changes = Object.fromEntries([...this.table.address.keys()].map((name) => [name, null]));
    /** @type {Record<string, string[] | null>} */
    const wanted = { ...changes };
    for (const [name, value] of new URLSearchParams(chosen?.query)) wanted[name] = [...(wanted[name] ?? []), value];
    this.table.showColumns(chosen?.columns.length ? chosen.columns : this.usual);
    await this.table.change(wanted);
  }

  open() {
    const { current, dialog } = this;
    const own = current?.mine ? current : undefined;
    element("#save-name", dialog, "input").value = own?.name ?? "";
    element("[data-shared-part]", dialog).hidden = !this.mayShare;
    element("#save-shared", dialog, "input").checked = own?.shared ?? false;
    element("[data-remove]", dialog).hidden = !own;
    element("[data-copy]", dialog).hidden = !current;
    element("[data-problem]", dialog).hidden = true;
    dialog.showModal();
    element("#save-name", dialog, "input").focus();
  }

  /** What the dialog would save. */
  get asked() {
    const name = element("#save-name", this.dialog, "input").value.trim();
    const shared = this.mayShare && element("#save-shared", this.dialog, "input").checked;
    return { list_name: this.list, name, query: this.query, columns: this.table.visible, shared };
  }

  /** @param {Saved} saved the one that the list shows from now on */
  keep({ saved_id }) {
    sessionStorage.setItem(this.key, saved_id);
  }

  /** @param {string} why */
  refuse(why) {
    Object.assign(element("[data-problem]", this.dialog), { hidden: false, textContent: why });
  }

  /**
   * Saves the shown view a second time. Its name is the one that was typed, or “Copy of …”. The copy of a shared view is
   * one's own, unless one asks to share it.
   */
  async copy() {
    const { asked, current } = this;
    const names = new Set(this.saved.filter((list) => list.mine).map((list) => list.name));
    const name = asked.name && asked.name !== current?.name ? asked.name : copyName(current?.name ?? this.all, names);
    if (names.has(name)) return this.refuse(`You have a view “${name}” already. Give the copy another name.`);
    const shared = asked.shared && !(current?.mine && current.shared);
    const button = element("[data-copy]", this.dialog, "button");
    button.disabled = true;
    try {
      this.keep(await call("POST", "/api/v1/saved-lists", { ...asked, name, shared }));
    } catch (error) {
      return this.refuse(messageOf(error));
    } finally {
      button.disabled = false;
    }
    this.dialog.close();
    await this.read();
    this.select.focus();
    say(`“${name}” is saved as a copy of “${current?.name ?? this.all}”.`);
  }

  async save() {
    const { asked: body } = this;
    const { name, shared } = body;
    const same = this.saved.find((list) => list.mine && list.name === name && list.shared === shared);
    const known = same ?? (this.current?.mine ? this.current : undefined);
    try {
      if (known) this.keep(await call("PUT", `/api/v1/saved-lists/${known.saved_id}`, body));
      else this.keep(await call("POST", "/api/v1/saved-lists", body));
    } catch (error) {
      this.refuse(messageOf(error));
      return;
    }
    this.dialog.close();
    await this.read();
    this.select.focus();
    say(shared ? `“${name}” is saved for everybody.` : `“${name}” is saved.`);
  }

  async remove() {
    const known = this.current;
    if (!known) return;
    try {
      await call("DELETE", `/api/v1/saved-lists/${known.saved_id}`);
    } catch (error) {
      say(messageOf(error));
      return;
    }
    this.dialog.close();
    await this.read();
    this.select.focus();
    say(`“${known.name}” is deleted. No lead has changed.`);
  }
}

/** @param {string} query */
function sorted(query) {
  const address = new URLSearchParams(query);
  address.sort();
  return address.toString();
}

/**
 * Returns a name for a copy that no other has.
 * @param {string} name
 * @param {Set<string>} taken
 */
function copyName(name, taken) {
  const cut = (/** @type {string} */ text) => [...text].slice(0, MAX_LETTERS).join("");
  let found = cut(`Copy of ${name}`);
  for (let n = 2; taken.has(found); n += 1) found = cut(`Copy ${n} of ${name}`);
  return found;
}
