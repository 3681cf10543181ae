// Small tables from rows of values; what is a number is written as one, what is a node is put in as it is.

export function table(heads, rows, empty) {
  return fill(document.createElement("table"), heads, rows, empty);
}

export function fill(place, heads, rows, empty = "Nothing here.") {
  const numeric = heads.map((_, n) => rows.some((row) => typeof row[n] === "number"));
  const head = document.createElement("tr");
  heads.forEach((text, n) => {
    const cell = document.createElement("th");
    cell.scope = "col";
    if (text) cell.textContent = text;
    else cell.innerHTML = '<span class="hidden">Action</span>';
    if (numeric[n]) cell.className = "number";
    head.append(cell);
  });
  const lines = rows.map((row) => {
    const line = document.createElement("tr");
    row.forEach((value, n) => {
      const cell = document.createElement("td");
      if (value instanceof Node) cell.append(value);
      else cell.textContent = typeof value === "number" ? value.toLocaleString() : value;
      if (numeric[n]) cell.className = "number";
      line.append(cell);
    });
    return line;
  });
  if (!lines.length) {
    const line = document.createElement("tr");
    const cell = Object.assign(document.createElement("td"), { className: "empty", colSpan: heads.length, textContent: empty });
    line.append(cell);
    lines.push(line);
  }
  const [top, body] = ["thead", "tbody"].map((name) => document.createElement(name));
  top.append(head);
  body.append(...lines);
  place.replaceChildren(top, body);
  return place;
}
