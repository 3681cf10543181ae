// Opens the page again as soon as what it needs is back, while somebody can see it: a page may open a lead with a lock.

const AGAIN_MS = 2000;

async function tryAgain() {
  try {
    if (!document.hidden) {
      const response = await fetch(location.href, { headers: { accept: "text/html" } });
      if (response.status !== 503) return location.reload();
    }
  } catch {
    // The console itself may be away for a moment.
  }
  later();
}

/** Pages that got the same answer at once do not all ask again at once. */
function later() {
  setTimeout(tryAgain, AGAIN_MS * (1 + Math.random()));
}

later();
