// Opens the page again as soon as what it needs is back.

const AGAIN_MS = 2000;

async function tryAgain() {
  try {
    const response = await fetch(location.href, { headers: { accept: "text/html" } });
    if (response.status !== 503) return location.reload();
  } catch {
    // The console itself may be away for a moment.
  }
  setTimeout(tryAgain, AGAIN_MS);
}

setTimeout(tryAgain, AGAIN_MS);
