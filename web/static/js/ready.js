// Marks a page that has no script of its own as ready.

document.documentElement.dataset.ready = "yes";
