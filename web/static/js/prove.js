// Asks for the password (and a code) once more, for what the console does not do on a session alone.

let asked = null;

export function prove(call) {
  asked ??= ask(call).finally(() => (asked = null));
  return asked;
}

async function ask(call) {
  const { needed, method, code } = await call("GET", "/api/v1/me/proof");
  if (!needed) return true;
  const dialog = document.createElement("dialog");
  dialog.className = "prove";
  dialog.setAttribute("aria-labelledby", "prove-title");
  const fields = [];
  if (method === "password") fields.push(field("current", "Password", "password", "current-password"));
  if (method === "password" && code) fields.push(field("code", "Code of your device, or a recovery code", "text", "one-time-code"));
  const title = Object.assign(document.createElement("h2"), { id: "prove-title", textContent: "Is it you?" });
  const problem = Object.assign(document.createElement("p"), { className: "problem", hidden: true });
  problem.setAttribute("role", "alert");
  const cancel = Object.assign(document.createElement("button"), { type: "button", textContent: "Cancel" });
  const menu = document.createElement("menu");
  menu.append(cancel);
  const form = document.createElement("form");
  if (method === "password") {
    menu.append(Object.assign(document.createElement("button"), { type: "submit", className: "primary", textContent: "Confirm" }));
  } else {
    const next = encodeURIComponent(location.pathname + location.search);
    menu.append(Object.assign(document.createElement("a"), { className: "button", href: `/sign-in/oidc?again=true&next=${next}`, textContent: "Sign in with your company's account" }));
  }
  form.append(title, ...fields.flat(), problem, menu);
  dialog.append(form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "proved");
    });
    cancel.addEventListener("click", () => dialog.close());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      problem.hidden = true;
      try {
        await call("POST", "/api/v1/me/proof", Object.fromEntries(new FormData(form)));
        dialog.close("proved");
      } catch (error) {
        problem.textContent = error.message;
        problem.hidden = false;
        form.querySelector("input").focus();
      }
    });
    dialog.showModal();
  });
}

function field(name, label, type, autocomplete) {
  const input = Object.assign(document.createElement("input"), { id: `prove-${name}`, name, type, autocomplete, required: true });
  return [Object.assign(document.createElement("label"), { htmlFor: input.id, textContent: label }), input];
}
