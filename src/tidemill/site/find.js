// Filters the index of find.html by what is in the field; `/` goes to the field on every page.
"use strict";
const field = document.getElementById("q");
const said = document.getElementById("found");

// SHAs and digests are shown by their first twelve digits, and may be pasted with all around them.
function wanted(text) {
  const words = text.toLowerCase().trim();
  const hex = words.match(/(?:^|[:@/])([0-9a-f]{12,64})$/);
  return hex ? hex[1].slice(0, 12) : words;
}

function filter() {
  const words = wanted(field.value);
  let count = 0;
  for (const index of document.querySelectorAll(".index")) {
    let own = 0;
    for (const row of index.children) {
      row.hidden = words !== "" && !row.textContent.toLowerCase().includes(words);
      own += row.hidden ? 0 : 1;
    }
    index.closest("section").hidden = own === 0;
    count += own;
  }
  said.textContent = words === "" ? "" : count === 1 ? "1 found" : `${count} found`;
}

if (said) {
  field.value = new URLSearchParams(location.search).get("q") ?? "";
  field.addEventListener("input", filter);
  field.form.addEventListener("submit", (event) => {
    event.preventDefault();
    history.replaceState(null, "", `?q=${encodeURIComponent(field.value)}`);
    filter();
  });
  filter();
}
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && document.activeElement !== field) {
    event.preventDefault();
    field.focus();
  }
});
