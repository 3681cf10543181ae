// The order that a person gives the rows of a table. It is for the eye alone: nothing else goes by it.

const words = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/**
 * Returns the order that follows when somebody presses a heading: up, down, and the table's own.
 * @param {string | undefined} order
 * @param {string} column
 * @returns {string | undefined}
 */
export function nextOrder(order, column) {
  if (order === column) return `-${column}`;
  return order === `-${column}` ? undefined : column;
}

/**
 * Sorts rows by a value of each. Rows without one stand last, and those with the same stay as they were.
 * @template R
 * @param {R[]} rows
 * @param {(row: R) => any} sortValue
 * @param {boolean} isUp
 * @returns {R[]}
 */
export function inOrder(rows, sortValue, isUp) {
  const values = new Map(rows.map((row) => [row, sortValue(row)]));
  /** @param {R} row */
  const isEmpty = (row) => [undefined, null, "", "--"].includes(values.get(row));
  return rows.toSorted((row, other) => {
    if (isEmpty(row) || isEmpty(other)) return Number(isEmpty(row)) - Number(isEmpty(other));
    const [a, b] = [values.get(row), values.get(other)];
    const compared = typeof a === "number" && typeof b === "number" ? a - b : words.compare(String(a), String(b));
    return isUp ? compared : -compared;
  });
}

/**
 * Makes the button in a heading that sorts by its column.
 * @param {HTMLTableCellElement} cell
 * @param {string} label
 * @param {string} name of the column
 * @param {() => void} onClick
 */
export function addSortButton(cell, label, name, onClick) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "sort";
  button.dataset.sort = name;
  button.textContent = label;
  button.addEventListener("click", onClick);
  cell.append(button);
}

/**
 * Says in a heading whether the rows are in the order of its column.
 * @param {HTMLTableCellElement} cell
 * @param {string} name of the column
 * @param {string | undefined} order
 */
export function showOrder(cell, name, order) {
  if (order === name) cell.setAttribute("aria-sort", "ascending");
  else if (order === `-${name}`) cell.setAttribute("aria-sort", "descending");
  else cell.removeAttribute("aria-sort");
}
