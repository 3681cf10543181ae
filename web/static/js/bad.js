const n = 1; export function f(x) { return document.querySelector("a").href + x; }
