// Finds required elements of a page, with their types. Use querySelector for optional elements.

/**
 * @typedef {keyof HTMLElementTagNameMap | "*"} Tag
 */

/**
 * @template {Tag} K
 * @typedef {K extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[K] : HTMLElement} ElementOf
 */

/**
 * Finds the first element inside `within`.
 * @template {Tag} [K="*"]
 * @param {string} selector
 * @param {ParentNode} [within]
 * @param {K} [tag] the required kind of element
 * @returns {ElementOf<K>}
 * @throws {Error} if there is none, or if it is another kind of element
 */
export function element(selector, within = document, tag) {
  const found = within.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`The page has no element ${selector}.`);
  if (tag && tag !== "*" && found.localName !== tag)
    throw new Error(`${selector} is a ${found.localName}, not a ${tag}.`);
  return /** @type {ElementOf<K>} */ (found);
}

/**
 * Returns `element`, limited to one part of a page.
 * @param {ParentNode} within
 */
export function finder(within) {
  /**
   * @template {Tag} [K="*"]
   * @param {string} selector
   * @param {K} [tag]
   * @returns {ElementOf<K>}
   */
  return (selector, tag) => element(selector, within, tag);
}

/**
 * Finds all elements of one kind inside `within`, in the order of the page.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {string} selector
 * @param {ParentNode} within
 * @param {K} tag
 * @returns {HTMLElementTagNameMap[K][]}
 */
export function elements(selector, within, tag) {
  const found = [...within.querySelectorAll(selector)].filter((candidate) => candidate.localName === tag);
  return /** @type {HTMLElementTagNameMap[K][]} */ (found);
}

/**
 * Returns the input, select or text area of a form that has this name.
 * @param {HTMLFormElement} form
 * @param {string} name
 * @returns {HTMLInputElement}
 */
export function control(form, name) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
}

/**
 * Returns the target element of an event; the whole page if the target is not an element.
 * @param {Event} event
 * @returns {HTMLElement}
 */
export function targetOf(event) {
  return event.target instanceof HTMLElement ? event.target : document.documentElement;
}

/**
 * Says whether a key belongs to a field or to an open dialog, and not to the page.
 *
 * A dialog that has just been closed still has the focus, until the browser draws the page again. Keys pressed in
 * between belong to the page.
 * @param {KeyboardEvent} event
 */
export function isTyped(event) {
  return targetOf(event).closest("input, textarea, select, dialog[open], [contenteditable]") !== null;
}

/**
 * Writes a text, unless it is there already: a browser lays a page out again even for the same text.
 * @param {Element} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Hides or shows an element, unless that is so already.
 * @param {HTMLElement} node
 * @param {boolean} isHidden
 */
export function setHidden(node, isHidden) {
  if (node.hidden !== isHidden) node.hidden = isHidden;
}

/**
 * Disables or enables a button, unless that is so already.
 * @param {HTMLButtonElement} button
 * @param {boolean} isDisabled
 */
export function setDisabled(button, isDisabled) {
  if (button.disabled !== isDisabled) button.disabled = isDisabled;
}

/**
 * Returns the focused element if it is inside `within`.
 * @param {Node} within
 * @returns {HTMLElement | null}
 */
export function focusedIn(within) {
  const focused = document.activeElement;
  return focused instanceof HTMLElement && within.contains(focused) ? focused : null;
}

/**
 * Reads the JSON that the server wrote into the page.
 * @param {string} id of a script element
 * @returns {any} in the shape that the page's route in web/pages/ writes
 */
export function pageData(id) {
  return JSON.parse(element(`#${id}`, document, "script").text);
}
