// Asks for the password and a code again. For some actions the console requires more than a session.

/**
 * @callback Call
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */

/** @type {Promise<boolean> | null} */
let asking = null;

/**
 * Asks if the console requires it. Simultaneous calls share one dialog.
 * @param {Call} call
 * @returns {Promise<boolean>} whether the person has given the proof
 */
export function prove(call) {
  asking ??= ask(call).finally(() => {
    asking = null;
  });
  return asking;
}

/** @param {Call} call */
async function ask(call) {
  const { needed, method, code } = await call("GET", "/api/v1/me/proof");
  if (!needed) return true;
  const byPassword = method === "password";
  const dialog = make("dialog", { className: "prove" });
  dialog.setAttribute("aria-labelledby", "prove-title");
  const form = make("form");
  const problem = make("p", { className: "problem", hidden: true });
  problem.setAttribute("role", "alert");
  const cancel = make("button", { type: "button", textContent: "Cancel" });
  const menu = make("menu");
  menu.append(cancel, byPassword ? confirmButton() : providerLink());
  form.append(make("h2", { id: "prove-title", textContent: "Is it you?" }));
  if (byPassword) form.append(...field("current", "Password", "password", "current-password"));
  if (byPassword && code) {
    form.append(...field("code", "Code of your device, or a recovery code", "text", "one-time-code"));
  }
  form.append(problem, menu);
  dialog.append(form);
  document.body.append(dialog);
  cancel.addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    try {
      await call("POST", "/api/v1/me/proof", Object.fromEntries(new FormData(form)));
      dialog.close("proved");
    } catch (error) {
      problem.textContent = error instanceof Error ? error.message : String(error);
      problem.hidden = false;
      form.querySelector("input")?.focus();
    }
  });
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "proved");
    });
    dialog.showModal();
  });
}

function confirmButton() {
  return make("button", { type: "submit", className: "primary", textContent: "Confirm" });
}

function providerLink() {
  const next = encodeURIComponent(location.pathname + location.search);
  const href = `/sign-in/oidc?again=true&next=${next}`;
  return make("a", { className: "button", href, textContent: "Sign in with your company's account" });
}

/**
 * @param {string} name
 * @param {string} label
 * @param {string} type
 * @param {"current-password" | "one-time-code"} autocomplete
 */
function field(name, label, type, autocomplete) {
  const input = make("input", { id: `prove-${name}`, name, type, autocomplete, required: true });
  return [make("label", { htmlFor: input.id, textContent: label }), input];
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Partial<HTMLElementTagNameMap[K]>} [properties]
 * @returns {HTMLElementTagNameMap[K]}
 */
function make(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}
