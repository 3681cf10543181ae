// What happened, said at the edge of the page and to screen readers.

export function say(text, milliseconds = 6000) {
  const line = document.createElement("p");
  line.textContent = text;
  document.getElementById("said").append(line);
  setTimeout(() => line.remove(), milliseconds);
}
