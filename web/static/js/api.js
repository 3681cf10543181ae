// How pages ask the API: with this session's CSRF token, and what went wrong as an Error that says so.

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

const READS = 12; // tries, three quarters of a minute

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? `the console answered ${status}`);
    this.status = status;
    this.body = body;
  }
}

// What only reads is asked again while the console is away: lists heal by themselves once it is back.
export async function fetched(path, options) {
  for (let wait = 250, left = READS; ; wait = Math.min(wait * 2, 4000), left -= 1) {
    const again = options.method === "GET" && left > 0;
    try {
      const answer = await fetch(path, options);
      if (!again || answer.status !== 503) return answer;
    } catch (error) {
      if (!again) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

export async function call(method, path, body, headers = {}) {
  const sent = { accept: "application/json", ...headers };
  if (method !== "GET") sent["x-csrf-token"] = csrf;
  if (body !== undefined) sent["content-type"] = "application/json";
  const answer = await fetched(path, { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body) });
  if (answer.status === 401) {
    location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
    throw new Problem(401, { detail: "sign in first" });
  }
  if (answer.status === 204) return null;
  const found = await answer.json();
  if (!answer.ok) throw new Problem(answer.status, found);
  return found;
}

// An action keeps its id until it is answered, over reloads and a console that was away: asked again it is the same
// action, answered as the first time.
//
// It belongs to one person: whoever signs in next in this tab neither sends it nor finds it.
const KEPT = "firstclaim-pending";
const whose = ["org", "rep"].map((name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "").join("/");
const PENDING = `${KEPT}/${whose}`;
for (const name of Object.keys(sessionStorage)) {
  const others = name.startsWith(KEPT) && name !== PENDING;
  if (others && (whose !== "/" || location.pathname === "/signed-out")) sessionStorage.removeItem(name);
}

export function pending() {
  return JSON.parse(sessionStorage.getItem(PENDING) ?? "{}");
}

function keep(all) {
  sessionStorage.setItem(PENDING, JSON.stringify(all));
}

export async function act(path, body, note = {}, key = crypto.randomUUID()) {
  keep({ ...pending(), [key]: { path, body, note } });
  for (let wait = 250; ; wait = Math.min(wait * 2, 4000)) {
    try {
      const answer = await call("POST", path, body, { "idempotency-key": key });
      done(key);
      return answer;
    } catch (error) {
      const again = !(error instanceof Problem) || error.status === 503 || error.status === 502 || error.status === 429;
      if (!again) {
        done(key);
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

function done(key) {
  const all = pending();
  delete all[key];
  keep(all);
}
